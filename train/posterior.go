package train

import (
	"math"

	"github.com/catvae/catvae/bundle"
)

// posterior is q(z|x) of one row beside the prior p(z), in logarithms: for each bit the log-probability of 1 (of the
// category) and, for Bernoulli variables, of 0.
type posterior struct {
	latent       bundle.Latent
	logQ, logP   []float64 // of 1
	logQ0, logP0 []float64 // of 0; Bernoulli only
}

func newPosterior(l bundle.Latent, logits []float32) posterior {
	p := posterior{latent: l, logQ: make([]float64, len(logits)), logP: make([]float64, len(logits))}
	prior := l.Prior.Logits
	if len(prior) == 0 {
		prior = make([]float32, len(logits))
	}
	if l.Kind == bundle.Categorical {
		for at := 0; at < len(logits); at += l.Categories {
			logSoftmax(p.logQ[at:at+l.Categories], logits[at:at+l.Categories])
			logSoftmax(p.logP[at:at+l.Categories], prior[at:at+l.Categories])
		}
		return p
	}
	p.logQ0, p.logP0 = make([]float64, len(logits)), make([]float64, len(logits))
	for i, x := range logits {
		p.logQ[i], p.logQ0[i] = -softplus(-float64(x)), -softplus(float64(x))
		p.logP[i], p.logP0[i] = -softplus(-float64(prior[i])), -softplus(float64(prior[i]))
	}
	return p
}

// softplus returns max(x,0) + log1p(exp(-|x|)).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func logSoftmax(dst []float64, logits []float32) {
	most := math.Inf(-1)
	for _, x := range logits {
		most = max(most, float64(x))
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - most)
	}
	for i, x := range logits {
		dst[i] = float64(x) - most - math.Log(sum)
	}
}

// addTo adds the row's probabilities and divergences to the bits' sums and returns KL(q ‖ p).
func (p posterior) addTo(bits []Bit) (total float64) {
	if p.latent.Kind == bundle.Bernoulli {
		for i := range bits {
			q := math.Exp(p.logQ[i])
			kl := q*(p.logQ[i]-p.logP[i]) + (1-q)*(p.logQ0[i]-p.logP0[i])
			bits[i].Mean += q
			bits[i].KL += kl
			total += kl
		}
		return total
	}
	for at := 0; at < len(bits); at += p.latent.Categories {
		kl := 0.0
		for i := at; i < at+p.latent.Categories; i++ {
			q := math.Exp(p.logQ[i])
			kl += q * (p.logQ[i] - p.logP[i])
			bits[i].Mean += q
		}
		for i := at; i < at+p.latent.Categories; i++ {
			bits[i].KL += kl
		}
		total += kl
	}
	return total
}

// logRatio returns ln p(z)/q(z|x) of a hard code.
func (p posterior) logRatio(code []float32) (sum float64) {
	for i, z := range code {
		switch {
		case z == 1:
			sum += p.logP[i] - p.logQ[i]
		case p.latent.Kind == bundle.Bernoulli:
			sum += p.logP0[i] - p.logQ0[i]
		}
	}
	return sum
}
