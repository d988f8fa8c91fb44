package dataset_test

import (
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/dataset"
)

func TestBinarizationRules(t *testing.T) {
	t.Parallel()
	grey := []float32{0, 0.2, 0.5, 0.51, 1}
	apply := func(rule dataset.Binarization, epoch, row uint32) []float32 {
		x := slices.Clone(grey)
		dataset.Binarizer{Rule: rule, Seed: 3}.Apply(x, epoch, row)
		return x
	}
	if got := apply(dataset.None, 0, 0); !slices.Equal(got, grey) {
		t.Errorf("none: %v", got)
	}
	if got, want := apply(dataset.Threshold, 0, 0), []float32{0, 0, 0, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("threshold: %v, want %v", got, want)
	}
	many := func(rule dataset.Binarization, epoch uint32) (out []float32) {
		for row := range uint32(50) {
			out = append(out, apply(rule, epoch, row)...)
		}
		return out
	}
	if !slices.Equal(many(dataset.Fixed, 1), many(dataset.Fixed, 7)) {
		t.Error("fixed binarisation changes with the epoch")
	}
	if slices.Equal(many(dataset.Dynamic, 1), many(dataset.Dynamic, 2)) {
		t.Error("dynamic binarisation does not change with the epoch")
	}
	if !slices.Equal(many(dataset.Dynamic, 2), many(dataset.Dynamic, 2)) {
		t.Error("dynamic binarisation is not repeatable")
	}
}

// P(1) = x for every grey value, and exactly never and always at the ends: a z-test with a fixed seed.
func TestBinarizationProbability(t *testing.T) {
	t.Parallel()
	const rows, width = 400, 500
	for _, x := range []float32{0, 1.0 / 255, 0.25, 0.5, 254.0 / 255, 1} {
		ones := 0.0
		for row := range uint32(rows) {
			values := make([]float32, width)
			for i := range values {
				values[i] = x
			}
			dataset.Binarizer{Rule: dataset.Dynamic, Seed: 1}.Apply(values, 1, row)
			for _, v := range values {
				ones += float64(v)
			}
		}
		n, p := float64(rows*width), float64(x)
		if z := (ones - n*p) / math.Sqrt(n*p*(1-p)+1e-9); math.Abs(z) > 4 {
			t.Errorf("x = %g: %g ones of %g, z = %.1f", x, ones, n, z)
		}
	}
}

// Bytes come out as the same bits whichever way they are binarised, for every grey value and every rule that draws.
func TestBytesAsApply(t *testing.T) {
	t.Parallel()
	grey, floats, bits := make([]byte, 1027), make([]float32, 1027), make([]byte, 1027)
	for _, rule := range []dataset.Binarization{dataset.Fixed, dataset.Dynamic, dataset.None, dataset.Threshold} {
		for row := range uint32(40) {
			for i := range grey {
				grey[i] = byte(i + int(row)*7)
				if i/16%3 == 0 { // black and white blocks too
					grey[i] = byte(i%2) * 255
				}
				floats[i] = float32(grey[i]) / 255
			}
			b := dataset.Binarizer{Rule: rule, Seed: 5}
			b.Bytes(bits, grey, 3, row)
			if rule == dataset.None || rule == dataset.Threshold {
				if string(bits) != string(grey) {
					t.Fatalf("%s changed the bytes", rule)
				}
				continue
			}
			b.Apply(floats, 3, row)
			for i := range bits {
				if float32(bits[i]) != floats[i] {
					t.Fatalf("%s, row %d: byte %d came out %d, as a float %g", rule, row, grey[i], bits[i], floats[i])
				}
			}
		}
	}
}

// Another view of a row is another draw where the rule draws anew, and the same row elsewhere.
func TestBinarizerViews(t *testing.T) {
	t.Parallel()
	grey := slices.Repeat([]byte{128}, 200)
	for _, rule := range []dataset.Binarization{dataset.None, dataset.Fixed, dataset.Dynamic, dataset.Threshold} {
		var bits [3][]byte
		var values [3][]float32
		for view := range bits {
			b := dataset.Binarizer{Rule: rule, Seed: 3, View: view}
			bits[view], values[view] = make([]byte, len(grey)), slices.Repeat([]float32{128.0 / 255}, len(grey))
			b.Bytes(bits[view], grey, 2, 7)
			b.Apply(values[view], 2, 7)
			for i, x := range values[view] {
				if (rule == dataset.Fixed || rule == dataset.Dynamic) && x != float32(bits[view][i]) {
					t.Fatalf("%s, view %d: bit %d is %d of bytes and %g of values", rule, view, i, bits[view][i], x)
				}
			}
		}
		for view := 1; view < len(bits); view++ {
			if same := slices.Equal(bits[view], bits[view-1]); same != (rule != dataset.Dynamic) {
				t.Errorf("%s: views %d and %d are the same: %v", rule, view-1, view, same)
			}
		}
	}
}
