package builder

import (
	G "gorgonia.org/gorgonia"
)

// Dropout sets each number of x [batch, ...] to zero with probability rate, within [0,1), and multiplies the others by
// 1/(1-rate), in graphs of a training step (see [Graph.Training]); in every other graph it is x (Srivastava et al. 2014, section 10, with the scale in
// training). The mask comes from noise that the step fills, an input "<name>/noise" of purpose [NoisePurpose]: it depends on the seed,
// the step and the row alone, so that every engine drops the same, also after a resume. Where a part is built again in one graph, the mask is the
// same.
func (b *Graph) Dropout(name string, x *G.Node, rate float64) *G.Node {
	return b.In(name, func() *G.Node {
		switch {
		case b.err != nil:
			return nil
		case x == nil || x.Dims() == 0:
			return b.fail("dropout takes a batch, not %v", shapes(G.Nodes{x}))
		case !(rate >= 0 && rate < 1):
			return b.fail("dropout with probability %g: use 0 or more, below 1", rate)
		case rate == 0 || !b.learns:
			return x
		}
		kept := b.Greater(b.noise("noise", x.Shape()...), b.Number(rate))
		return b.Mul(x, b.Mul(kept, b.Number(1/(1-rate))))
	})
}

// noise returns an input that each step fills with uniform noise.
func (b *Graph) noise(name string, shape ...int) *G.Node {
	name = b.path(name)
	if old, ok := b.named[name]; ok && b.shared {
		return old
	}
	n := b.Input(name, shape...)
	b.asked = append(b.asked, Input{name, NoisePurpose, n})
	return n
}
