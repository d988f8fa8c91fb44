package bundle

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

// A standard survives its text, number by number.
func TestStandardInManifest(t *testing.T) {
	t.Parallel()
	for _, s := range []dist.Standard{
		{Mean: []float64{float64(float32(0.1))}, Deviation: []float64{float64(float32(3e-20))}},
		{Mean: []float64{1, -2}, Deviation: []float64{0.5, 4}},
		{Log: true},
		{Vector: dist.Vector{Truncate: 1}},
		{Vector: dist.Vector{Steps: []string{dist.Normalise, dist.Centre}}, Mean: []float64{1, -2}},
	} {
		text, err := json.Marshal(StandardOf(s))
		if err != nil {
			t.Fatal(err)
		}
		var back Standard
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again := back.Dist()
		if back.validate(2) != nil || again.Kind() != s.Kind() || again.Log != s.Log || fmt.Sprint(again.Vector) != fmt.Sprint(s.Vector) {
			t.Errorf("%s becomes %+v: %v", text, again, back.validate(2))
		}
		for i, m := range s.Mean {
			if again.Mean[i] != m || len(again.Deviation) != len(s.Deviation) || len(s.Deviation) > 0 && again.Deviation[i] != s.Deviation[i] {
				t.Errorf("%s becomes %+v", text, again)
			}
		}
	}
	if StandardOf(dist.Standard{}) != nil || !(*Standard)(nil).Dist().IsZero() || (*Standard)(nil).validate(1) != nil {
		t.Error("no standard is one")
	}
}

func TestStandardInManifestIsChecked(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Standard{
		"2 means and 1 deviations":               {Kind: "column", Mean: []float32{0, 0}, Deviation: []float32{1}},
		"standardised by 2 means":                {Kind: "column", Mean: []float32{0, 0}, Deviation: []float32{1, 1}},
		`standard.kind is "column" with 1 means`: {Kind: "column", Mean: []float32{0}, Deviation: []float32{1}},
		`standard.kind is "all" with 0 means`:    {Kind: "all"},
		`standard.kind is "" with 0 means`:       {},
		`standard.kind is "sqrt" with 1 means`:   {Kind: "sqrt", Mean: []float32{0}, Deviation: []float32{1}},
		"by ln(1+x), and by 1 means":             {Kind: "log", Mean: []float32{0}, Deviation: []float32{1}},
		`standard.kind is "all" with 3 means`:    {Kind: "all", Mean: []float32{0, 0, 0}, Steps: []string{"centre"}},
		"truncate is 4, and rows have 3":         {Kind: "vector", Truncate: 4},
		`steps has "whiten"`:                     {Kind: "vector", Steps: []string{"whiten"}},
		`standard.kind is "vector" with 0 means`: {Kind: "vector"},
		"the deviation of value 0 is 0":          {Kind: "all", Mean: []float32{0}, Deviation: []float32{0}},
	} {
		if err := s.validate(3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
