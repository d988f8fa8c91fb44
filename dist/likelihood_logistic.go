package dist

import "math"

// logisticLikelihood is the likelihood of independent whole numbers 0, …, n-1 (n is 256 for bytes) with a discretised logistic
// distribution each: a logistic distribution of location m and scale e^s, whose mass is collected in bins around the numbers. They
// enter as x = v/(n-1). m and e^s are in the units of t = 2x - 1, which goes from -1 to 1: half ranges, of 127.5 steps for bytes.
//
//	p(v) = σ(a) - σ(b),   a = (t - m + h)/e^s,   b = (t - m - h)/e^s,   h = 1/(n-1),   outputs m, s
//
// except that σ(a) is 1 for v = n-1, and σ(b) is 0 for v = 0. Kingma et al. 1606.04934, section 5.1; Salimans et al. 1701.05517,
// section 2.1, with one component and no dependence between colours. Its logarithm is taken of no difference: from
// σ(a) - σ(b) = σ(a) σ(-b) (1 - e^(b-a)) follows
//
//	ln p = -sp(-a) - sp(b) + ln(1 - e^(-2h/e^s))
//
// of which the ends leave out what is 1. A trained s is at least [LeastLogisticLogScale], as in Salimans et al.'s program: see
// [Bounded]. The standard deviation is e^s π/√3 half ranges. The reconstruction is the location, cut to [0,1].
type logisticLikelihood struct {
	spread
	levels
}

func (logisticLikelihood) Doc() string {
	return "each value is a whole number, a byte of a picture, with a discretised logistic distribution: a location by the decoder and a scale by `likelihood.variance`"
}

func (l logisticLikelihood) SampleDoc() string {
	return "Rows within [0,1]: whole numbers divided by the largest."
}
func (logisticLikelihood) MeanDoc() string {
	return "Location of each value, within [0,1]."
}
func (l logisticLikelihood) OutputsDoc() string {
	return "Two numbers a value: location and logarithm of the scale, both of 2x-1; the scale is " + l.text() + "."
}

func (l logisticLikelihood) LogP(x, outputs []float32) float64 {
	sum, half := 0.0, 1/float64(l.levels-1)
	for i, v := range x {
		level := l.level(v)
		t := 2*float64(v) - 1
		m, inverse := float64(outputs[2*i]), math.Exp(-float64(outputs[2*i+1]))
		first, last := level == 0, level == int(l.levels)-1
		if !last {
			sum -= Bounded(-(t-m+half)*inverse, 0)
		}
		if !first {
			sum -= Bounded((t-m-half)*inverse, 0)
		}
		if !first && !last {
			sum += math.Log(-math.Expm1(-2 * half * inverse))
		}
	}
	return sum
}

func (logisticLikelihood) Mean(dst, outputs []float32) {
	for i := range dst {
		dst[i] = min(max((outputs[2*i]+1)/2, 0), 1)
	}
}

// LogisticLogScale returns the logarithm of the scale, in half ranges, of a logistic distribution of a standard deviation in ranges.
func LogisticLogScale(deviation float64) float64 {
	return math.Log(2 * deviation * math.Sqrt(3) / math.Pi)
}
