package dist

import (
	"fmt"
	"math"
)

// bernoulliLatent is the family of binary variables: z is 1 with probability σ(l), for one logit l each.
type bernoulliLatent struct{}

// discretePriors are the priors of variables with a few values each.
func discretePriors() []string { return []string{UniformPrior, LearnedPrior, ConditionalPrior} }

func (bernoulliLatent) plain() {}

func (bernoulliLatent) Doc() string { return "variables of one bit" }

func (bernoulliLatent) LogitsDoc() string { return logitsDoc }
func (bernoulliLatent) CodeDoc() string   { return codeDoc }

func (bernoulliLatent) Check(l Latent) error {
	if l.Categories != 0 {
		return fmt.Errorf("latent.categories is %d for Bernoulli variables: leave it out, or set latent.kind to categorical", l.Categories)
	}
	if n := len(l.Thresholds); n != 0 && n != l.Variables {
		return fmt.Errorf("latent.thresholds holds %d numbers for %d variables", n, l.Variables)
	}
	return nil
}

func (bernoulliLatent) LogitsShape(l Latent) []int { return []int{l.Variables} }
func (bernoulliLatent) CodeShape(l Latent) []int   { return []int{l.Variables} }

func (bernoulliLatent) Variable(_ Latent, v int) (from, to int) { return v, v + 1 }

func (bernoulliLatent) Choices(Latent, int) int { return 2 }

func (bernoulliLatent) MaxKL(l Latent) float64 { return float64(l.Variables) * math.Log(2) }

func (bernoulliLatent) Priors() []string { return discretePriors() }

func (bernoulliLatent) Unpacked() (clear, set float32) { return 0, 1 }

func (bernoulliLatent) Range() (least, most float64) { return 0, 1 }

func (bernoulliLatent) decided(l Latent) []int {
	places := make([]int, l.Variables)
	for i := range places {
		places[i] = i
	}
	return places
}

// Harden: 1 where the logit is above its threshold; NaN gives 0.
func (bernoulliLatent) Harden(l Latent, code, logits []float32) {
	for i, x := range logits {
		threshold := float32(0)
		if len(l.Thresholds) > 0 {
			threshold = l.Thresholds[i]
		}
		code[i] = 0
		if x > threshold {
			code[i] = 1
		}
	}
}

func (bernoulliLatent) Choose(_ Latent, code []float32, v, c int) { code[v] = float32(c) }

// Draw: 1 where l + ln(u/(1-u)) > 0, which has probability σ(l). It is written as u > (1-u) e^-l, without logarithms.
func (bernoulliLatent) Draw(_ Latent, code, logits, u []float32) {
	for i, x32 := range u {
		l, x := float64(logits[i]), float64(x32)
		e := expOfNegative(-math.Abs(l))
		code[i] = 0
		if l >= 0 && x > (1-x)*e || l < 0 && x*e > 1-x {
			code[i] = 1
		}
	}
}

// NearDecision: a variable's decision is its threshold.
func (bernoulliLatent) NearDecision(l Latent, near []bool, logits []float64, margin float64) {
	for i, x := range logits {
		if len(l.Thresholds) > 0 {
			x -= float64(l.Thresholds[i])
		}
		near[i] = x <= margin && x >= -margin
	}
}

// bernoulliPosterior holds, for each variable, the probability of 1, and the logarithms of those of 1 and of 0.
type bernoulliPosterior struct {
	q, q1, q0, p1, p0 []float64
}

func (bernoulliLatent) Posterior(l Latent, logits []float32) Posterior {
	n := len(logits)
	all := make([]float64, 5*n)
	p := bernoulliPosterior{all[:n], all[n : 2*n], all[2*n : 3*n], all[3*n : 4*n], all[4*n:]}
	prior := l.PriorLogits()
	for i, x := range logits {
		p.q[i], p.q1[i], p.q0[i] = sigmoids(float64(x))
		if p.p1[i], p.p0[i] = -math.Ln2, -math.Ln2; prior[i] != 0 {
			_, p.p1[i], p.p0[i] = sigmoids(float64(prior[i]))
		}
	}
	return p
}

func (p bernoulliPosterior) Bit(i int) float64 { return p.q[i] }

// KL is the sum of q ln(q/p) + (1-q) ln((1-q)/(1-p)).
func (p bernoulliPosterior) KL(each func(from, to int, kl float64)) (total float64) {
	for i := range p.q1 {
		q := p.Bit(i)
		kl := q*(p.q1[i]-p.p1[i]) + (1-q)*(p.q0[i]-p.p0[i])
		if each != nil {
			each(i, i+1, kl)
		}
		total += kl
	}
	return total
}

func (p bernoulliPosterior) LogRatio(code []float32) (sum float64) {
	for i, z := range code {
		if z == 1 {
			sum += p.p1[i] - p.q1[i]
		} else {
			sum += p.p0[i] - p.q0[i]
		}
	}
	return sum
}

func (p bernoulliPosterior) Logs(code []float32) (prior, q float64) {
	for i, z := range code {
		if z == 1 {
			prior, q = prior+p.p1[i], q+p.q1[i]
		} else {
			prior, q = prior+p.p0[i], q+p.q0[i]
		}
	}
	return prior, q
}

// sigmoids returns σ(x), ln σ(x) and ln σ(-x), to 1e-12 or so: with e = exp(-|x|) they are 1/(1+e) or e/(1+e), and min(±x, 0) - ln(1+e).
func sigmoids(x float64) (q, q1, q0 float64) {
	e := expOfNegative(-math.Abs(x))
	q, log := 1/(1+e), math.Log(1+e)
	if x < 0 {
		return e * q, x - log, -log
	}
	return q, -log, -x - log
}
