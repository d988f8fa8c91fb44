package dist_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/dist"
)

// Every likelihood has documentation, a rule that its range fits, and a mean within its range.
func TestLikelihoods(t *testing.T) {
	for _, name := range dist.LikelihoodNames() {
		l, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: name})
		if err != nil {
			t.Fatal(err)
		}
		if l.Doc() == "" || l.SampleDoc() == "" || l.MeanDoc() == "" || l.OutputsDoc() == "" {
			t.Errorf("%s: a sentence is missing", name)
		}
		v := l.Values()
		if err := v.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		outputs, mean := make([]float32, 6*l.Outputs()), make([]float32, 6)
		for i := range outputs {
			outputs[i] = float32(i*i%7) - 3
		}
		l.Mean(mean, outputs)
		for _, x := range mean {
			if !v.Contains(x) {
				t.Errorf("%s: a mean of %g is out of range", name, x)
			}
		}
		if p := l.LogP(mean, outputs); math.IsNaN(p) || math.IsInf(p, 0) {
			t.Errorf("%s: ln p of the mean is %g", name, p)
		}
	}
	if _, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: "student"}); err == nil {
		t.Error("a likelihood that does not exist is found")
	}
}

// The probabilities of all binary rows add up to 1.
func TestBernoulliLikelihoodAddsUp(t *testing.T) {
	l, err := dist.LikelihoodOf(dist.LikelihoodConfig{})
	if err != nil {
		t.Fatal(err)
	}
	logits, x, sum := []float32{-2, 0.5, 30}, make([]float32, 3), 0.0
	for row := range 8 {
		for i := range x {
			x[i] = float32(row >> i & 1)
		}
		sum += math.Exp(l.LogP(x, logits))
	}
	near(t, "Σ p", sum, 1)
}

// ln p is finite and right for logits of any size, where one logarithm is taken of many factors.
func TestLogPIsStable(t *testing.T) {
	l, err := dist.LikelihoodOf(dist.LikelihoodConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, logit := range map[string]func(i int) float32{
		"huge":  func(i int) float32 { return float32(i-50) * 1e4 },
		"small": func(i int) float32 { return float32(i%7) - 3 },
	} {
		x, logits, want := make([]float32, 100), make([]float32, 100), 0.0
		for i := range logits {
			x[i], logits[i] = float32(i%2), logit(i)
			v := float64(logits[i])
			want += float64(x[i])*v - math.Max(v, 0) - math.Log1p(math.Exp(-math.Abs(v)))
		}
		if got := l.LogP(x, logits); math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s: %.15g, want %.15g", name, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	unit := dist.Unit()
	if unit.Byte(51) != float32(51)/255 || unit.Table()[255] != 1 || unit.Number(0.25) != 0.25 {
		t.Error("the rule of grey pixels is another")
	}
	nan := float32(math.NaN())
	if !unit.Contains(0) || !unit.Contains(1) || unit.Contains(1.5) || unit.Contains(-0.1) || unit.Contains(nan) {
		t.Error("the range of grey pixels is another")
	}
	v := dist.Values{Bytes: 16, Numbers: 8, Mean: 1, Deviation: 2, Least: -3, Most: 3}
	if v.Byte(32) != 0.5 || v.Number(24) != 1 || v.Check() != nil || v.OrUnit() != v || (dist.Values{}).OrUnit() != unit {
		t.Errorf("32 becomes %g, 24 becomes %g", v.Byte(32), v.Number(24))
	}
	for name, bad := range map[string]dist.Values{
		"no inverse":    {Bytes: 1e-320, Numbers: 1, Deviation: 1, Most: 1},
		"no divisor":    {Numbers: 1, Deviation: 1, Most: 1},
		"negative":      {Bytes: 255, Numbers: -1, Deviation: 1, Most: 1},
		"no deviation":  {Bytes: 255, Numbers: 1, Most: 1},
		"NaN":           {Bytes: math.NaN(), Numbers: 1, Deviation: 1, Most: 1},
		"infinite mean": {Bytes: 255, Numbers: 1, Deviation: 1, Mean: math.Inf(1), Most: 1},
		"empty range":   {Bytes: 255, Numbers: 1, Deviation: 1, Least: 1, Most: 1},
	} {
		if bad.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
