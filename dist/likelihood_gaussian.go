package dist

import "math"

// gaussianLikelihood is the likelihood of independent real values with a normal distribution of mean m and variance e^v each:
//
//	ln p(x) = -1/2 (ln 2π + v + (x-m)² e^-v),   outputs m, v
//
// It is a density: its logarithm may be positive, and depends on the unit of x. v is fixed, one trained number for all values
// (Rybkin et al. 2006.13202, section 3), or predicted for each (Kingma and Welling 1312.6114, appendix C.2). A trained v is at
// least [LeastLogVariance], a standard deviation of 0.01 in the unit of x: see [Bounded].
type gaussianLikelihood struct{ spread }

func (gaussianLikelihood) Doc() string {
	return "each value is normal, with a mean by the decoder and a variance by `likelihood.variance`"
}

func (gaussianLikelihood) Values() Values     { return Raw() }
func (gaussianLikelihood) Standardises() bool { return true }

func (gaussianLikelihood) SampleDoc() string { return "Rows of finite numbers." }
func (gaussianLikelihood) MeanDoc() string   { return "Mean of each value." }
func (l gaussianLikelihood) OutputsDoc() string {
	return "Two numbers a value: mean and logarithm of the variance; the variance is " + l.text() + "."
}

func (gaussianLikelihood) LogP(x, outputs []float32) float64 {
	sum := 0.0
	for i, v := range x {
		m, logVariance := float64(outputs[2*i]), float64(outputs[2*i+1])
		d := float64(v) - m
		sum -= logVariance + d*d*math.Exp(-logVariance)
	}
	return 0.5 * (sum - float64(len(x))*math.Log(2*math.Pi))
}

func (gaussianLikelihood) Mean(dst, outputs []float32) {
	for i := range dst {
		dst[i] = outputs[2*i]
	}
}
