package dist

import "math"

// A biased likelihood says which outputs of the decoder a value of a mean has before anything is learned.
type biased interface {
	// Bias returns Predicted numbers.
	Bias(mean float64) []float64
}

// BiasOf returns the numbers of the decoder, [Likelihood].Predicted of them, for which a value has the given mean: where the
// decoder's last bias may start. It is zeros for a likelihood that has no such numbers.
func BiasOf(l Likelihood, mean float64) []float64 {
	if b, ok := l.(biased); ok {
		return b.Bias(mean)
	}
	return make([]float64, l.Predicted())
}

// leastMean keeps biases finite where a value is the same in all rows.
const leastMean = 1e-3

// Bias is the mean's logit.
func (bernoulliLikelihood) Bias(mean float64) []float64 {
	p := min(max(mean, leastMean), 1-leastMean)
	return []float64{math.Log(p / (1 - p))}
}

// Bias is the mean, and a log-variance of 0 where that is predicted.
func (l gaussianLikelihood) Bias(mean float64) []float64 {
	bias := make([]float64, l.Predicted())
	bias[0] = mean
	return bias
}
