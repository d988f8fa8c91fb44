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
	gaps := b.categoricalGaps(logits, prior)
	if b.err != nil {
		return nil
	}
	shape := shapeOf(logits)
	return b.Sum(b.Reshape(gaps, shape[0], shape[1]*shape[2]), 1)
}

// categoricalGaps are the terms q (ln q - ln p) of the divergence, [batch·variables, categories].
func (b *Graph) categoricalGaps(logits, prior *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	shape := shapeOf(logits)
	if len(shape) != 3 {
		return b.fail("the categorical divergence takes logits of [batch, variables, categories], not %v", shape)
	}
	logQ := b.LogSoftmax(b.perVariable(logits))
	q := b.Exp(logQ)
	if prior == nil {
		return b.Mul(q, b.Add(logQ, b.Number(math.Log(float64(shape[2])))))
	}
	return b.Mul(q, b.Sub(logQ, b.perVariable(b.ExpandLike(b.LogSoftmax(prior), logits, 0))))
}

// categoricalKLs are the divergences of [Graph.KLCategorical] variable by variable, [batch, variables].
func categoricalKLs(b *Graph, logits, prior *G.Node) *G.Node {
	gaps := b.categoricalGaps(logits, prior)
	if b.err != nil {
		return nil
	}
	return b.Reshape(b.Sum(gaps, 1), shapeOf(logits)[:2]...)
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

// categoricalApart moves the logit of the code's category up to the largest, and the others down by what they lack to the gap below
// it.
//
//	l' = l + z (max l - l_z) - (1-z) max(0, l + gap - max l)
//
// Fan et al. 2206.07235, section 4.
func categoricalApart(b *Graph, logits, code *G.Node, gap float64) *G.Node {
	l, z := b.perVariable(logits), b.perVariable(code)
	if b.err != nil {
		return nil
	}
	chosen := b.ExpandLike(b.Sum(b.Mul(z, l), 1), l, 1)
	most := b.ExpandLike(b.Sum(b.Mul(b.OneHotArgMax(l), l), 1), l, 1)
	up := b.Mul(z, b.Sub(most, chosen))
	down := b.Mul(b.Sub(b.Number(1), z), b.Activate(ReLU, b.Sub(b.Add(l, b.Number(gap)), most)))
	moved := b.Add(l, b.StopGradient(b.Sub(up, down)))
	return b.Reshape(moved, shapeOf(logits)...)
}

// categoricalDensity is the family's density. With y = (l + g)/tau less its logarithm of the sum of exponentials, so that z = eʸ, and K categories,
//
//	ln q(y) = Σ ln (K-1)! + (K-1) ln tau + Σ (l - tau y) - K ln Σ exp(l - tau y)
//
// and the prior's is the same with its logits in place of l. Maddison et al. 1611.00712, appendix C.3.3.
func categoricalDensity(b *Graph, logits, prior, u, tau *G.Node) (z, logQ, logP *G.Node) {
	if b.err != nil {
		return nil, nil, nil
	}
	if len(shapeOf(logits)) != 3 {
		return b.fail("the categorical density takes logits of [batch, variables, categories], not %v", shapeOf(logits)), nil, nil
	}
	shape := shapeOf(logits)
	k := float64(shape[2])
	factorial, _ := math.Lgamma(k)
	y := b.LogSoftmax(b.perVariable(b.Div(b.addGumbel(logits, u), tau)))
	of := func(l *G.Node) *G.Node {
		d := b.LogSoftmax(b.Sub(l, b.Mul(y, tau))) // ln Σ exp is 0 now
		constant := b.Add(b.Number(factorial), b.Mul(b.Number(k-1), b.Log(tau)))
		each := b.Add(b.Sum(d, 1), constant)
		return b.Sum(b.Reshape(each, shape[0], shape[1]), 1)
	}
	return b.Reshape(b.Exp(y), shape...), of(b.perVariable(logits)), of(b.perVariable(b.priorLike(prior, logits)))
}

// coupleCategorical is the family's couple by breaking a stick: variable k of K-1 Bernoulli variables with the logits
//
//	l'ₖ = lₖ - ln Σ exp(lⱼ) over j > k
//
// takes category k where no earlier one has taken its own, and the last category remains. The pairs are those of [coupleBernoulli], except that
// variables that neither sample comes to have no score. Dong, Mnih and Tucker 2106.08056, section 3.
func coupleCategorical(b *Graph, logits, u *G.Node) (z, other, score *G.Node) {
	l, u := b.perVariable(logits), b.perVariable(u)
	if b.err != nil {
		return nil, nil, nil
	}
	shape := shapeOf(logits)
	k := shape[2]
	sticks := make([]*G.Node, k-1)
	rest := b.Part(l, k-1) // ln Σ exp of what comes later
	for i := k - 2; i >= 0; i-- {
		sticks[i] = b.Sub(b.Part(l, i), rest)
		rest = b.Add(rest, b.Softplus(sticks[i]))
	}
	one := b.Number(1)
	open := b.Add(b.zerosLike(rest), one) // 1 where a sample comes to this variable
	openOther := open
	var codes, others []*G.Node
	var sum *G.Node
	column := func(x *G.Node) *G.Node { return b.Reshape(x, shape[0]*shape[1], 1) }
	for i, stick := range sticks {
		noise := b.Part(u, i)
		first, second := b.SampleBernoulli(stick, noise), b.SampleBernoulli(stick, b.Sub(one, noise))
		either := b.Sub(b.Add(open, openOther), b.Mul(open, openOther))
		weight := b.Mul(either, b.Mul(b.Sub(first, second), b.Sigmoid(b.Abs(stick))))
		sum = b.plus(sum, b.Mul(b.StopGradient(weight), stick))
		codes, others = append(codes, column(b.Mul(open, first))), append(others, column(b.Mul(openOther, second)))
		open, openOther = b.Mul(open, b.Sub(one, first)), b.Mul(openOther, b.Sub(one, second))
	}
	z = b.Reshape(b.Concat(1, append(codes, column(open))...), shape...)
	other = b.Reshape(b.Concat(1, append(others, column(openOther))...), shape...)
	return z, other, b.Sum(b.Reshape(sum, shape[0], shape[1]), 1)
}
