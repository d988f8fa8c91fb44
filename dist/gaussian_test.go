package dist_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/catvae/catvae/dist"
)

// The Gaussian posterior against quadrature: densities, divergence, the probability of a bit; and what a packed bit stands for.
func TestGaussian(t *testing.T) {
	t.Parallel()
	l := dist.Latent{Family: dist.FamilyOf(dist.Gaussian), Variables: 1}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	clear, set := l.Unpacked()
	for _, logits := range [][]float32{{0, 0}, {1.5, -2}, {-0.3, 1}, {4, 0.5}, {0, -6}} {
		q := l.Posterior(logits)
		mean, deviation := float64(logits[0]), math.Exp(float64(logits[1])/2)
		width := 14 * max(deviation, 1)
		const steps = 400_000 // the trapezoid rule: exact to rounding for such smooth functions
		step := 2 * width / steps
		sumQ, sumP, kl, positive, prior, half := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
		for i := range steps + 1 {
			z := float32(mean - width + step*float64(i)) // its density is that of the float32
			logP, logQ := q.Logs([]float32{z})
			if got := q.LogRatio([]float32{z}); math.Abs(got-(logP-logQ)) > 1e-9 {
				t.Fatalf("ln p/q is %g, want %g", got, logP-logQ)
			}
			dq, dp := step*math.Exp(logQ), step*math.Exp(logP)
			sumQ, sumP, kl = sumQ+dq, sumP+dp, kl+dq*(logQ-logP)
			if z > 0 {
				positive, prior, half = positive+dq, prior+dp*float64(z), half+dp
			}
		}
		for what, c := range map[string][2]float64{
			"Σ q": {sumQ, 1}, "KL": {q.KL(nil), kl}, "bit": {q.Bit(0), positive},
		} {
			if math.Abs(c[0]-c[1]) > 1e-3*max(1, math.Abs(c[1])) { // the bit's integral ends at the density's middle
				t.Errorf("logits %v: %s is %g, want %g", logits, what, c[0], c[1])
			}
		}
		if logits[0] == 0 && logits[1] == 0 {
			near(t, "KL of the prior", q.KL(nil), 0)
			if got := prior / half; math.Abs(got-float64(set)) > 1e-4 || clear != -set {
				t.Errorf("the mean of z > 0 under the prior is %g, a packed bit stands for %g and %g", got, set, clear)
			}
		}
	}
	if !math.IsInf(l.MaxKL(), 1) {
		t.Errorf("the divergence is bounded by %g", l.MaxKL())
	}
}

// Draws have the posterior's moments, and follow its distribution function.
func TestGaussianDraw(t *testing.T) {
	t.Parallel()
	const n = 200_000
	l := dist.Latent{Family: dist.FamilyOf(dist.Gaussian), Variables: 1}
	logits, r := []float32{0.5, -1}, rand.New(rand.NewPCG(5, 6))
	code, u := make([]float32, 1), make([]float32, 2)
	deviation := math.Exp(-0.5)
	sum, square, below := 0.0, 0.0, 0
	for range n {
		for i := range u {
			u[i] = (float32(r.IntN(1<<23)) + 0.5) / (1 << 23)
		}
		l.Draw(code, logits, u)
		z := (float64(code[0]) - 0.5) / deviation
		sum, square = sum+z, square+z*z
		if z < -1 {
			below++
		}
	}
	p := math.Erfc(1/math.Sqrt2) / 2
	for what, z := range map[string]float64{
		"mean":       sum / math.Sqrt(n),
		"variance":   (square - n) / math.Sqrt(2*n),
		"share < -1": (float64(below) - n*p) / math.Sqrt(n*p*(1-p)),
	} {
		if math.Abs(z) > 4.5 {
			t.Errorf("%s: z = %.1f", what, z)
		}
	}
}
