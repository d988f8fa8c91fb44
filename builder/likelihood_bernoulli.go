package builder

import (
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func bernoulliLikelihood(dist.LikelihoodConfig) likelihood {
	return likelihood{logP: (*Graph).LogLikelihoodBernoulli, mean: (*Graph).Sigmoid}
}

// LogLikelihoodBernoulli returns ln p(x | l) in nats, summed over the values of each row, for independent Bernoulli
// values with logits l:
//
//	ln p = Σ x l - sp(l),   sp(l) = max(l,0) + log1p(exp(-|l|))
//
// x and logits are [batch, width], x within [0,1] (a grey value counts as the expectation over its binarisation). It is
// finite for every finite l: no logarithm of a probability is taken. The result is [batch].
func (b *Graph) LogLikelihoodBernoulli(x, logits *G.Node) *G.Node {
	return b.logLikelihood(x, logits, false)
}

// logLikelihood is [Graph.LogLikelihoodBernoulli]; mean says that x is σ(logits).
func (b *Graph) logLikelihood(x, logits *G.Node, mean bool) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || logits == nil || logits.Dims() != 2 || !slices.Equal(x.Shape(), logits.Shape()) {
		return b.fail("the Bernoulli likelihood takes values and logits of one shape [batch, width], not %v", shapes(G.Nodes{x, logits}))
	}
	return b.apply(bernoulliOp{Shape: logits.Shape(), Mean: mean}, x, logits)
}
