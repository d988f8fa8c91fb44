package dist

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The steps of a [Vector], as configurations and manifests name them.
const (
	Normalise = "normalise" // divides a row by its length
	Centre    = "centre"    // subtracts the mean of the rows trained on
)

// VectorSteps returns the names of all steps.
func VectorSteps() []string { return []string{Normalise, Centre} }

// A Vector is how a model's graphs prepare rows whose direction counts, such as embeddings. First a row x is cut to its first values,
// as embeddings that were trained for it may be (Kusupati et al. 2205.13147, "Matryoshka representation learning"), then the steps follow in their order:
//
//	normalise   z = x / √(Σ x² + ε)     ε = 10⁻²⁴
//	centre      z = x - m               m the mean over the rows trained on, of what the steps before give
//
// The zero value changes nothing. A row without a direction, whose length before a normalise is 0, or so small or large that float32
// cannot hold its square, becomes no NaN, and is an error wherever a program of ours reads rows: see [Standard.CheckRow].
type Vector struct {
	Truncate int      // how many values are left of a row; 0 for all
	Steps    []string // after that; at most one centre, and no normalise behind another
}

// IsZero reports the vector that changes nothing.
func (v Vector) IsZero() bool { return v.Truncate == 0 && len(v.Steps) == 0 }

// Centres reports a vector of which a mean is subtracted; Normalises one that is brought to length 1.
func (v Vector) Centres() bool { return slices.Contains(v.Steps, Centre) }

// Normalises reports a vector that is brought to length 1: see [Vector.Centres].
func (v Vector) Normalises() bool { return slices.Contains(v.Steps, Normalise) }

// EndsCentred reports rows of which the mean is subtracted last, so that it can be added again.
func (v Vector) EndsCentred() bool {
	return len(v.Steps) > 0 && v.Steps[len(v.Steps)-1] == Centre
}

// Check reports steps that make no sense. Errors begin with the key: "steps".
func (v Vector) Check() error {
	if v.Truncate < 0 {
		return fmt.Errorf("truncate is %d: use how many values of a row are taken, or 0 for all", v.Truncate)
	}
	for i, step := range v.Steps {
		switch {
		case !slices.Contains(VectorSteps(), step):
			return fmt.Errorf("steps has %.100q: use %s, in the order in which they are made", step, strings.Join(VectorSteps(), " and "))
		case slices.Contains(v.Steps[:i], Centre) && step == Centre:
			return fmt.Errorf("steps has %s twice: give it once", step)
		case i > 0 && v.Steps[i-1] == step:
			return fmt.Errorf("steps has %s behind itself: give it once, or on both sides of %s", step, Centre)
		}
	}
	return nil
}

// The lengths between which a row has a direction in float32: the square of one is neither next to [RowSquare] nor near the largest number.
const (
	LeastLength = 1e-8
	MostLength  = 1e18
)

// CheckRow reports a row without a direction where rows are normalised, nil for all else.
func (s Standard) CheckRow(row []float32) error {
	if !s.Vector.Normalises() {
		return nil
	}
	row = row[:s.Size(len(row))]
	if s.Vector.Centres() && len(s.Mean) != len(row) { // rows of another width, which somebody else refuses
		return nil
	}
	by, mean := 1.0, []float64(nil)
	for i, step := range s.Vector.Steps {
		if step == Centre {
			mean = s.Mean
			continue
		}
		length := lengthOf(row, by, mean)
		if length >= LeastLength && length <= MostLength {
			by = 1 / length
			continue
		}
		what := fmt.Sprintf("its first %d values have", len(row))
		if s.Vector.Truncate == 0 {
			what = "it has"
		}
		if i > 0 {
			what = "less the mean of the rows trained on " + what
		}
		return fmt.Errorf("%s the length %.3g, and no direction: rows are normalised, and lengths must be within [%g,%g]", what, length, LeastLength, MostLength)
	}
	return nil
}

// lengthOf returns the length of x·by - mean.
func lengthOf(row []float32, by float64, mean []float64) float64 {
	square := 0.0
	for i, x := range row {
		z := float64(x) * by
		if mean != nil {
			z -= mean[i]
		}
		square += z * z
	}
	return math.Sqrt(square)
}

// prepare writes a row after the steps to dst, of [Standard.Size] values.
func (s Standard) prepare(dst, row []float32) {
	dst = dst[:s.Size(len(row))]
	copy(dst, row)
	for _, step := range s.Vector.Steps {
		if step == Centre {
			for i := range dst {
				dst[i] -= float32(s.Mean[i])
			}
			continue
		}
		square := RowSquare
		for _, x := range dst {
			square += float64(x) * float64(x)
		}
		length := float32(math.Sqrt(square))
		for i := range dst {
			dst[i] /= length
		}
	}
}

// checkVector is Check of a vector's standard, for rows of a width.
func (s Standard) checkVector(width int) error {
	if err := s.Vector.Check(); err != nil {
		return err
	}
	want := 0
	if s.Vector.Centres() {
		want = s.Size(width)
	}
	switch n := len(s.Mean); {
	case s.Log || len(s.Deviation) > 0:
		return fmt.Errorf("steps are given, and rows are standardised as well: use one of the two")
	case s.Vector.Truncate > width:
		return fmt.Errorf("truncate is %d, and rows have %d values: use at most so many, or 0 for all", s.Vector.Truncate, width)
	case n != want:
		return fmt.Errorf("steps are %s, with %d means for vectors of %d values: they have %d", strings.Join(s.Vector.Steps, ","), n, s.Size(width), want)
	}
	for i, m := range s.Mean {
		if !exact(m) {
			return fmt.Errorf("the mean of value %d is %g: use a finite number of float32", i, m)
		}
	}
	return nil
}

// Size returns how many values are left of a row of a width.
func (s Standard) Size(width int) int {
	if n := s.Vector.Truncate; n > 0 && n < width {
		return n
	}
	return width
}

// Shape returns the shape of what is left of a row of a shape.
func (s Standard) Shape(row []int) []int {
	if n := product(row); s.Size(n) < n {
		return []int{s.Size(n)}
	}
	return row
}
