package builder

import G "gorgonia.org/gorgonia"

// ReinMaxEstimator is the name of the estimator of second order.
const ReinMaxEstimator = "reinmax"

// reinmax is the negative ELBO with a hard sample z of probabilities π = E[z], which gets a gradient of second order, that of Heun's
// method in place of Euler's, which straight-through is:
//
//	mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z)))
//	∂z := 2 ∂π' - ½ ∂π,   π' = (z + π_tau)/2,   π_tau = E[z] for logits l/tau,
//
// where ∂π' is the gradient by logits of which π' is the mean. It is exact where the decoder is quadratic, for tau = 1; a larger tau, 1.3
// to 1.5, has less variance. One pass through the decoder. Liu et al. 2304.08612, algorithm 2.
func reinmax(p *Parts) Objective {
	noise, temperature, weight := p.Noise(NoiseInput), p.Schedule(TemperatureInput), p.Schedule(KLWeightInput)
	return p.drawn(noise, weight, func(m Model, logits, u *G.Node) *G.Node { return m.reinmax(p, logits, u, temperature) })
}

func (m Model) reinmax(p *Parts, logits, noise, temperature *G.Node) *G.Node {
	f := m.discrete(p.Graph)
	if f == nil {
		return nil
	}
	hard := m.Sample(p.Graph, logits, noise)
	tempered := m.Probabilities(p.Graph, p.Div(logits, temperature))
	midway := f.logits(p.Graph, p.Mul(p.Number(0.5), p.Add(hard, tempered)))
	// The logits of π', which move as l does.
	moving := p.Add(logits, p.StopGradient(p.Sub(midway, logits)))
	second := p.Mul(p.Number(2), m.Probabilities(p.Graph, moving))
	first := p.Mul(p.Number(0.5), m.Probabilities(p.Graph, logits))
	return p.WithGradientOf(hard, p.Sub(second, first))
}
