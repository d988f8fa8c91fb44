package dist

import (
	"fmt"
	"math"
)

// gaussianLatent is the family of continuous variables: q(z|x) is normal with mean μ and variance e^v, for two numbers (μ, v)
// each, which take the place of logits; p(z) is the standard normal. A code holds the means; its bits are their signs.
// Kingma and Welling 1312.6114, section 3 and appendix B.
type gaussianLatent struct{}

func (gaussianLatent) Doc() string {
	return "continuous variables with a standard normal prior, for comparison; a code's bits are the signs of the means"
}

func (gaussianLatent) LogitsDoc() string {
	return "Mean and logarithm of the variance of q(z|x), for each variable next to each other."
}

func (gaussianLatent) CodeDoc() string {
	return "The mean of q(z|x) of each variable. A packed code has its sign: 1 where the mean is above 0."
}

func (gaussianLatent) Check(l Latent) error {
	if l.Categories != 0 {
		return fmt.Errorf("latent.categories is %d for Gaussian variables: leave it out, or set latent.kind to categorical", l.Categories)
	}
	if len(l.Thresholds) != 0 {
		return fmt.Errorf("latent.thresholds is given for Gaussian variables, whose bits are the signs of the means: leave it out")
	}
	return nil
}

func (gaussianLatent) LogitsShape(l Latent) []int { return []int{l.Variables, 2} }
func (gaussianLatent) CodeShape(l Latent) []int   { return []int{l.Variables} }

func (gaussianLatent) Variable(_ Latent, v int) (from, to int) { return v, v + 1 }

func (gaussianLatent) Choices(Latent, int) int { return 0 }

func (gaussianLatent) Choose(Latent, []float32, int, int) {}

func (gaussianLatent) MaxKL(Latent) float64 { return math.Inf(1) }

func (gaussianLatent) Priors() []string { return []string{NormalPrior, ConditionalPrior} }

// Unpacked: ∓√(2/π), the mean of z under the prior given its sign.
func (gaussianLatent) Unpacked() (clear, set float32) {
	mean := float32(math.Sqrt(2 / math.Pi))
	return -mean, mean
}

func (gaussianLatent) Range() (least, most float64) { return -math.MaxFloat32, math.MaxFloat32 }

func (gaussianLatent) Harden(_ Latent, code, logits []float32) {
	for i := range code {
		code[i] = logits[2*i]
	}
}

// Draw: μ + e^(v/2) ε, with ε of two uniform numbers by Box and Muller (1958): √(-2 ln u₁) cos(2π u₂).
func (gaussianLatent) Draw(_ Latent, code, logits, u []float32) {
	for i := range code {
		normal := math.Sqrt(-2*math.Log(float64(u[2*i]))) * math.Cos(2*math.Pi*float64(u[2*i+1]))
		code[i] = float32(float64(logits[2*i]) + math.Exp(float64(logits[2*i+1])/2)*normal)
	}
}

// NearDecision: a bit's decision is at a mean of 0.
func (gaussianLatent) NearDecision(_ Latent, near []bool, logits []float64, margin float64) {
	for i := range near {
		near[i] = math.Abs(logits[2*i]) <= margin
	}
}

// gaussianPosterior holds mean and log-variance of each variable in turn.
type gaussianPosterior []float32

func (gaussianLatent) Posterior(_ Latent, logits []float32) Posterior {
	return gaussianPosterior(logits)
}

func (p gaussianPosterior) at(i int) (mean, logVariance float64) {
	return float64(p[2*i]), float64(p[2*i+1])
}

// Bit is the normal distribution function at μ/σ.
func (p gaussianPosterior) Bit(i int) float64 {
	mean, v := p.at(i)
	return math.Erfc(-mean*math.Exp(-v/2)/math.Sqrt2) / 2
}

// KL is the sum of (μ² + σ² - 1 - ln σ²) / 2. The part of the variance is exact near σ = 1, too.
func (p gaussianPosterior) KL(each func(from, to int, kl float64)) (total float64) {
	for i := range len(p) / 2 {
		mean, v := p.at(i)
		kl := (mean*mean + math.Expm1(v) - v) / 2
		if each != nil {
			each(i, i+1, kl)
		}
		total += kl
	}
	return total
}

func (p gaussianPosterior) LogRatio(code []float32) float64 {
	prior, q := p.Logs(code)
	return prior - q
}

// Logs are the logarithms of densities.
func (p gaussianPosterior) Logs(code []float32) (prior, q float64) {
	const norm = 0.9189385332046727 // ln √(2π)
	for i, z := range code {
		mean, v := p.at(i)
		z := float64(z)
		prior -= z*z/2 + norm
		q -= (z-mean)*(z-mean)*math.Exp(-v)/2 + v/2 + norm
	}
	return prior, q
}
