package evaluate_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/train/evaluate"
)

// encoder packs the bits that a function makes of a row.
type encoder func(row []float32) []uint8

func (e encoder) Encode(_ context.Context, dst []byte, rows []float32) ([]byte, error) {
	for ; len(rows) > 0; rows = rows[3:] {
		bits := e(rows[:3])
		var err error
		if dst, err = codes.Pack(dst, bits, len(bits)); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// rowSet has n rows of three bytes: i, i/256 and 0.
func rowSet(t *testing.T, n int) *dataset.Set {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rows.npy")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := dataset.NewNPYWriter(f, "uint8", n, 3)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]byte, 0, 3*n)
	for i := range n {
		rows = append(rows, byte(i), byte(i/256), 0)
	}
	for _, err := range []error{w.WriteBytes(rows), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	set, err := dataset.Load(t.Context(), file, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Each bit is judged as it is shipped: constant ones are dead, repeated and opposite ones are duplicates.
func TestCodes(t *testing.T) {
	t.Parallel()
	set := rowSet(t, 600) // more than one chunk
	u, err := evaluate.Codes(t.Context(), encoder(func(row []float32) []uint8 {
		i := int(math.Round(float64(row[0])*255)) + 256*int(math.Round(float64(row[1])*255))
		half, late := bit(i%2 == 0), bit(i == 599)
		return []uint8{half, 1 - half, 0, 1, half, bit(i%4 == 0), late, late, 1 - late}
	}), 9, set, 0)
	if err != nil {
		t.Fatal(err)
	}
	if u.Rows != 600 || u.DistinctRows != 600 || u.Distinct != 4 || u.Bits != 9 || u.Dead != 2 || u.Duplicate != 4 {
		t.Errorf("%+v", u)
	}
	quarter := -0.25*math.Log2(0.25) - 0.75*math.Log2(0.75)
	p := 1.0 / 600
	rare := -p*math.Log2(p) - (1-p)*math.Log2(1-p)
	if want := 3 + quarter + 3*rare; math.Abs(u.Entropy-want) > 1e-9 {
		t.Errorf("entropy %g, want %g", u.Entropy, want)
	}
	for i, like := range []int{-1, 0, -1, -1, 0, -1, -1, 6, 6} {
		if u.Each[i].Like != like || u.Each[i].Dead() != (i == 2 || i == 3) {
			t.Errorf("bit %d: %+v", i, u.Each[i])
		}
	}
	if want := "4 distinct codes of 600 distinct rows"; !strings.Contains(u.String(), want) {
		t.Errorf("%s: want %q", u, want)
	}
	if few, err := evaluate.Codes(t.Context(), encoder(func([]float32) []uint8 { return []uint8{1} }), 1, set, 10); err != nil || few.Rows != 10 || few.Distinct != 1 || few.Dead != 1 {
		t.Errorf("%+v, %v", few, err)
	}
}

// A collapse is told, a good use of few bits is not.
func TestWarnings(t *testing.T) {
	t.Parallel()
	latent := func(kind string, variables, categories int) dist.Latent {
		l, err := dist.NewLatent(kind, variables, categories)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, c := range map[string]struct {
		latent dist.Latent
		kl     float64
		use    evaluate.CodeUse
		want   []string // a word of each warning
	}{
		"good":                 {latent(dist.Bernoulli, 200, 0), 80, evaluate.CodeUse{DistinctRows: 10_000, Distinct: 9_990, Bits: 200, Dead: 3}, nil},
		"few bits, all used":   {latent(dist.Bernoulli, 3, 0), 1.5, evaluate.CodeUse{DistinctRows: 10_000, Distinct: 8, Bits: 3}, nil},
		"one variable":         {latent(dist.Categorical, 1, 10), 2, evaluate.CodeUse{DistinctRows: 10_000, Distinct: 10, Bits: 10}, nil},
		"two categories":       {latent(dist.Categorical, 30, 2), 15, evaluate.CodeUse{DistinctRows: 5_000, Distinct: 4_000, Bits: 60, Duplicate: 30}, nil},
		"rows that are equal":  {latent(dist.Bernoulli, 64, 0), 3, evaluate.CodeUse{DistinctRows: 20, Distinct: 20, Bits: 64, Dead: 40}, nil},
		"one code":             {latent(dist.Bernoulli, 64, 0), 0.001, evaluate.CodeUse{DistinctRows: 20, Distinct: 1, Bits: 64, Dead: 64}, []string{"next to nothing", "told apart"}},
		"posterior moves only": {latent(dist.Bernoulli, 200, 0), 0.64, evaluate.CodeUse{DistinctRows: 12_000, Distinct: 289, Bits: 200, Dead: 150}, []string{"next to nothing", "told apart", "tell nothing"}},
		"repeated bits":        {latent(dist.Bernoulli, 64, 0), 20, evaluate.CodeUse{DistinctRows: 1_000, Distinct: 900, Bits: 64, Duplicate: 40}, []string{"tell nothing"}},
	} {
		got := evaluate.Evaluation{KL: c.kl, Codes: &c.use}.Warnings(c.latent)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		for i, word := range c.want {
			if !strings.Contains(got[i], word) {
				t.Errorf("%s: %q lacks %q", name, got[i], word)
			}
		}
	}
}
