package builder

// ReparametrisedEstimator is the name of the estimator of continuous variables: a sample that is a differentiable function of the
// logits and of noise.
const ReparametrisedEstimator = "reparametrised"

// reparametrised is the negative ELBO with one sample z = μ + σ ε of each row, and the analytic divergence:
//
//	mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z)))
//
// Its gradient is unbiased. One pass through the decoder. Kingma and Welling 1312.6114, equation (7).
func reparametrised(p *Parts) Objective {
	noise, weight := p.Noise(NoiseInput), p.Schedule(KLWeightInput)
	logits := p.Encode()
	logP := p.LogP(p.Relax(logits, noise, nil))
	o := p.NegativeELBO(logP, p.Divergence(logits), weight)
	o.Logits = logits
	return o
}
