package elbo

import "math"

// LogLikelihood returns ln p(x|l) = Σ x l - sp(l) in nats for independent Bernoulli values with logits l. The log1p terms
// of the softplus are multiplied before one logarithm is taken: 32 factors within (1,2] cannot overflow.
func LogLikelihood(x, logits []float32) float64 {
	sum, product, factors := 0.0, 1.0, 0
	for i, l32 := range logits {
		l := float64(l32)
		sum += float64(x[i])*l - max(l, 0)
		product *= 1 + math.Exp(-math.Abs(l))
		if factors++; factors == 32 {
			sum -= math.Log(product)
			product, factors = 1, 0
		}
	}
	return sum - math.Log(product)
}
