package dist_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

// small is a latent of each family with few enough codes to enumerate. A family without one fails TestFamilies.
var small = map[string]dist.Latent{
	dist.Bernoulli:   {Variables: 4},
	dist.Categorical: {Variables: 2, Categories: 3},
}

// each runs a test on every family, with a uniform and with a learned prior.
func each(t *testing.T, test func(t *testing.T, l dist.Latent, logits []float32)) {
	for _, kind := range dist.FamilyNames() {
		l, ok := small[kind]
		if !ok {
			t.Errorf("the family %q has no small case: add one", kind)
			continue
		}
		l.Family = dist.FamilyOf(kind)
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		logits := make([]float32, l.Logits())
		for _, prior := range []string{"uniform", "learned"} {
			for i := range logits {
				logits[i] = float32(2 * r.NormFloat64())
			}
			if prior == "learned" {
				l.Prior = make([]float32, len(logits))
				for i := range l.Prior {
					l.Prior[i] = float32(r.NormFloat64())
				}
			}
			t.Run(kind+", "+prior, func(t *testing.T) { test(t, l, logits) })
		}
	}
}

// What a posterior says agrees with the sums over all codes: probabilities, means, divergence, log-ratio.
func TestPosterior(t *testing.T) {
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		codes, err := l.Codes(100)
		if err != nil {
			t.Fatal(err)
		}
		q, bits := l.Posterior(logits), l.Bits()
		sumQ, sumP, kl := 0.0, 0.0, 0.0
		means := make([]float64, bits)
		for ; len(codes) > 0; codes = codes[bits:] {
			code := codes[:bits]
			logP, logQ := q.Logs(code)
			sumQ, sumP, kl = sumQ+math.Exp(logQ), sumP+math.Exp(logP), kl+math.Exp(logQ)*(logQ-logP)
			for i, z := range code {
				means[i] += math.Exp(logQ) * float64(z)
			}
			near(t, "ln p/q", q.LogRatio(code), logP-logQ)
		}
		near(t, "Σ q", sumQ, 1)
		near(t, "Σ p", sumP, 1)
		shares, covered := 0.0, 0
		near(t, "KL", q.KL(func(from, to int, share float64) {
			if from != covered {
				t.Errorf("a variable begins at %d, want %d", from, covered)
			}
			shares, covered = shares+share, to
		}), kl)
		near(t, "the variables' shares of KL", shares, kl)
		if covered != bits {
			t.Errorf("the variables cover %d of %d values", covered, bits)
		}
		for i, m := range means {
			near(t, fmt.Sprintf("mean of value %d", i), q.Mean(i), m)
		}
	})
}

// The divergence lies within [0, MaxKL] under a uniform prior, also for extreme logits, and reaches its bound.
func TestMaxKL(t *testing.T) {
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		l.Prior = nil
		for _, scale := range []float32{0, 1, 30, 1e4, 1e30} {
			scaled := make([]float32, len(logits))
			for i, x := range logits {
				scaled[i] = scale * x
			}
			kl := l.Posterior(scaled).KL(nil)
			if !(kl >= -1e-12 && kl <= l.MaxKL()+1e-9) {
				t.Errorf("logits times %g: KL is %g, its bounds are 0 and %g", scale, kl, l.MaxKL())
			}
			if scale == 1e30 {
				near(t, "KL of a sure code", kl, l.MaxKL())
			}
		}
	})
}

// Draws follow the posterior: a z-test of every code on 200,000 draws, fixed seed.
func TestDraw(t *testing.T) {
	const n = 200_000
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		r := rand.New(rand.NewPCG(5, 6))
		count := map[string]int{}
		u, code := make([]float32, l.Logits()), make([]float32, l.Bits())
		for range n {
			for i := range u {
				u[i] = (float32(r.IntN(1<<23)) + 0.5) / (1 << 23)
			}
			l.Draw(code, logits, u)
			count[fmt.Sprint(code)]++
		}
		codes, err := l.Codes(100)
		if err != nil {
			t.Fatal(err)
		}
		q := l.Posterior(logits)
		for ; len(codes) > 0; codes = codes[len(code):] {
			_, logQ := q.Logs(codes[:len(code)])
			p := math.Exp(logQ)
			got := float64(count[fmt.Sprint(codes[:len(code)])])
			if z := (got - n*p) / math.Sqrt(n*p*(1-p)); math.Abs(z) > 4.5 {
				t.Errorf("the code %v is drawn %g times of %d, want %g: z = %.1f", codes[:len(code)], got, n, n*p, z)
			}
		}
	})
}

// A value that is not near a decision stays when logits move by less than the margin.
func TestNearDecision(t *testing.T) {
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		r := rand.New(rand.NewPCG(7, 8))
		half := make([]float32, len(logits))
		for i := range half {
			half[i] = 0.5 // of equal noise, a draw is the likelier value
		}
		code, moved, wide := make([]float32, l.Bits()), make([]float32, l.Bits()), make([]float64, len(logits))
		turned := 0
		for range 2000 {
			other := make([]float32, len(logits))
			for i := range logits {
				logits[i] = float32(r.NormFloat64())
				wide[i] = float64(logits[i])
				other[i] = logits[i] + float32(0.049*(2*r.Float64()-1))
			}
			l.Draw(code, logits, half)
			l.Draw(moved, other, half)
			for i, near := range l.NearDecision(wide, 0.1) {
				if code[i] != moved[i] {
					turned++
					if !near {
						t.Fatalf("value %d turns from %v to %v and is not marked", i, logits, other)
					}
				}
			}
		}
		if turned == 0 {
			t.Error("no value turned: the test says nothing")
		}
	})
}

func TestThresholdsMoveDecisions(t *testing.T) {
	l := dist.Latent{Family: dist.FamilyOf(dist.Bernoulli), Variables: 2, Thresholds: []float32{3, -1}}
	if near := l.NearDecision([]float64{3.01, 0}, 0.1); !near[0] || near[1] {
		t.Errorf("near is %v, want the first alone", near)
	}
}

func TestChecks(t *testing.T) {
	for want, l := range map[string]dist.Latent{
		`latent.kind is "poisson": use "bernoulli"`: {Family: dist.FamilyOf("poisson"), Variables: 3},
		"latent.kind is missing":                    {Variables: 3},
		"latent.variables is 0":                     {Family: dist.FamilyOf(dist.Bernoulli)},
		"latent.categories is 3 for Bernoulli":      {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Categories: 3},
		"latent.thresholds holds 2 numbers for 3":   {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Thresholds: []float32{1, 2}},
		"latent.prior has 1 logits, these":          {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Prior: []float32{1}},
		"latent.categories is 1 for 3":              {Family: dist.FamilyOf(dist.Categorical), Variables: 3, Categories: 1},
		"categorical variables, which have none":    {Family: dist.FamilyOf(dist.Categorical), Variables: 1, Categories: 2, Thresholds: []float32{1}},
	} {
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if (dist.Latent{Variables: 3}).Bits() != 3 {
		t.Error("a latent without a family has another number of bits than variables")
	}
	if n := (dist.Latent{Family: dist.FamilyOf(dist.Categorical), Variables: 4, Categories: 1 << 33}).Count(100); n != 101 {
		t.Errorf("2^132 codes are %d", n)
	}
	big := dist.Latent{Family: dist.FamilyOf(dist.Bernoulli), Variables: 1000}
	if _, err := big.Codes(1 << 10); err == nil || big.Count(1<<10) != 1<<10+1 {
		t.Errorf("2^1000 codes give %v, %d", err, big.Count(1<<10))
	}
}

// near compares relatively, with room for float64's rounding of a few hundred terms.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}
