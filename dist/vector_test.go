package dist_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

// The steps are made in their order, on the first values of a row. Expected numbers are by hand: 3-4-5 triangles.
func TestVector(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v          dist.Vector
		mean       []float64
		want, back []float32 // of 3, 4, 12
	}{
		"cut":               {dist.Vector{Truncate: 2}, nil, []float32{3, 4}, []float32{3, 4}},
		"whole":             {dist.Vector{Truncate: 3}, nil, []float32{3, 4, 12}, []float32{3, 4, 12}},
		"normalised":        {dist.Vector{Truncate: 2, Steps: []string{dist.Normalise}}, nil, []float32{0.6, 0.8}, []float32{0.6, 0.8}},
		"centred":           {dist.Vector{Steps: []string{dist.Centre}}, []float64{1, 1, 2}, []float32{2, 3, 10}, []float32{3, 4, 12}},
		"centred last":      {dist.Vector{Truncate: 2, Steps: []string{dist.Normalise, dist.Centre}}, []float64{0.5, -0.25}, []float32{0.1, 1.05}, []float32{0.6, 0.8}},
		"normalised last":   {dist.Vector{Truncate: 2, Steps: []string{dist.Centre, dist.Normalise}}, []float64{0, 8}, []float32{0.6, -0.8}, []float32{0.6, -0.8}},
		"on both sides":     {dist.Vector{Truncate: 2, Steps: []string{dist.Normalise, dist.Centre, dist.Normalise}}, []float64{0.3125, 0.3125}, []float32{0.507985, 0.861366}, []float32{0.507985, 0.861366}},
		"of one value left": {dist.Vector{Truncate: 1, Steps: []string{dist.Normalise}}, nil, []float32{1}, []float32{1}},
	} {
		s := dist.Standard{Vector: c.v, Mean: c.mean}
		if err := s.Check(3); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		row := []float32{3, 4, 12}
		if s.Size(3) != len(c.want) || s.Kind() != dist.StandardVector || s.IsZero() || !s.Moves() || s.CheckRow(row) != nil {
			t.Errorf("%s: %d values of kind %s, %v", name, s.Size(3), s.Kind(), s.CheckRow(row))
		}
		z := make([]float32, s.Size(3))
		back := make([]float32, len(z))
		s.Apply(z, row)
		s.Undo(back, z)
		s.Apply(row, row) // in its place
		for i := range z {
			if math.Abs(float64(z[i]-c.want[i])) > 1e-6 || math.Abs(float64(back[i]-c.back[i])) > 1e-6 || row[i] != z[i] {
				t.Errorf("%s: %v and %v, in its place %v, want %v and %v", name, z, back, row, c.want, c.back)
				break
			}
		}
	}
}

func TestVectorCheck(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]dist.Standard{
		"truncate is -1":                  {Vector: dist.Vector{Truncate: -1}},
		"truncate is 4, and rows have 3":  {Vector: dist.Vector{Truncate: 4}},
		`steps has "normalize": use`:      {Vector: dist.Vector{Steps: []string{"normalize"}}},
		"centre twice":                    {Vector: dist.Vector{Steps: []string{dist.Centre, dist.Normalise, dist.Centre}}},
		"normalise behind itself":         {Vector: dist.Vector{Steps: []string{dist.Normalise, dist.Normalise}}},
		"with 0 means for vectors of 3":   {Vector: dist.Vector{Steps: []string{dist.Centre}}},
		"with 1 means for vectors of 3":   {Vector: dist.Vector{Steps: []string{dist.Normalise}}, Mean: []float64{1}},
		"with 3 means for vectors of 2":   {Vector: dist.Vector{Truncate: 2, Steps: []string{dist.Centre}}, Mean: []float64{1, 1, 1}},
		"rows are standardised as well":   {Vector: dist.Vector{Truncate: 2}, Mean: []float64{1}, Deviation: []float64{1}},
		"the mean of value 1 is +Inf":     {Vector: dist.Vector{Steps: []string{dist.Centre}}, Mean: []float64{1, math.Inf(1), 1}},
		"the mean of value 2 is 0.1: use": {Vector: dist.Vector{Steps: []string{dist.Centre}}, Mean: []float64{1, 1, 0.1}},
	} {
		if err := s.Check(3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// A row has a direction or not: special cases are 0, what is cut off, the mean itself, and lengths that float32 cannot square. What has none
// becomes finite numbers all the same.
func TestDirections(t *testing.T) {
	t.Parallel()
	both := []string{dist.Centre, dist.Normalise}
	for name, c := range map[string]struct {
		s    dist.Standard
		row  []float32
		want string // of the error
	}{
		"nothing is normalised": {dist.Standard{Vector: dist.Vector{Truncate: 2}}, []float32{0, 0, 0}, ""},
		"short":                 {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{1e-7, 0, 0}, ""},
		"long":                  {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{1e17, 0, 0}, ""},
		"zero":                  {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{0, 0, 0}, "it has the length 0, and no direction"},
		"zero where it is seen": {dist.Standard{Vector: dist.Vector{Truncate: 2, Steps: both[1:]}}, []float32{0, 0, 1}, "its first 2 values have the length 0"},
		"too short":             {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{1e-9, 0, 0}, "the length 1e-09"},
		"too long":              {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{1e38, 1e38, 0}, "the length 1.41e+38"},
		"the mean":              {dist.Standard{Vector: dist.Vector{Steps: both}, Mean: []float64{1, 2, 3}}, []float32{1, 2, 3}, "less the mean of the rows trained on it has the length 0"},
		"not the mean":          {dist.Standard{Vector: dist.Vector{Steps: both}, Mean: []float64{1, 2, 3}}, []float32{1, 2, 4}, ""},
		"NaN":                   {dist.Standard{Vector: dist.Vector{Steps: both[1:]}}, []float32{float32(math.NaN()), 0, 0}, "the length NaN"},
		"of another width":      {dist.Standard{Vector: dist.Vector{Steps: both}, Mean: []float64{1, 2, 3}}, []float32{0, 0, 0, 0}, ""},
	} {
		err := c.s.CheckRow(c.row)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "NaN" || len(c.row) != 3 {
			continue
		}
		z := make([]float32, c.s.Size(3))
		c.s.Apply(z, c.row)
		for _, x := range z {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Errorf("%s: %v becomes %v", name, c.row, z)
			}
		}
	}
}
