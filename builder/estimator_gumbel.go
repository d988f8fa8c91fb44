package builder

import G "gorgonia.org/gorgonia"

// GumbelEstimator is the name of the default estimator: a relaxed sample in place of a hard one.
const GumbelEstimator = "gumbel"

// The names of the inputs that the Gumbel estimator asks for.
const (
	NoiseInput       = "noise"
	TemperatureInput = "temperature"
	KLWeightInput    = "kl_weight"
)

// gumbel is the negative ELBO with a relaxed sample z of temperature tau and the analytic divergence of the discrete
// distributions:
//
//	mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z)))
//
// Its gradient is biased, less so for a small tau, and varies more then. One pass through the decoder.
// Jang et al. 1611.01144; Maddison et al. 1611.00712.
func gumbel(p *Parts) Objective {
	noise, temperature, weight := p.Noise(NoiseInput), p.Schedule(TemperatureInput), p.Schedule(KLWeightInput)
	return p.drawn(noise, weight, func(m Model, logits, u *G.Node) *G.Node { return m.Relax(p.Graph, logits, u, temperature) })
}
