package dist_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

func TestStandard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s         dist.Standard
		row, want []float32
		kind      string
	}{
		"none":   {dist.Standard{}, []float32{-2, 4}, []float32{-2, 4}, dist.StandardNone},
		"all":    {dist.Standard{Mean: []float64{1}, Deviation: []float64{2}}, []float32{-1, 5}, []float32{-1, 2}, dist.StandardAll},
		"column": {dist.Standard{Mean: []float64{1, -3}, Deviation: []float64{2, 0.5}}, []float32{-1, -2}, []float32{-1, 2}, dist.StandardColumn},
		"log":    {dist.Standard{Log: true}, []float32{0, 7}, []float32{0, 7}, dist.StandardLog},
	} {
		if err := c.s.Check(2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.s.Kind() != c.kind || c.s.IsZero() != (name == "none") {
			t.Errorf("%s: the kind is %s", name, c.s.Kind())
		}
		z, back := make([]float32, 2), make([]float32, 2)
		c.s.Apply(z, c.row)
		c.s.Undo(back, z)
		for i := range z {
			if z[i] != c.want[i] || back[i] != c.row[i] {
				t.Errorf("%s: %v becomes %v and %v, want %v", name, c.row, z, back, c.want)
			}
		}
	}
}

func TestStandardCheck(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]dist.Standard{
		"use one of the two":              {Log: true, Mean: []float64{0}, Deviation: []float64{1}},
		"1 means and 0 deviations":        {Mean: []float64{0}},
		"standardised by 2 means":         {Mean: []float64{0, 0}, Deviation: []float64{1, 1}},
		"deviation of value 0 is 0":       {Mean: []float64{0}, Deviation: []float64{0}},
		"mean of value 0 is NaN":          {Mean: []float64{math.NaN()}, Deviation: []float64{1}},
		"deviation of value 2 is +Inf":    {Mean: []float64{0, 0, 0}, Deviation: []float64{1, 1, math.Inf(1)}},
		"mean of value 0 is 0.1: use a":   {Mean: []float64{0.1}, Deviation: []float64{1}},
		"deviation of value 0 is -1: use": {Mean: []float64{0}, Deviation: []float64{-1}},
	} {
		if err := s.Check(3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// Counts are whole numbers from 0 up, whatever else says that numbers may have fractions.
func TestCounts(t *testing.T) {
	t.Parallel()
	for _, v := range []dist.Values{dist.Counts(), dist.Counts().Alike(1, false)} {
		for x, fine := range map[float64]bool{0: true, 1: true, 1e6: true, 0.5: false, -1: false, math.Inf(1): false, math.NaN(): false} {
			if v.Contains(v.Number(x)) != fine {
				t.Errorf("%g is a count: %t, want %t", x, !fine, fine)
			}
		}
		if !v.Counts() || v.Check() != nil || v.Byte(200) != 200 {
			t.Errorf("%+v are no counts", v)
		}
	}
	if dist.Raw().Counts() || dist.Unit().Counts() {
		t.Error("all numbers are counts")
	}
}
