package builder

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
	logits := p.Encode()
	hard := p.Sample(logits, noise)
	f := p.Model.discrete(p.Graph)
	if f == nil {
		return Objective{}
	}
	soft := p.Probabilities(p.Div(f.apart(p.Graph, logits, hard, logitGap), temperature))
	o := p.NegativeELBO(p.LogP(p.WithGradientOf(hard, soft)), p.Divergence(logits), weight)
	o.Logits = logits
	return o
}
