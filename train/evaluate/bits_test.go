package evaluate_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/train/evaluate"
)

// Entropies, correlations by their definition, dead and duplicate bits of codes of a few bits, and what to do about them.
func TestBits(t *testing.T) {
	t.Parallel()
	const rows = 600
	set := rowSet(t, rows)
	// Bits: two that are mostly alike, one of its own, one that is the opposite of the first, one that is always 1.
	bits := func(row []float32) []uint8 {
		n := int(math.Round(float64(row[0])*255)) + 256*int(math.Round(float64(row[1])*255))
		a, b, c := uint8(n%2), uint8(n%2), uint8(n/4%2)
		if n%5 == 0 {
			b = 1 - b
		}
		return []uint8{a, b, c, 1 - a, 1}
	}
	model := encoder(bits)
	codes, err := evaluate.Codes(t.Context(), model, 5, set, rows)
	if err != nil {
		t.Fatal(err)
	}
	e := evaluate.Evaluation{Rows: rows, Codes: &codes, Bits: []evaluate.Bit{{Mean: 0.5, KL: 0.6}, {Mean: 0.5, KL: 0.5}, {Mean: 0.5}, {Mean: 0.5, KL: 0.6}, {Mean: 1, KL: 0.7}}}
	u, err := evaluate.Bits(t.Context(), model, e, set)
	if err != nil {
		t.Fatal(err)
	}
	var columns [5][]float64
	row := make([]float32, 3)
	for i := range rows {
		set.Row(i, row)
		for j, b := range bits(row) {
			columns[j] = append(columns[j], float64(b))
		}
	}
	pairs, mean := [][2]int{{0, 1}, {0, 2}, {1, 2}}, 0.0
	want := map[[2]int]float64{}
	for _, p := range pairs {
		want[p] = pearson(columns[p[0]], columns[p[1]])
		mean += math.Abs(want[p]) / 3
	}
	if len(u.Correlated) != 3 || u.Correlated[0].Bits != [2]int{0, 1} || math.Abs(u.Correlation-mean) > 1e-12 {
		t.Errorf("correlations are %+v, %g on average, want %v, %g", u.Correlated, u.Correlation, want, mean)
	}
	for i, p := range u.Correlated {
		if math.Abs(p.Correlation-want[p.Bits]) > 1e-12 || i > 0 && math.Abs(p.Correlation) > math.Abs(u.Correlated[i-1].Correlation) {
			t.Errorf("bits %v: %g, want %g", p.Bits, p.Correlation, want[p.Bits])
		}
	}
	first, none := 0, (*int)(nil)
	for i, like := range []*int{none, none, none, &first, none} {
		b := u.Each[i]
		if !reflect.DeepEqual(b.Like, like) || b.Dead != (i == 4) || b.Active != (i < 2 || i == 3) || math.Abs(b.Ones-average(columns[i])) > 1e-12 {
			t.Errorf("bit %d: %+v", i, b)
		}
	}
	for _, c := range []struct {
		kind             string
		categories       int
		set              string
		norm, thresholds bool
	}{{dist.Bernoulli, 0, "", true, true}, {dist.Bernoulli, 0, "latent.norm", false, true}, {dist.Bernoulli, 0, "latent.thresholds", true, false}, {dist.Categorical, 5, "", true, false}, {dist.Gaussian, 0, "", false, false}} {
		l, err := dist.NewLatent(c.kind, 5, c.categories)
		if err != nil {
			t.Fatal(err)
		}
		hint := e.Hint(l, func(key string) bool { return key == c.set })
		if !strings.HasPrefix(hint, "1 dead and 1 duplicate bits of 5") || strings.Contains(hint, "latent.norm=batch") != c.norm || strings.Contains(hint, "latent.thresholds=median") != c.thresholds {
			t.Errorf("%s with %q: the hint is %q", c.kind, c.set, hint)
		}
		l.Point = true
		if hint := e.Hint(l, func(string) bool { return false }); hint != "" {
			t.Errorf("%s, found by a search: the hint is %q", c.kind, hint)
		}
		l.Point = false
		conditional := e
		conditional.Conditional = true
		if warmup := "kl_warmup_part"; !strings.Contains(hint, warmup) || strings.Contains(conditional.Hint(l, func(string) bool { return false }), warmup) {
			t.Errorf("%s: of a model without a divergence the hint names its warm-up, or not elsewhere: %q", c.kind, hint)
		}
		if fine := (evaluate.Evaluation{Codes: &evaluate.CodeUse{Bits: 5}}); fine.Hint(l, func(string) bool { return false }) != "" {
			t.Error("there is a hint where all bits are used")
		}
	}
	for _, line := range []string{"repeats bit 0", "dead", "active", "of bits 0 and 1"} {
		if !strings.Contains(u.String(), line) || !strings.Contains(u.Summary(), "of bits 0 and 1") {
			t.Errorf("the table lacks %q:\n%s%s", line, u, u.Summary())
		}
	}
	if _, err := evaluate.Bits(t.Context(), model, evaluate.Evaluation{}, set); err == nil {
		t.Error("an evaluation without codes has bits")
	}
}

func average(x []float64) (mean float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	return mean
}

// pearson is Pearson's correlation by its definition.
func pearson(x, y []float64) float64 {
	a, b := average(x), average(y)
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - a) * (y[i] - b)
		xx += (x[i] - a) * (x[i] - a)
		yy += (y[i] - b) * (y[i] - b)
	}
	return xy / math.Sqrt(xx*yy)
}
