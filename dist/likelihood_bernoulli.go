package dist

import "math"

// bernoulliLikelihood is the likelihood of independent values of 0 or 1, with one logit each. A grey value x in [0,1] counts
// as the expectation over its binarisation.
type bernoulliLikelihood struct{}

func (bernoulliLikelihood) Doc() string { return "each value is 1 with probability σ(logit)" }

func (bernoulliLikelihood) Values() Values     { return Unit() }
func (bernoulliLikelihood) Standardises() bool { return false }
func (bernoulliLikelihood) Outputs() int       { return 1 }
func (bernoulliLikelihood) Predicted() int     { return 1 }

func (bernoulliLikelihood) SampleDoc() string  { return "Rows within [0,1]; grey bytes divided by 255." }
func (bernoulliLikelihood) MeanDoc() string    { return "Probability that each value is 1." }
func (bernoulliLikelihood) OutputsDoc() string { return "Logits of that probability." }

// LogP is Σ x l - sp(l), sp(l) = max(l,0) + ln(1+e^-|l|). The factors 1+e^-|l| are multiplied before one logarithm is taken:
// 32 factors within (1,2] cannot overflow.
func (bernoulliLikelihood) LogP(x, logits []float32) float64 {
	sum, product, factors := 0.0, 1.0, 0
	for i, l32 := range logits {
		l := float64(l32)
		sum += float64(x[i])*l - max(l, 0)
		product *= 1 + expOfNegative(-math.Abs(l))
		if factors++; factors == 32 {
			sum -= math.Log(product)
			product, factors = 1, 0
		}
	}
	return sum - math.Log(product)
}

// Mean is σ(l).
func (bernoulliLikelihood) Mean(dst, logits []float32) {
	for i, l := range logits {
		dst[i] = float32(1 / (1 + math.Exp(-float64(l))))
	}
}
