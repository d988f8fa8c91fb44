package builder

import G "gorgonia.org/gorgonia"

// ConcreteEstimator is the name of the estimator whose divergence is relaxed, too.
const ConcreteEstimator = "concrete"

// concrete maximises a bound of the relaxed model: samples are relaxed, and posterior and prior are the densities of relaxed variables of the
// same temperature, in logit space.
//
//	L = ln 1/k Σ wᵢ,   ln wᵢ = ln p(x|zᵢ) + weight (ln p(yᵢ) - ln q(yᵢ|x))
//
// With k = 1 it is the ELBO of Maddison et al., with more samples the IWAE bound of Burda et al. Unbiased for the relaxed model. For the
// discrete one it is biased at every tau: the divergence of relaxed variables is larger than that of discrete ones, however small tau
// is. The reconstruction and divergence shown are those of the discrete ELBO at relaxed samples. k
// passes through the decoder, 1 where objective.samples is left out. Maddison, Mnih and Teh 1611.00712, appendix C.3; Burda, Grosse and
// Salakhutdinov 1509.00519.
func concrete(p *Parts) Objective {
	k, temperature, weight := p.Samples(), p.Schedule(TemperatureInput), p.Schedule(KLWeightInput)
	logits := p.Encode()
	prior := p.PriorLogits()
	f := p.Model.discrete(p.Graph)
	if f == nil {
		return Objective{}
	}
	var logPs, logWs []*G.Node
	for i := range k {
		z, logQ, logPrior := f.density(p.Graph, logits, prior, p.NoiseOf(i), temperature)
		if p.Model.Latent.conditional() {
			logPrior = logQ
		}
		logP := p.LogP(z)
		logPs, logWs = append(logPs, logP), append(logWs, p.Add(logP, p.Mul(weight, p.Sub(logPrior, logQ))))
	}
	o := p.bound(p.logMeanExp(logWs), p.average(logPs), p.Model.KL(p.Graph, logits, prior))
	o.Logits = logits
	return o
}
