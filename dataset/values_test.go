package dataset_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
)

// Every format's numbers become values by the one rule, and bytes by its own divisor.
func TestValues(t *testing.T) {
	t.Parallel()
	rule := dist.Values{Bytes: 51, Numbers: 4, Mean: 0.5, Deviation: 2, Least: math.Inf(-1), Most: math.Inf(1)}
	numbers := func(x float64) float32 { return rule.Number(x) }
	bytesOf := func(x float64) float32 { return rule.Byte(byte(x)) }
	for path, c := range map[string]struct {
		value func(i int) float64 // of the file
		rule  func(float64) float32
	}{
		"uint8.npy":       {func(i int) float64 { return float64(i) }, bytesOf},
		"float32.npy":     {func(i int) float64 { return float64(i) / 16 }, numbers},
		"float64.npy":     {func(i int) float64 { return float64(i) / 16 }, numbers},
		"stored.npz":      {func(i int) float64 { return float64(i) / 16 }, numbers},
		"compressed.npz":  {func(i int) float64 { return float64(i) }, bytesOf},
		"pandas.csv":      {func(i int) float64 { return float64(i) / 32 }, numbers},
		"list.parquet":    {func(i int) float64 { return float64(i) / 32 }, numbers},
		"columns.parquet": {func(i int) float64 { return float64(i) / 32 }, numbers},
		"bytes.parquet":   {func(i int) float64 { return float64(9 * i) }, bytesOf},
	} {
		o := dataset.Options{Values: rule}
		set, err := dataset.Load(t.Context(), "testdata/"+path, o)
		if err != nil {
			t.Error(err)
			continue
		}
		if set.Values() != rule {
			t.Errorf("%s: %+v", path, set.Values())
		}
		r, err := dataset.Open(t.Context(), "testdata/"+path, o)
		if err != nil {
			t.Fatal(err)
		}
		size := set.RowSize()
		streamed := batches(t, size, 3*size, r.Floats).rows
		row := make([]float32, size)
		for i := range set.Len() {
			set.Row(i, row)
			for j, x := range row {
				if want := c.rule(c.value(i*size + j)); x != want || streamed[i*size+j] != want {
					t.Fatalf("%s: row %d, value %d is %g and %g, want %g", path, i, j, x, streamed[i*size+j], want)
				}
			}
		}
		r.Close()
	}
}

// Where nothing is chosen values are those of pixels, and floats are the file's, bit for bit.
func TestUnit(t *testing.T) {
	t.Parallel()
	values := []float32{0, 1, 0.1, 1.0 / 3, math.SmallestNonzeroFloat32, math.Nextafter32(1, 0)}
	var buf bytes.Buffer
	w, err := dataset.NewNPYWriter(&buf, "float32", 1, len(values))
	if err == nil {
		err = errors.Join(w.WriteFloats(values), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Load(t.Context(), write(t, "x.npy", buf.Bytes()), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, len(values))
	set.Row(0, row)
	for i, x := range row {
		if math.Float32bits(x) != math.Float32bits(values[i]) {
			t.Errorf("%g became %g", values[i], x)
		}
	}
	if set.Values() != dist.Unit() {
		t.Errorf("%+v", set.Values())
	}
}

// A bad row is zeros whatever a byte of 0 becomes.
func TestBadRowsAreZeros(t *testing.T) {
	t.Parallel()
	rule := dist.Values{Bytes: 255, Numbers: 1, Mean: 0.5, Deviation: 1, Least: -1, Most: 1}
	path := write(t, "x.png", []byte("no picture"))
	r, err := dataset.Open(t.Context(), path, dataset.Options{Values: rule, Image: &dataset.Image{Height: 2, Width: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row := []float32{9, 9, 9, 9}
	n, decode, err := r.Floats(row)
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if bad, err := decode(); len(bad) != 1 || err != nil || row[0] != 0 || row[3] != 0 {
		t.Errorf("%v, %v, %v", bad, err, row)
	}
}

// Rules that make no sense, values out of range, and bytes that would be.
func TestRange(t *testing.T) {
	t.Parallel()
	signed := dist.Values{Bytes: 255, Numbers: 2, Deviation: 1, Least: -1, Most: 1}
	for _, c := range []struct {
		rule dist.Values
		text string // a CSV file
		want string // of the error
	}{
		{signed, "0,-2\n1,2\n", ""},
		{signed, "0,-2\n1,3\n", "row 1, column 1 is 3, which becomes 1.5: values must lie in [-1,1]"},
		{dist.Values{}, "0,2\n", "column 1 is 2: values must lie in [0,1]"},
		{dist.Values{Bytes: 255, Numbers: 1, Deviation: 0, Most: 1}, "0,1\n", "the deviation is 0"},
	} {
		_, err := dataset.Load(t.Context(), write(t, "x.csv", []byte(c.text)), dataset.Options{Values: c.rule})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.want)
		}
	}
}

// Bytes that a rule makes values out of range make their rows bad, whichever way they are read; the others are taken.
func TestBytesOutOfRange(t *testing.T) {
	t.Parallel()
	rule := dist.Values{Bytes: 16, Numbers: 16, Deviation: 1, Most: 1}
	path := write(t, "x.idx", datatest.IDX([]byte{0, 16, 4, 17, 8, 8, 255, 0}, 4, 2))
	for name, s := range map[string]source{
		"file":    {path: path, bad: []int{1, 3}},
		"limited": {path: path, o: dataset.Options{Rows: 3}, bad: []int{1}},
		"pipe":    {path: dataset.Stdin, stdin: fileBytes(t, path), bad: []int{1, 3}},
	} {
		s.o.Values = rule
		want := oneByOne(t, 2, s.open(t).Next)
		if want.rows[1] != 1 || want.rows[4] != 0.5 || !slices.Equal(want.bad, s.bad) {
			t.Errorf("%s: %+v", name, want)
		}
		bytes := oneByOne(t, 2, s.open(t).(dataset.ByteReader).NextBytes)
		if !slices.Equal(bytes.bad, s.bad) || bytes.rows[1] != 16 {
			t.Errorf("%s: %+v", name, bytes)
		}
		for _, some := range []int{2, 5, 100} {
			if got := batches(t, 2, some, s.open(t).Floats); !got.equal(want) {
				t.Errorf("%s, %d at a time: %+v, want %+v", name, some, got, want)
			}
			if got := batches(t, 2, some, s.open(t).(dataset.ByteReader).Bytes); !got.equal(bytes) {
				t.Errorf("%s, %d bytes at a time: %+v, want %+v", name, some, got, bytes)
			}
		}
		r := s.open(t)
		if err := r.Skip(1); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(make([]float32, 2)); badRow(err) != 1 || !strings.Contains(err.Error(), "row 1, column 1 is 17, which becomes 1.0625: values must lie in [0,1]") {
			t.Errorf("%s: %v", name, err)
		}
	}
	pictures, err := dataset.Open(t.Context(), "testdata/pictures", dataset.Options{Values: rule})
	if err != nil {
		t.Fatal(err)
	}
	defer pictures.Close()
	if pictures.(dataset.Identified).ID(0) == "" {
		t.Error("pictures have lost their names")
	}
	if _, err := dataset.Load(t.Context(), path, dataset.Options{Values: rule}); badRow(err) != 1 {
		t.Error(err)
	}
}

// Bytes by another divisor come out as the same bits whichever way they are binarised.
func TestBytesByAnotherRule(t *testing.T) {
	t.Parallel()
	rule := dist.Values{Bytes: 300, Numbers: 1, Deviation: 1, Most: 1}
	b := dataset.Binarizer{Rule: dataset.Dynamic, Seed: 5, Values: rule}
	grey, floats, bits := make([]byte, 1027), make([]float32, 1027), make([]byte, 1027)
	for i := range grey {
		grey[i] = byte(i)
		floats[i] = rule.Byte(grey[i])
	}
	b.Bytes(bits, grey, 3, 7)
	b.Apply(floats, 3, 7)
	for i := range bits {
		if float32(bits[i]) != floats[i] {
			t.Fatalf("byte %d came out %d, as a float %g", grey[i], bits[i], floats[i])
		}
	}
}
