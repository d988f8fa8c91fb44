package builder

import G "gorgonia.org/gorgonia"

// GappedEstimator is the name of straight-through with a gap.
const GappedEstimator = "gapped-straight-through"

// logitGap is how far a sample's logit is above the others: what the paper calls GST-1.0.
const logitGap = 1

// gapped is the negative ELBO with a hard sample z, which gets the gradient of a relaxation that is consistent with it: the logits are moved so
// that the sample is the likeliest code by a gap of 1, without more noise.
//
//	mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z))),   ∂z := ∂E[z; l'/tau],   l' = l + constant
//
// Its gradient is biased, and has less variance than that of straight-through-gumbel. One pass through the decoder. Fan, Chi, Rudnicky and
// Ramadge 2206.07235, section 4.
func gapped(p *Parts) Objective {
	noise, temperature, weight := p.Noise(NoiseInput), p.Schedule(TemperatureInput), p.Schedule(KLWeightInput)
	return p.drawn(noise, weight, func(m Model, logits, u *G.Node) *G.Node {
		hard, f := m.Sample(p.Graph, logits, u), m.discrete(p.Graph)
		if f == nil {
			return nil
		}
		return p.WithGradientOf(hard, m.Probabilities(p.Graph, p.Div(f.apart(p.Graph, logits, hard, logitGap), temperature)))
	})
}
