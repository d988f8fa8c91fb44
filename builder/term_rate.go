package builder

import G "gorgonia.org/gorgonia"

// The controller of a rate: how far the logarithm of the weight moves in a step where the divergence is twice the rate, and how far from 0
// it may get.
const (
	rateGain  = 0.02
	rateBound = 12
)

// steered adds to a loss of weight w what the divergence costs more by the weight that reaches [Terms].Rate, in place of w:
//
//	w exp(s),   s' = s + 0.02 (KL - R)/R,   within ±12
//
// s is carried from step to step as the buffer "objective/rate". It is an integral controller: it rests where KL = R. Rezende and Viola 1810.00597
// constrain the reconstruction in the same way.
func (p *Parts) steered(o Objective) Objective {
	rate := p.Model.Terms.Rate
	if rate == 0 || p.Err() != nil {
		return o
	}
	s := p.In("objective", func() *G.Node { return p.Buffer("rate", Zeros, 1) })
	gap := p.Mul(p.Number(rateGain/rate), p.Sub(p.StopGradient(o.KL), p.Number(rate)))
	next := p.Add(s, gap)
	// min(max(x, -c), c) = ReLU(x+c) - ReLU(x-c) - c
	bound := p.Number(rateBound)
	next = p.Sub(p.Sub(p.Activate(ReLU, p.Add(next, bound)), p.Activate(ReLU, p.Sub(next, bound))), bound)
	p.Update(s, next)
	factor := p.Sum(p.Exp(s))
	weight := p.Schedule(KLWeightInput)
	more := p.Mul(weight, p.Sub(factor, p.Number(1)))
	o.Loss = p.Add(o.Loss, p.Mul(p.StopGradient(more), o.KL))
	return o
}

// spared adds to a loss what makes the divergence of each variable, averaged over the batch, cost no less than λ nats, so that nothing
// is gained below it:
//
//	Σ max(KLᵥ, λ) = Σ KLᵥ + Σ max(0, λ - KLᵥ)
//
// Kingma et al. 1606.04934, appendix C.8.
func (p *Parts) spared(o Objective) Objective {
	free := p.Model.Terms.FreeBits
	if free == 0 || !p.says(o, "objective.free_bits") {
		return o
	}
	f := p.Model.discrete(p.Graph)
	if f == nil {
		return o
	}
	each := f.klEach(p.Graph, o.Logits, p.PriorLogits())
	if p.Err() != nil {
		return o
	}
	mean := p.Mul(p.Sum(each, 0), p.Number(1/float64(p.batch)))
	lack := p.Sum(p.Activate(ReLU, p.Sub(p.Number(free), mean)))
	o.Loss = p.Add(o.Loss, p.Mul(p.Schedule(KLWeightInput), lack))
	return o
}
