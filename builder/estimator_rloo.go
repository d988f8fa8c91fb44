package builder

import G "gorgonia.org/gorgonia"

// RLOOEstimator is the name of the score function with the other samples as baseline.
const RLOOEstimator = "rloo"

// rloo is the negative ELBO with the mean over k hard samples of a row, and the gradient of the score function, each sample's baseline being
// the mean of the others:
//
//	∂ = 1/k Σ ∂(-ln p(x|zᵢ)) + 1/k Σ (f(zᵢ) - mean of f(zⱼ), j ≠ i) ∂ln q(zᵢ|x) + weight ∂KL,   f(z) = -ln p(x|z)
//
// It is unbiased, and noisy. k passes through the decoder, 2 where objective.samples is left out. Kool, van Hoof and Welling 2019, "Buy 4
// REINFORCE samples, get a baseline for free"; Salimans and Knowles 1401.1022.
func rloo(p *Parts) Objective {
	k, weight := p.Samples(), p.Schedule(KLWeightInput)
	if p.Model.Latent.layered() {
		return p.rlooLayers(k, weight)
	}
	logits := p.Encode()
	codes, logPs := p.decodeSamples(logits, k)
	o := p.NegativeELBO(p.average(logPs), p.Divergence(logits), weight)
	o.Logits = logits
	var costs, logQs []*G.Node
	for i, code := range codes {
		costs, logQs = append(costs, p.Neg(logPs[i])), append(logQs, p.LogQ(code, logits))
	}
	return p.leaveOneOut(o, costs, logQs)
}

// rlooLayers is rloo of two layers: f has their divergence, too, since it depends on the sample, and ln q is ln q(z1|x) + ln q(z2|z1).
func (p *Parts) rlooLayers(k int, weight *G.Node) Objective {
	s := p.hardLayers(k)
	o := p.NegativeELBO(p.average(s.logPs), p.average(s.kls), weight)
	o.Logits = s.logits(p.Graph)
	var costs []*G.Node
	for i := range k {
		costs = append(costs, p.Sub(p.Mul(weight, s.kls[i]), s.logPs[i]))
	}
	return p.leaveOneOut(o, costs, s.logQs)
}

// leaveOneOut adds the score of samples to an objective, each with its cost less the mean of the others' as the factor: (cost - mean of all)
// k/(k-1), over k.
func (p *Parts) leaveOneOut(o Objective, costs, logQs []*G.Node) Objective {
	mean, share := p.average(costs), p.Number(1/float64(len(costs)-1))
	var score *G.Node
	for i, logQ := range logQs {
		advantage := p.StopGradient(p.Mul(share, p.Sub(costs[i], mean)))
		score = p.plus(score, p.Mul(advantage, logQ))
	}
	return p.Scored(o, score)
}

// decodeSamples returns k hard samples of each row, and ln p(x|z) of each, [batch].
func (p *Parts) decodeSamples(logits *G.Node, k int) (codes, logPs []*G.Node) {
	for i := range k {
		code := p.Sample(logits, p.NoiseOf(i))
		codes, logPs = append(codes, code), append(logPs, p.LogP(code))
	}
	return codes, logPs
}

// average returns the mean of nodes of one shape.
func (p *Parts) average(xs []*G.Node) (mean *G.Node) {
	for _, x := range xs {
		mean = p.plus(mean, x)
	}
	return p.Mul(p.Number(1/float64(len(xs))), mean)
}
