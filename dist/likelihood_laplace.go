package dist

import "math"

// laplaceLikelihood is the likelihood of independent real values with a Laplace distribution of location m and scale b = e^s each:
//
//	ln p(x) = -|x-m|/b - ln 2b,   outputs m, s
//
// It is a density, in the unit of x. It minimises absolute differences, and so minds values that lie far off less than
// [gaussianLikelihood] does. The standard deviation is b√2. A trained s is at least [LeastLogScale], a scale of 0.01: see
// [Bounded].
type laplaceLikelihood struct{ spread }

func (laplaceLikelihood) Doc() string {
	return "each value has a Laplace distribution, with a location by the decoder and a scale by `likelihood.variance`"
}

func (laplaceLikelihood) Values() Values     { return Raw() }
func (laplaceLikelihood) Standardises() bool { return true }

func (laplaceLikelihood) SampleDoc() string { return "Rows of finite numbers." }
func (laplaceLikelihood) MeanDoc() string   { return "Mean of each value." }
func (l laplaceLikelihood) OutputsDoc() string {
	return "Two numbers a value: location and logarithm of the scale; the scale is " + l.text() + "."
}

func (laplaceLikelihood) LogP(x, outputs []float32) float64 {
	sum := 0.0
	for i, v := range x {
		m, s := float64(outputs[2*i]), float64(outputs[2*i+1])
		sum -= math.Abs(float64(v)-m)*math.Exp(-s) + s
	}
	return sum - float64(len(x))*math.Ln2
}

func (laplaceLikelihood) Mean(dst, outputs []float32) {
	for i := range dst {
		dst[i] = outputs[2*i]
	}
}

// LaplaceLogScale returns the logarithm of the scale of a Laplace distribution of a standard deviation.
func LaplaceLogScale(deviation float64) float64 { return math.Log(deviation / math.Sqrt2) }
