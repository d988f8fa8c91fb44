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

// Bias is the location, and a log-scale or log-variance of 0 where that is predicted: normal and Laplace values are standardised or close to it.
func (l gaussianLikelihood) Bias(mean float64) []float64 { return l.located(mean) }

// Bias is as the normal distribution's.
func (l laplaceLikelihood) Bias(mean float64) []float64 { return l.located(mean) }

// Bias is the location of the value's place between -1 and 1, and a log-scale of -1.5, a deviation of 0.4 half ranges, where that is predicted.
func (l logisticLikelihood) Bias(mean float64) []float64 {
	bias := l.located(2*mean - 1)
	if len(bias) > 1 {
		bias[1] = -1.5
	}
	return bias
}

// located returns a location and zeros.
func (s spread) located(mean float64) []float64 {
	bias := make([]float64, s.Predicted())
	bias[0] = mean
	return bias
}

// Bias is the logarithm of the mean: softmax then gives each word its share of all words.
func (multinomialLikelihood) Bias(mean float64) []float64 {
	return []float64{math.Log(max(mean, leastCount))}
}

// Bias is the logarithm of the mean.
func (poissonLikelihood) Bias(mean float64) []float64 {
	return []float64{math.Log(max(mean, leastCount))}
}

// leastCount is leastMean for counts, which may be rare.
const leastCount = 1e-6

// Bias is the mean row, whose direction counts.
func (vonMisesFisher) Bias(mean float64) []float64 { return []float64{mean} }

// Bias is the mean's logit.
func (bernoulliLikelihood) Bias(mean float64) []float64 {
	p := min(max(mean, leastMean), 1-leastMean)
	return []float64{math.Log(p / (1 - p))}
}
