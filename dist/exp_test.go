package dist

import (
	"math"
	"testing"
)

func TestExpOfNegative(t *testing.T) {
	for x := 0.0; x > -710; x -= 0.000731 + -x/5000 {
		got, want := expOfNegative(x), math.Exp(x)
		if math.Abs(got-want) > 2e-13*want && x >= -700 || x < -700 && got != 0 {
			t.Fatalf("e^%g is %g, want %g", x, got, want)
		}
	}
	if got := expOfNegative(math.Copysign(0, -1)); got != 1 {
		t.Errorf("e^-0 is %g", got)
	}
	if got := expOfNegative(math.Inf(-1)); got != 0 {
		t.Errorf("e^-Inf is %g", got)
	}
	if got := expOfNegative(math.NaN()); !math.IsNaN(got) {
		t.Errorf("e^NaN is %g", got)
	}
}

func BenchmarkExpOfNegative(b *testing.B) {
	xs := make([]float64, 1024)
	for i := range xs {
		xs[i] = -float64(i) / 100
	}
	b.Run("ours", func(b *testing.B) {
		s := 0.0
		for i := range b.N {
			s += expOfNegative(xs[i&1023])
		}
		sink = s
	})
	b.Run("math", func(b *testing.B) {
		s := 0.0
		for i := range b.N {
			s += math.Exp(xs[i&1023])
		}
		sink = s
	})
}

var sink float64
