package dist_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/dist"
)

func likelihood(t *testing.T, c dist.LikelihoodConfig) dist.Likelihood {
	t.Helper()
	l, err := dist.LikelihoodOf(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Probabilities of all whole numbers add up to 1, and their means are the reconstruction.
func TestProbabilitiesAddUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		config  dist.LikelihoodConfig
		most    int     // the largest number that is summed
		divide  float64 // of a number, for its value
		outputs []float32
		mean    float64 // 1e-6 apart; NaN where the reconstruction is not the mean
	}{
		{"logistic", dist.LikelihoodConfig{Kind: dist.Logistic}, 255, 255, []float32{0.2, -2}, math.NaN()},
		{"logistic, narrow", dist.LikelihoodConfig{Kind: dist.Logistic}, 255, 255, []float32{0.2, -7}, 0.6},
		{"logistic, wide", dist.LikelihoodConfig{Kind: dist.Logistic}, 255, 255, []float32{-0.9, 6}, math.NaN()},
		{"logistic, off the range", dist.LikelihoodConfig{Kind: dist.Logistic}, 255, 255, []float32{-3, -4}, math.NaN()},
		{"logistic of 4 bits", dist.LikelihoodConfig{Kind: dist.Logistic, Levels: 16}, 15, 15, []float32{0.1, -1}, math.NaN()},
		{"categorical", dist.LikelihoodConfig{Kind: dist.Categorical, Levels: 3}, 2, 2, []float32{1, -40, 3}, (math.E * math.E) / (1 + math.E*math.E)},
		{"poisson", dist.LikelihoodConfig{Kind: dist.Poisson}, 400, 1, []float32{4}, math.Exp(4)},
		{"poisson, rare", dist.LikelihoodConfig{Kind: dist.Poisson}, 40, 1, []float32{-5}, math.Exp(-5)},
	} {
		l, sum, mean := likelihood(t, test.config), 0.0, 0.0
		for v := range test.most + 1 {
			p := math.Exp(l.LogP([]float32{float32(float64(v) / test.divide)}, test.outputs))
			sum, mean = sum+p, mean+p*float64(v)/test.divide
		}
		if math.Abs(sum-1) > 1e-6 { // values are float32
			t.Errorf("%s: the probabilities add up to %.9g", test.name, sum)
		}
		got := make([]float32, 1)
		l.Mean(got, test.outputs)
		if !math.IsNaN(test.mean) && (math.Abs(float64(got[0])-test.mean) > 1e-5*test.mean || math.Abs(mean-test.mean) > 2e-3*test.mean) {
			t.Errorf("%s: the mean is %g, by sum %g, want %g", test.name, got[0], mean, test.mean)
		}
	}
}

// The probabilities of all sequences of three words of a vocabulary of four add up to 1, which is the sum over counts, each times
// its multinomial coefficient.
func TestMultinomialAddsUp(t *testing.T) {
	t.Parallel()
	l := likelihood(t, dist.LikelihoodConfig{Kind: dist.Multinomial})
	logits, sum := []float32{1, -2, 0.5, 2}, 0.0
	for word := range 4 * 4 * 4 {
		x := make([]float32, 4)
		x[word%4]++
		x[word/4%4]++
		x[word/16]++
		sum += math.Exp(l.LogP(x, logits))
		if words := l.(dist.IntegerLikelihood).Dimensions(x); words != 3 {
			t.Fatalf("%v has %g words", x, words)
		}
	}
	near(t, "Σ p", sum, 1)
}

// Densities integrate to 1, by the trapezoidal rule.
func TestDensitiesIntegrate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config  dist.LikelihoodConfig
		outputs []float32
	}{
		"gaussian": {dist.LikelihoodConfig{Kind: dist.Gaussian}, []float32{0.25, -1}},
		"laplace":  {dist.LikelihoodConfig{Kind: dist.Laplace}, []float32{0.25, -0.5}},
	} {
		l, sum, mean, step := likelihood(t, test.config), 0.0, 0.0, 1.0/1024
		for x := -16.0; x <= 16; x += step {
			p := math.Exp(l.LogP([]float32{float32(x)}, test.outputs)) * step
			sum, mean = sum+p, mean+p*x
		}
		if math.Abs(sum-1) > 1e-6 || math.Abs(mean-0.25) > 1e-6 {
			t.Errorf("%s: the integral is %.9g, the mean %.9g", name, sum, mean)
		}
	}
}

// A von Mises-Fisher distribution integrates to 1 over the circle, over the sphere and over the sphere in four dimensions.
func TestVonMisesFisherIntegrates(t *testing.T) {
	t.Parallel()
	const n = 4000
	for _, κ := range []float64{0.01, 1, 30, 500} {
		for d, area := range map[int]float64{2: 2, 3: 2 * math.Pi, 4: 4 * math.Pi} { // of the sphere of one dimension less
			sum := 0.0
			for i := range n { // over the angle from the mean direction
				angle := (float64(i) + 0.5) * math.Pi / n
				sum += math.Exp(κ*math.Cos(angle)+dist.LogVonMisesFisher(d, κ)) * math.Pow(math.Sin(angle), float64(d-2)) * area * math.Pi / n
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Errorf("d = %d, κ = %g: the integral is %.9g", d, κ, sum)
			}
		}
	}
	l := likelihood(t, dist.LikelihoodConfig{Kind: dist.VonMisesFisher, Concentration: 5})
	x, o := []float32{3, 4, 0}, []float32{0, 2000, 0}
	near(t, "ln p", l.LogP(x, o), 5*0.8/math.Sqrt(1+dist.OutputSquare/4e6)+dist.LogVonMisesFisher(3, 5))
	if p := l.LogP(make([]float32, 3), o); p != dist.LogVonMisesFisher(3, 5) {
		t.Errorf("a row of zeros has ln p = %g", p)
	}
	// In three dimensions the constant is κ/(4π sinh κ).
	near(t, "ln C", dist.LogVonMisesFisher(3, 2), math.Log(2/(4*math.Pi*math.Sinh(2))))
}

// A trained spread is bounded, and its logarithm untouched far from the bound.
func TestBounded(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{-1e30: -9, -9: -9 + math.Ln2, 30: 30, 1e30: 1e30} {
		near(t, "bounded", dist.Bounded(x, -9), want)
	}
}

// ln p of large and small outputs is finite.
func TestLikelihoodsAreStable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config  dist.LikelihoodConfig
		x       float32
		outputs []float32
	}{
		{dist.LikelihoodConfig{Kind: dist.Gaussian}, 3, []float32{1e10, -9}},
		{dist.LikelihoodConfig{Kind: dist.Laplace}, 3, []float32{-1e20, -4.6}},
		{dist.LikelihoodConfig{Kind: dist.Logistic}, 0, []float32{1, -7}},
		{dist.LikelihoodConfig{Kind: dist.Logistic}, 1, []float32{-1, -7}},
		{dist.LikelihoodConfig{Kind: dist.Logistic}, 128.0 / 255, []float32{1, -7}},
		{dist.LikelihoodConfig{Kind: dist.Logistic}, 128.0 / 255, []float32{0, 80}},
		{dist.LikelihoodConfig{Kind: dist.Categorical, Levels: 2}, 1, []float32{1e30, -1e30}},
		{dist.LikelihoodConfig{Kind: dist.Poisson}, 1e6, []float32{-80}},
		{dist.LikelihoodConfig{Kind: dist.Poisson}, 0, []float32{80}},
		{dist.LikelihoodConfig{Kind: dist.VonMisesFisher}, 0, []float32{0}},
		{dist.LikelihoodConfig{Kind: dist.VonMisesFisher, Concentration: 1e6}, -1, []float32{1e18}},
	} {
		if p := likelihood(t, test.config).LogP([]float32{test.x}, test.outputs); math.IsNaN(p) || math.IsInf(p, 0) {
			t.Errorf("%+v: ln p of %g at %g is %g", test.config, test.x, test.outputs, p)
		}
	}
}
