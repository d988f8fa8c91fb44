package builder

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// RelaxBernoulli returns the Gumbel-sigmoid sample of Bernoulli variables with the given logits, for noise u uniform in
// the open unit interval, both [batch, variables], and a scalar temperature tau:
//
//	z = σ((l + ln(u/(1-u))) / tau)
//
// ln(u/(1-u)) is the difference of two Gumbel variables, so that P(z > 1/2) = σ(l) for every tau; z goes to the
// hard sample as tau goes to 0. Maddison et al. 1611.00712, equation (5); Jang et al. 1611.01144, section 2.2.
func (b *Graph) RelaxBernoulli(logits, u, tau *G.Node) *G.Node {
	return b.Sigmoid(b.Div(b.addLogistic(logits, u), tau))
}

// addLogistic returns l + ln(u/(1-u)): above 0 with probability σ(l).
func (b *Graph) addLogistic(logits, u *G.Node) *G.Node {
	return b.Add(logits, b.Log(b.Div(u, b.Sub(b.Number(1), u))))
}

// SampleBernoulli returns hard samples of Bernoulli variables with the given logits, for noise u uniform in the open unit
// interval, both [batch, variables]: 1 where l + ln(u/(1-u)) > 0, which has probability σ(l), else 0. It is the sample that
// [Graph.RelaxBernoulli] relaxes. No gradient passes.
func (b *Graph) SampleBernoulli(logits, u *G.Node) *G.Node {
	return b.Greater(b.addLogistic(logits, u), b.Number(0))
}

// bernoulliLogits is the inverse of the sigmoid, ln(p/(1-p)).
func bernoulliLogits(b *Graph, p *G.Node) *G.Node {
	return b.Log(b.Div(p, b.Sub(b.Number(1), p)))
}

// Threshold returns the hard code of Bernoulli variables: 1 where l > t, 0 elsewhere (NaN gives 0). logits is
// [batch, variables], thresholds [variables]; with t = 0 the code is the likelier value of each variable.
func (b *Graph) Threshold(logits, thresholds *G.Node) *G.Node {
	return b.Greater(logits, b.ExpandLike(thresholds, logits, 0))
}

// KLBernoulli returns KL(Bern(σ(l)) ‖ Bern(σ(a))) in nats, summed over the variables of each row.
//
//	KL = Σ q(l-a) - sp(l) + sp(a),   q = σ(l),   sp(x) = max(x,0) + log1p(exp(-|x|))
//
// logits is [batch, variables]; prior is [variables], nil for Ber(0.5). The result is [batch]: non-negative up to
// rounding, at most variables·ln 2 when prior is nil. Stutz, equation (5), with the weights that it leaves out.
func (b *Graph) KLBernoulli(logits, prior *G.Node) *G.Node {
	q := b.Sigmoid(logits)
	negativeEntropy := b.logLikelihood(q, logits, true) // Σ q l - sp(l)
	if b.err != nil {
		return nil
	}
	if prior == nil {
		return b.Add(negativeEntropy, b.Number(math.Ln2*float64(logits.Shape()[1])))
	}
	crossed := b.Sum(b.Mul(q, b.ExpandLike(prior, logits, 0)), 1)
	return b.Add(b.Sub(negativeEntropy, crossed), b.Sum(b.Softplus(prior)))
}

// bernoulliKLs are the terms of [Graph.KLBernoulli], [batch, variables].
func bernoulliKLs(b *Graph, logits, prior *G.Node) *G.Node {
	q := b.Sigmoid(logits)
	if prior == nil {
		return b.Add(b.Sub(b.Mul(q, logits), b.Softplus(logits)), b.Number(math.Ln2))
	}
	of := b.ExpandLike(prior, logits, 0)
	return b.Add(b.Sub(b.Mul(q, b.Sub(logits, of)), b.Softplus(logits)), b.Softplus(of))
}

// LogQBernoulli returns ln q(z) of hard codes z of Bernoulli variables with the given logits, both [batch, variables], in
// nats a row: Σ z l - sp(l).
func (b *Graph) LogQBernoulli(code, logits *G.Node) *G.Node {
	return b.logLikelihood(code, logits, false)
}

// hardenBernoulli is [Graph.Threshold] with thresholds as numbers; nil means 0.
func hardenBernoulli(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
	if b.err != nil {
		return nil
	}
	if logits == nil || logits.Dims() != 2 {
		return b.fail("the thresholds take logits of [batch, variables], not %v", shapes(G.Nodes{logits}))
	}
	t := make([]float64, logits.Shape()[1])
	if thresholds != nil && len(thresholds) != len(t) {
		return b.fail("%d thresholds for %d variables", len(thresholds), len(t))
	}
	for i, v := range thresholds {
		t[i] = float64(v)
	}
	return b.Threshold(logits, b.Constant(b.path("thresholds"), t, len(t)))
}

// bernoulliApart moves a logit l to max(l, gap) where the code is 1 and to min(l, -gap) where it is 0.
func bernoulliApart(b *Graph, logits, code *G.Node, gap float64) *G.Node {
	sign := b.Sub(b.Mul(b.Number(2), code), b.Number(1))
	along := b.Mul(sign, logits) // how much the logit favours the code
	more := b.Activate(ReLU, b.Sub(b.Number(gap), along))
	return b.Add(logits, b.StopGradient(b.Mul(sign, more)))
}

// bernoulliDensity is the family's density. With y = (l + ln(u/(1-u)))/tau and z = σ(y), the density of y is a logistic one,
//
//	ln q(y) = Σ ln tau + (l - tau y) - 2 sp(l - tau y)
//
// and the prior's is the same with its logits in place of l. Maddison et al. 1611.00712, appendix C.3.2.
func bernoulliDensity(b *Graph, logits, prior, u, tau *G.Node) (z, logQ, logP *G.Node) {
	moved := b.addLogistic(logits, u) // tau y
	of := func(l *G.Node) *G.Node {
		d := b.Sub(l, moved)
		return b.Sum(b.Add(b.Sub(d, b.Mul(b.Number(2), b.Softplus(d))), b.Log(tau)), 1)
	}
	if b.err != nil {
		return nil, nil, nil
	}
	return b.Sigmoid(b.Div(moved, tau)), of(logits), of(b.priorLike(prior, logits))
}

// coupleBernoulli is the family's couple: samples of u and of 1-u, with the score Σ (z - other) σ(|l|) l, whose first two factors are
// constants. Dong, Mnih and Tucker 2006.10680, equation (6); Yin et al. 2007.03656.
func coupleBernoulli(b *Graph, logits, u *G.Node) (z, other, score *G.Node) {
	z = b.SampleBernoulli(logits, u)
	other = b.SampleBernoulli(logits, b.Sub(b.Number(1), u))
	weight := b.Mul(b.Sub(z, other), b.Sigmoid(b.Abs(logits)))
	return z, other, b.Sum(b.Mul(b.StopGradient(weight), logits), 1)
}
