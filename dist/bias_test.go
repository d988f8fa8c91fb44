package dist_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/dist"
)

// Where the last layer gives its bias and nothing else, the mean of each value is the one that the bias was made for.
func TestBiasOf(t *testing.T) {
	const mean = 0.25
	for _, kind := range dist.LikelihoodNames() {
		l, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		bias := dist.BiasOf(l, mean)
		if len(bias) != l.Predicted() {
			t.Errorf("%s: %d numbers, want %d", kind, len(bias), l.Predicted())
		}
		if kind == dist.Multinomial || kind == dist.Categorical || kind == dist.VonMisesFisher {
			continue // shares of a row; no such numbers; a direction
		}
		outputs := make([]float32, l.Outputs())
		for i, b := range bias {
			outputs[i] = float32(b)
		}
		got := make([]float32, 1)
		if l.Mean(got, outputs); math.Abs(float64(got[0])-mean) > 1e-6 {
			t.Errorf("%s: the mean is %g, want %g", kind, got[0], mean)
		}
		for _, end := range []float64{0, 1} {
			for _, b := range dist.BiasOf(l, end) {
				if math.IsInf(b, 0) || math.IsNaN(b) {
					t.Errorf("%s: the bias for a mean of %g is %g", kind, end, b)
				}
			}
		}
	}
}
