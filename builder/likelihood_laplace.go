package builder

import (
	"math"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func laplaceLikelihood(c dist.LikelihoodConfig) likelihood {
	s := newSpread(c, "log_scale", dist.LeastLogScale, dist.LaplaceLogScale)
	return likelihood{outputs: s.outputs, logP: (*Graph).LogLikelihoodLaplace, mean: location}
}

// LogLikelihoodLaplace returns ln p(x | m, s) in nats, summed over the values of each row, for independent Laplace values of
// location m and scale e^s:
//
//	ln p = -Σ |x-m| e^-s + s + ln 2
//
// x is [batch, width], outputs [batch, width, 2] of m and s. The result is [batch]. The gradient is 0 where x = m.
func (b *Graph) LogLikelihoodLaplace(x, outputs *G.Node) *G.Node {
	s := b.Part(outputs, 1)
	far := b.Mul(b.Abs(b.Sub(x, b.Part(outputs, 0))), b.Exp(b.Neg(s)))
	return b.Neg(b.Sum(b.Add(b.Add(far, s), b.Number(math.Ln2)), 1))
}
