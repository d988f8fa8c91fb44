package builder

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// RelaxCategorical returns the Gumbel-softmax sample of categorical variables with the given logits, for noise u uniform
// in the open unit interval, both [batch, variables, categories], and a scalar temperature tau:
//
//	z = softmax((l + g) / tau),   g = -ln(-ln u)
//
// For every tau the largest element of z follows softmax(l). The result has the logits' shape and sums to 1 along the
// last axis. Jang et al. 1611.01144, equation (2).
func (b *Graph) RelaxCategorical(logits, u, tau *G.Node) *G.Node {
	return categoricalProbabilities(b, b.Div(b.addGumbel(logits, u), tau))
}

// addGumbel returns l - ln(-ln u): its largest element follows softmax(l).
func (b *Graph) addGumbel(logits, u *G.Node) *G.Node {
	return b.Add(logits, b.Neg(b.Log(b.Neg(b.Log(u)))))
}

// SampleCategorical returns hard samples, one-hot, of categorical variables with the given logits, for noise u uniform in the
// open unit interval, both [batch, variables, categories]: the arg-max of l - ln(-ln u), which follows softmax(l). It is the sample
// that [Graph.RelaxCategorical] relaxes. No gradient passes.
func (b *Graph) SampleCategorical(logits, u *G.Node) *G.Node {
	return b.OneHotArgMax(b.addGumbel(logits, u))
}

// categoricalProbabilities is the softmax along the last axis.
func categoricalProbabilities(b *Graph, logits *G.Node) *G.Node {
	p := b.Exp(b.LogSoftmax(b.perVariable(logits)))
	if b.err != nil {
		return nil
	}
	return b.Reshape(p, shapeOf(logits)...)
}

// KLCategorical returns KL(Cat(softmax l) ‖ Cat(softmax p)) in nats, summed over the variables of each row:
//
//	KL = Σ q (ln q - ln p),   and for the uniform prior   Σ q ln q + ln K
//
// logits is [batch, variables, categories]; prior is [variables, categories], nil for the uniform one. The result is
// [batch], within [0, variables·ln K] up to rounding when prior is nil.
func (b *Graph) KLCategorical(logits, prior *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	shape := shapeOf(logits)
	if len(shape) != 3 {
		return b.fail("the categorical divergence takes logits of [batch, variables, categories], not %v", shape)
	}
	logQ := b.LogSoftmax(b.perVariable(logits))
	q := b.Exp(logQ)
	var gap *G.Node
	if prior == nil {
		gap = b.Add(logQ, b.Number(math.Log(float64(shape[2]))))
	} else {
		gap = b.Sub(logQ, b.perVariable(b.ExpandLike(b.LogSoftmax(prior), logits, 0)))
	}
	return b.Sum(b.Reshape(b.Mul(q, gap), shape[0], shape[1]*shape[2]), 1)
}

// perVariable turns [batch, variables, categories] into [batch·variables, categories].
func (b *Graph) perVariable(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	s := shapeOf(x)
	if len(s) != 3 {
		return b.fail("categorical variables take [batch, variables, categories], not %v", s)
	}
	return b.Reshape(x, s[0]*s[1], s[2])
}

func shapeOf(x *G.Node) []int {
	if x == nil {
		return nil
	}
	return x.Shape()
}

// LogQCategorical returns ln q(z) of hard codes z of categorical variables with the given logits, both
// [batch, variables, categories], in nats a row: Σ z ln softmax(l).
func (b *Graph) LogQCategorical(code, logits *G.Node) *G.Node {
	logQ := b.LogSoftmax(b.perVariable(logits))
	chosen := b.Mul(b.perVariable(code), logQ)
	if b.err != nil {
		return nil
	}
	s := shapeOf(logits)
	return b.Sum(b.Reshape(chosen, s[0], s[1]*s[2]), 1)
}

// hardenCategorical is [Graph.OneHotArgMax]; there are no thresholds.
func hardenCategorical(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
	if len(thresholds) > 0 {
		return b.fail("%d thresholds for categorical variables, which have none", len(thresholds))
	}
	return b.OneHotArgMax(logits)
}
