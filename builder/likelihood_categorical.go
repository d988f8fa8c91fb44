package builder

import (
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func categoricalLikelihood(c dist.LikelihoodConfig) likelihood {
	return likelihood{logP: (*Graph).LogLikelihoodCategorical, mean: func(b *Graph, outputs *G.Node) *G.Node {
		if b.err != nil {
			return nil
		}
		of, levels := slices.Clone(outputs.Shape()[:outputs.Dims()-1]), levelsOf(c)
		each := make([]float64, levels)
		for k := range each {
			each[k] = float64(k) / float64(levels-1)
		}
		p := b.Exp(b.LogSoftmax(b.Reshape(outputs, of.TotalSize(), levels)))
		mean := b.MatMul(p, b.Constant(b.path("decoder/levels"), each, levels, 1))
		return b.Reshape(b.unitRange(mean), of...)
	}}
}

// LogLikelihoodCategorical returns ln p(x | l) in nats, summed over the values of each row, for independent whole numbers
// v = x(levels-1) with a logit for each number that there is:
//
//	ln p = l_v - ln Σ e^(l_k)
//
// x is [batch, width] within [0,1], logits [batch, width, levels]. The result is [batch]. x is not differentiated.
func (b *Graph) LogLikelihoodCategorical(x, logits *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || logits == nil || x.Dims() != 2 || logits.Dims() != 3 {
		return b.fail("the categorical likelihood takes values [batch, width] and logits [batch, width, levels], not %v", shapes(G.Nodes{x, logits}))
	}
	n, levels := x.Shape().TotalSize(), logits.Shape()[2]
	logs := b.LogSoftmax(b.Reshape(logits, n, levels))
	return b.Sum(b.Reshape(b.pick(logs, b.Reshape(x, n)), x.Shape()...), 1)
}
