package dist

import "sync"

// next returns the posterior that make gives next to the variables' prior, which is the posterior itself where that is conditional.
func (l Latent) next(make func() Posterior) Posterior {
	if l.Conditional {
		return conditionalPosterior{sync.OnceValue(make)}
	}
	return make()
}

// conditionalPosterior is q(z|x) next to the conditional prior p(z|x) = q(z|x). So
//
//	ln p(y|x) = ln E p(y|z) >= E ln 1/K Σ p(y|z_k) >= E ln p(y|z),   z from p(z|x),
//
// are the bound of K samples and the ELBO: the weight of a sample is p(y|z) alone. Tang and Salakhutdinov 2013, "Learning stochastic
// feedforward neural networks"; Raiko et al. 1406.2989. The posterior is made when it is asked for: those weights need none.
type conditionalPosterior struct{ posterior func() Posterior }

func (q conditionalPosterior) Bit(i int) float64 { return q.posterior().Bit(i) }

func (q conditionalPosterior) KL(each func(from, to int, kl float64)) float64 {
	if each != nil {
		q.posterior().KL(func(from, to int, _ float64) { each(from, to, 0) })
	}
	return 0
}

func (conditionalPosterior) LogRatio([]float32) float64 { return 0 }

func (q conditionalPosterior) Logs(code []float32) (prior, logQ float64) {
	_, logQ = q.posterior().Logs(code)
	return logQ, logQ
}
