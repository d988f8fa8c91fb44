package builder

import (
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func poissonLikelihood(dist.LikelihoodConfig) likelihood {
	return likelihood{logP: (*Graph).LogLikelihoodPoisson, mean: (*Graph).Exp}
}

// LogLikelihoodPoisson returns ln p(x | l) in nats, summed over the values of each row, for independent counts of rate e^l:
//
//	ln p = Σ x l - e^l - ln x!
//
// x and logs are [batch, width]. The result is [batch]. x is not differentiated in ln x!.
func (b *Graph) LogLikelihoodPoisson(x, logs *G.Node) *G.Node {
	return b.Sum(b.Sub(b.Sub(b.Mul(x, logs), b.Exp(logs)), b.logFactorial(x)), 1)
}
