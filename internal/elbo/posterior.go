// Package elbo computes the terms of the evidence lower bound in float64, from the logits that a bundle's graphs give:
// ln p(x|z), KL(q(z|x) || p(z)) and ln p(z)/q(z|x), all in nats.
package elbo

import (
	"math"

	"github.com/catvae/catvae/bundle"
)

// Posterior is q(z|x) of one row beside the prior p(z), in logarithms: for each bit the log-probability of 1 (of the
// category) and, for Bernoulli variables, of 0.
type Posterior struct {
	latent       bundle.Latent
	logQ, logP   []float64 // of 1
	logQ0, logP0 []float64 // of 0; Bernoulli only
}

// NewPosterior returns the posterior of one row with these latent logits.
func NewPosterior(l bundle.Latent, logits []float32) Posterior {
	p := Posterior{latent: l, logQ: make([]float64, len(logits)), logP: make([]float64, len(logits))}
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

// Mean returns the probability that bit i is 1.
func (p Posterior) Mean(i int) float64 { return math.Exp(p.logQ[i]) }

// KL returns KL(q || p), the sum over the variables, and calls each, which may be nil, with the bits from, …, to-1 of
// every variable and its share:
//
//	Bernoulli     q ln(q/p) + (1-q) ln((1-q)/(1-p))
//	categorical   Σ q ln(q/p)
func (p Posterior) KL(each func(from, to int, kl float64)) (total float64) {
	step := 1
	if p.latent.Kind == bundle.Categorical {
		step = p.latent.Categories
	}
	for at := 0; at < len(p.logQ); at += step {
		kl := 0.0
		for i := at; i < at+step; i++ {
			kl += p.Mean(i) * (p.logQ[i] - p.logP[i])
		}
		if p.latent.Kind == bundle.Bernoulli {
			kl += (1 - p.Mean(at)) * (p.logQ0[at] - p.logP0[at])
		}
		if each != nil {
			each(at, at+step, kl)
		}
		total += kl
	}
	return total
}

// LogRatio returns ln p(z)/q(z|x) of a hard code.
func (p Posterior) LogRatio(code []float32) (sum float64) {
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

// Logs returns ln p(z) and ln q(z|x) of a hard code.
func (p Posterior) Logs(code []float32) (prior, q float64) {
	for i, z := range code {
		switch {
		case z == 1:
			prior, q = prior+p.logP[i], q+p.logQ[i]
		case p.latent.Kind == bundle.Bernoulli:
			prior, q = prior+p.logP0[i], q+p.logQ0[i]
		}
	}
	return prior, q
}
