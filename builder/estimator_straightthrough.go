package builder

import G "gorgonia.org/gorgonia"

// The names of the straight-through estimators.
const (
	DeterministicEstimator         = "deterministic"
	StraightThroughEstimator       = "straight-through"
	StraightThroughGumbelEstimator = "straight-through-gumbel"
)

// straightThrough is the negative ELBO with a hard sample z, which gets the gradient of its mean:
//
//	mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z))),   ∂z := ∂E[z]
//
// The loss is the ELBO itself, not that of a relaxation. Its gradient is biased: that of a decoder which is linear between the codes;
// no temperature. One pass through the decoder. Bengio et al. 1308.3432, section 4.
func straightThrough(p *Parts) Objective {
	noise, weight := p.Noise(NoiseInput), p.Schedule(KLWeightInput)
	return p.drawn(noise, weight, func(m Model, logits, u *G.Node) *G.Node {
		return p.WithGradientOf(m.Sample(p.Graph, logits, u), m.Probabilities(p.Graph, logits))
	})
}

// straightThroughGumbel is the same with the gradient of the relaxed sample of the same noise, at temperature tau: biased, less so and
// noisier for a small tau. One pass through the decoder. Jang et al. 1611.01144, section 2.2.
func straightThroughGumbel(p *Parts) Objective {
	noise, temperature, weight := p.Noise(NoiseInput), p.Schedule(TemperatureInput), p.Schedule(KLWeightInput)
	return p.drawn(noise, weight, func(m Model, logits, u *G.Node) *G.Node {
		return p.WithGradientOf(m.Sample(p.Graph, logits, u), m.Relax(p.Graph, logits, u, temperature))
	})
}

// deterministic is the same without noise: the code is the likeliest one, which is what bundles compute, and gets the gradient of the mean. The
// loss is no bound, and codes at which it is low may be far from those of samples. One pass through the decoder. Bengio et al.
// 1308.3432, section 4, without the noise.
func deterministic(p *Parts) Objective {
	return p.drawn(nil, p.Schedule(KLWeightInput), func(m Model, logits, _ *G.Node) *G.Node {
		return p.WithGradientOf(m.Harden(p.Graph, logits, nil), m.Probabilities(p.Graph, logits))
	})
}
