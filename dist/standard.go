package dist

import (
	"fmt"
	"math"
)

// The ways to standardise rows, as configurations and manifests name them.
const (
	StandardNone   = "none"
	StandardColumn = "column" // each value of a row by its own mean and deviation
	StandardAll    = "all"    // all values by one mean and one deviation
	StandardLog    = "log"    // of counts: the encoder sees ln(1+x), the likelihood the counts

	StandardVector = "vector" // of a manifest alone: rows are prepared as a [Vector] says, which configurations have in a key of its own
)

// Standards returns the names of all ways to standardise that configurations name.
func Standards() []string { return []string{StandardNone, StandardColumn, StandardAll, StandardLog} }

// MaxStandardColumns bounds the columns with a mean and a deviation of their own: a manifest has them as text.
const MaxStandardColumns = 1 << 16

// A Standard is how a model's graphs standardise the values of a row, which enter the encoder as they are:
//
//	z = (x - Mean) / Deviation
//
// The encoder and the likelihood see z; the reconstruction is z·Deviation + Mean, in the units of x. Under Log the encoder
// sees ln(1+x), and the likelihood and the reconstruction are of x. Where a Vector prepares rows, encoder and likelihood see what its
// steps give, and the reconstruction is of that: with the mean added where it was subtracted last, and else as it is. No length comes back,
// and no value that was cut off. The zero value changes nothing.
//
// The numbers are exact in float32, so that graphs, manifests and Go compute with the same ones. The arithmetic is that of
// float32: a difference and a quotient.
type Standard struct {
	Mean, Deviation []float64 // one for all values, or one for each; nil for none. Deviations are above 0
	Log             bool      // and no means
	Vector          Vector    // and no deviations; Mean is what is subtracted, one for each value that is left
}

// IsZero reports the standard that changes nothing.
func (s Standard) IsZero() bool {
	return len(s.Mean) == 0 && len(s.Deviation) == 0 && !s.Log && s.Vector.IsZero()
}

// Moves reports a standard by which the likelihood sees something else than the row: see [Standard.Apply].
func (s Standard) Moves() bool { return len(s.Mean) > 0 || !s.Vector.IsZero() }

// Kind returns the name of the way to standardise.
func (s Standard) Kind() string {
	switch {
	case !s.Vector.IsZero():
		return StandardVector
	case s.Log:
		return StandardLog
	case len(s.Mean) > 1:
		return StandardColumn
	case len(s.Mean) == 1:
		return StandardAll
	}
	return StandardNone
}

// Check reports a standard that does not fit rows of a width, or that float32 cannot hold.
func (s Standard) Check(width int) error {
	if !s.Vector.IsZero() {
		return s.checkVector(width)
	}
	n := len(s.Mean)
	switch {
	case s.Log && (n > 0 || len(s.Deviation) > 0):
		return fmt.Errorf("rows are standardised by ln(1+x), and by %d means: use one of the two", n)
	case len(s.Deviation) != n:
		return fmt.Errorf("rows are standardised by %d means and %d deviations: use as many of one as of the other", n, len(s.Deviation))
	case n > 1 && n != width:
		return fmt.Errorf("rows of %d values are standardised by %d means: use one, or one a value", width, n)
	}
	for i, m := range s.Mean {
		if !exact(m) {
			return fmt.Errorf("the mean of value %d is %g: use a finite number of float32", i, m)
		}
		if d := s.Deviation[i]; !exact(d) || d <= 0 || math.IsInf(1/d, 0) {
			return fmt.Errorf("the deviation of value %d is %g: use a number of float32 above 0", i, d)
		}
	}
	return nil
}

// exact reports a finite number that float32 holds.
func exact(x float64) bool { return float64(float32(x)) == x && !math.IsInf(x, 0) }

// Apply writes a row as the likelihood sees it to dst, of [Standard.Size] values, which may be the row itself.
func (s Standard) Apply(dst, row []float32) {
	if !s.Vector.IsZero() {
		s.prepare(dst, row)
		return
	}
	switch len(s.Mean) {
	case 0:
		copy(dst, row)
	case 1:
		mean, deviation := float32(s.Mean[0]), float32(s.Deviation[0])
		for i, x := range row {
			dst[i] = (x - mean) / deviation
		}
	default:
		for i, x := range row {
			dst[i] = (x - float32(s.Mean[i])) / float32(s.Deviation[i])
		}
	}
}

// Undo writes a row that the likelihood sees to dst in the units of the reconstruction: the inverse of [Standard.Apply] up to
// rounding, except where a Vector prepares rows. dst may be the row itself.
func (s Standard) Undo(dst, row []float32) {
	if !s.Vector.IsZero() {
		for i, z := range row {
			if dst[i] = z; s.Vector.EndsCentred() {
				dst[i] = z + float32(s.Mean[i])
			}
		}
		return
	}
	switch len(s.Mean) {
	case 0:
		copy(dst, row)
	case 1:
		mean, deviation := float32(s.Mean[0]), float32(s.Deviation[0])
		for i, z := range row {
			dst[i] = float32(z*deviation) + mean
		}
	default:
		for i, z := range row {
			dst[i] = float32(z*float32(s.Deviation[i])) + float32(s.Mean[i])
		}
	}
}
