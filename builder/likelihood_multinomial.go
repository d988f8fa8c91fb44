package builder

import (
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func multinomialLikelihood(dist.LikelihoodConfig) likelihood {
	return likelihood{logP: (*Graph).LogLikelihoodMultinomial, mean: func(b *Graph, logits *G.Node) *G.Node {
		shares := b.Exp(b.LogSoftmax(b.flat(logits)))
		if b.err != nil {
			return nil
		}
		return b.Reshape(shares, logits.Shape()...)
	}}
}

// LogLikelihoodMultinomial returns ln p(x | l) in nats a row, for counts x whose words are drawn by the softmax of l, without the
// multinomial coefficient (see dist):
//
//	ln p = Σ x_i (l_i - ln Σ e^(l_k))
//
// x and logits are [batch, width]. The result is [batch].
func (b *Graph) LogLikelihoodMultinomial(x, logits *G.Node) *G.Node {
	return b.Sum(b.Mul(x, b.LogSoftmax(logits)), 1)
}
