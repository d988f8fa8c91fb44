package dist

import "math"

// expTable holds 2^(i/64).
var expTable = func() (t [64]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / 64)
	}
	return t
}()

// expOfNegative returns eˣ for x ≤ 0, to 2e-13 of the value, in a third of the time of math.Exp; 0 below -700. Bounds take billions of them.
//
// x is split into k ln2/64 + r with |r| ≤ ln2/128, where 2^(k/64) is looked up and e^r is a polynomial.
func expOfNegative(x float64) float64 {
	if x < -700 {
		return 0
	}
	if x != x {
		return x
	}
	const perUnit = 64 / math.Ln2
	k := int(x*perUnit - 0.5)
	r := x - float64(k)*(math.Ln2/64)
	poly := 1 + r*(1+r*(0.5+r*(1.0/6+r*(1.0/24))))
	return poly * expTable[k&63] * math.Float64frombits(uint64(1023+(k>>6))<<52)
}
