package dist

import "math"

// pointPosterior is q(z|x) that is certain of the hard code c: codes are found by a search, and their scores are no logarithms of
// probabilities. So the divergence of a variable is -ln p(c_v), under a uniform prior ln K, and
//
//	ln p(x) >= ln p(x|c) + ln p(c)
//
// is the ELBO and the bound of any number of samples, which are all c.
type pointPosterior struct {
	latent Latent
	code   []float32
	prior  Posterior // p(z), as the posterior that it is the prior of
}

func newPointPosterior(l Latent, logits []float32) Posterior {
	code := make([]float32, l.Bits())
	l.Harden(code, logits)
	return pointPosterior{l, code, l.family().Posterior(l, l.PriorLogits())}
}

func (q pointPosterior) Bit(i int) float64 { return float64(q.code[i]) }

func (q pointPosterior) KL(each func(from, to int, kl float64)) (total float64) {
	for v := range q.latent.Variables {
		from, to := q.latent.Variable(v)
		kl := 0.0
		for i := from; i < to; i++ {
			switch p := q.prior.Bit(i); {
			case q.code[i] == 1:
				kl -= math.Log(p)
			case to-from == 1: // a bit that is 0
				kl -= math.Log1p(-p)
			}
		}
		if each != nil {
			each(from, to, kl)
		}
		total += kl
	}
	return total
}

func (q pointPosterior) LogRatio(code []float32) float64 {
	prior, logQ := q.Logs(code)
	return prior - logQ
}

func (q pointPosterior) Logs(code []float32) (prior, logQ float64) {
	prior, _ = q.prior.Logs(code)
	for i, z := range code {
		if z != q.code[i] {
			return prior, math.Inf(-1)
		}
	}
	return prior, 0
}
