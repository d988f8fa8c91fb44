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
	mean := p.average(logPs)
	o := p.NegativeELBO(mean, p.Divergence(logits), weight)
	o.Logits = logits
	var score *G.Node
	for i, code := range codes {
		// mean - ln p(x|zᵢ) is (k-1)/k of the distance to the others' mean.
		advantage := p.StopGradient(p.Mul(p.Number(1/float64(k-1)), p.Sub(mean, logPs[i])))
		score = p.plus(score, p.Mul(advantage, p.LogQ(code, logits)))
	}
	return p.Scored(o, score)
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
	mean := p.average(costs)
	var score *G.Node
	for i, logQ := range s.logQs {
		advantage := p.StopGradient(p.Mul(p.Number(1/float64(k-1)), p.Sub(costs[i], mean)))
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

// plus is sum + x, or x where there is no sum yet.
func (p *Parts) plus(sum, x *G.Node) *G.Node {
	if sum == nil {
		return x
	}
	return p.Add(sum, x)
}
