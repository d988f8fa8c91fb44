package builder

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
	logits := p.Encode()
	logP := p.LogP(p.Relax(logits, noise, temperature))
	o := p.NegativeELBO(logP, p.Divergence(logits), weight)
	o.Logits = logits
	return o
}
