package builder

import "math"

// CodebookEstimator is the name of the estimator of models whose encoder searches the decoder's codebooks.
const CodebookEstimator = "codebook"

// codebook is the negative ELBO of the code c that the search finds, of which the posterior is certain, and what the search's cost has beside
// the squared error:
//
//	mean(-ln p(x|c)) - weight · mean(ln p(c)) + λ/(2σ²) · mean((‖y‖ - ν)²)
//
// The gradient is that of the decoder's words and bias for a code that stays as it is, as in k-means. ν is the running mean of ‖y‖. One pass
// through the decoder.
func codebook(p *Parts) Objective {
	m := p.Model
	search, _ := m.searches()
	logits := p.Encode()
	code := p.StopGradient(m.Harden(p.Graph, logits, nil))
	outputs := p.Decode(code)
	o := p.NegativeELBO(m.LogLikelihood(p.Graph, p.Target, outputs), p.Neg(p.LogPrior(code, p.PriorLogits())), p.Schedule(KLWeightInput))
	half := m.half(p.Graph)
	if search.NormWeight == 0 || p.Err() != nil {
		return o
	}
	y := p.flat(half.mean(p.Graph, outputs))
	norms := p.Sqrt(p.Add(p.Sum(p.Square(y), 1), p.Number(leastSquare)))
	running := p.runningNorm()
	gap := p.Square(p.Sub(norms, p.Sum(running)))
	deviation := m.Likelihood.Canonical().Deviation
	o.Loss = p.Add(o.Loss, p.Mul(p.Number(search.NormWeight/(2*math.Pow(deviation, 2))), p.mean(gap)))
	p.Update(running, p.towards(running, p.StopGradient(p.mean(norms)), 1))
	return o
}

// leastSquare keeps the gradient of a norm finite where the norm is 0.
const leastSquare = 1e-12
