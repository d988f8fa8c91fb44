package dist

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A Bernoulli variable is 1 where its logit and the noise's add up to more than 0.
func TestDrawBernoulli(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := Latent{Family: FamilyOf(Bernoulli), Variables: 1}
	code := make([]float32, 1)
	for range 200_000 {
		logit, u := float32(r.NormFloat64()*8), (float32(r.IntN(1<<23))+0.5)/(1<<23)
		sum := float64(logit) + math.Log(float64(u)) - math.Log1p(-float64(u))
		l.Draw(code, []float32{logit}, []float32{u})
		if want := sum > 0; (code[0] == 1) != want && math.Abs(sum) > 1e-12 {
			t.Fatalf("logit %g, noise %g: %g, and their sum is %g", logit, u, code[0], sum)
		}
	}
	for logit, want := range map[float32]float32{float32(math.Inf(1)): 1, float32(math.Inf(-1)): 0, float32(math.NaN()): 0} {
		if l.Draw(code, []float32{logit}, []float32{0.5}); code[0] != want {
			t.Errorf("logit %g: %g, want %g", logit, code[0], want)
		}
	}
}
