package dist

import "math"

// poissonLikelihood is the likelihood of independent counts with a Poisson distribution of rate e^l each:
//
//	ln p(x) = x l - e^l - ln x!,   output l
//
// It says, other than [multinomialLikelihood], how large a row's sum is. Gopalan et al. 1311.1704, section 2, is one use.
type poissonLikelihood struct{}

func (poissonLikelihood) Doc() string {
	return "each value is a count with a Poisson distribution, whose rate has its logarithm by the decoder"
}

func (poissonLikelihood) Values() Values                 { return Counts() }
func (poissonLikelihood) Standardises() bool             { return false }
func (poissonLikelihood) Outputs() int                   { return 1 }
func (poissonLikelihood) Predicted() int                 { return 1 }
func (poissonLikelihood) Dimensions(x []float32) float64 { return float64(len(x)) }
func (poissonLikelihood) Dimension() string              { return "dimension" }

func (poissonLikelihood) SampleDoc() string  { return "Rows of counts." }
func (poissonLikelihood) MeanDoc() string    { return "Mean of each count." }
func (poissonLikelihood) OutputsDoc() string { return "Logarithms of those means." }

func (poissonLikelihood) LogP(x, logs []float32) (sum float64) {
	for i, n := range x {
		l, factorial := float64(logs[i]), 0.0
		if n > 1 {
			factorial, _ = math.Lgamma(float64(n) + 1)
		}
		sum += float64(n)*l - math.Exp(l) - factorial
	}
	return sum
}

func (poissonLikelihood) Mean(dst, logs []float32) {
	for i, l := range logs {
		dst[i] = float32(math.Exp(float64(l)))
	}
}
