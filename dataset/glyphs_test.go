package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestGlyphsFrozen pins the drawings: figures in reports and documents were measured on them.
func TestGlyphsFrozen(t *testing.T) {
	t.Parallel()
	for split, want := range map[Split]string{
		Train: "8886e6dd6165830913bc0fcd706bd20553655ee209c649d817785dc2869c819f",
		Test:  "7ca84e9fb8072dde6907a428b12263446efdd2016220ce4f0ddaf2a6e8152efa",
	} {
		g := newGlyphs(Options{Split: split, Rows: 100})
		h := sha256.New()
		row := make([]byte, glyphSize*glyphSize)
		for i := range 100 {
			h.Write([]byte{byte(g.draw(row, i))})
			h.Write(row)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%s: %s, want %s", split, got, want)
		}
	}
}

func TestGlyphsAreReadableImages(t *testing.T) {
	t.Parallel()
	s, err := Load(t.Context(), GlyphsSource, Options{Rows: 2000})
	if err != nil {
		t.Fatal(err)
	}
	var counts [10]int
	for i := range s.Len() {
		counts[s.Label(i)]++
		ink, edge := 0, 0
		for j, b := range s.Bytes(i) {
			if b > 127 {
				ink++
				if x, y := j%28, j/28; x == 0 || y == 0 || x == 27 || y == 27 {
					edge++
				}
			}
		}
		if ink < 25 || ink > 400 || edge > 8 {
			t.Errorf("row %d (a %d) has %d bright pixels, %d of them at the edge", i, s.Label(i), ink, edge)
		}
	}
	for digit, n := range counts {
		if n < 140 || n > 260 { // 200 expected, 4.5 standard deviations
			t.Errorf("digit %d stands %d times in 2000", digit, n)
		}
	}
}

func TestGlyphsSplitsDiffer(t *testing.T) {
	t.Parallel()
	train, test := newGlyphs(Options{Split: Train}), newGlyphs(Options{Split: Test})
	a, b := make([]byte, 784), make([]byte, 784)
	seen := map[string]bool{}
	for i := range 500 {
		train.draw(a, i)
		seen[string(a)] = true
	}
	for i := range 500 {
		test.draw(b, i)
		if seen[string(b)] {
			t.Fatalf("test row %d is a training row", i)
		}
	}
}

func BenchmarkGlyphs(b *testing.B) {
	g := newGlyphs(Options{})
	row := make([]byte, 784)
	for i := 0; b.Loop(); i++ {
		g.draw(row, i)
	}
}
