package projection

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/catvae/catvae/internal/noise"
)

func flat(rows [][]float64) Rows {
	r := Rows{Count: len(rows), Width: len(rows[0])}
	for _, row := range rows {
		for _, x := range row {
			r.Values = append(r.Values, float32(x))
		}
	}
	return r
}

func drawn(dst []float64, step int) {
	noise.Stream{Seed: 1}.Normal(dst, uint32(step), 0)
}

func same(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Fatalf("%s: number %d is %g, want %g", name, i, got[i], want[i])
		}
	}
}

// Components, ITQ, with fewer bits than values, as many and more, and least squares are NumPy's: testdata/projection.py.
func TestNumPy(t *testing.T) {
	t.Parallel()
	var file struct {
		Rows, Code [][]float64
		Components []float64
		ITQ        []struct {
			Bits                int
			Start, Weight, Bias []float64
		}
		LeastSquares []float64 `json:"least_squares"`
		Left         float64
	}
	data, err := os.ReadFile("testdata/projection.json")
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil || len(file.ITQ) != 3 {
		t.Fatal(err)
	}
	const rounding = 1e-5 // the rows are float32 here
	rows := flat(file.Rows)
	d, err := NewData(rows, drawn)
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.PCA(t.Context(), rows.Width)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "components", m.Weight, file.Components, rounding)
	for _, c := range file.ITQ {
		d, err := NewData(rows, func(dst []float64, _ int) { copy(dst, c.Start) })
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.ITQ(t.Context(), c.Bits)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ITQ's weights", m.Weight, c.Weight, rounding)
		same(t, "ITQ's bias", m.Bias, c.Bias, rounding)
		r := mat.NewDense(m.In, m.Out, m.Weight)
		var square mat.Dense
		if square.Mul(r, r.T()); c.Bits >= rows.Width { // a rotation, or a tight frame, of all values
			for i := range m.In {
				for j := range m.In {
					want := 0.0
					if i == j {
						want = 1
					}
					same(t, "R Rᵀ", []float64{square.At(i, j)}, []float64{want}, 1e-9)
				}
			}
		}
	}
	m, left, err := LeastSquares(flat(file.Code), rows)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "least squares", append(append([]float64{}, m.Weight...), m.Bias...), file.LeastSquares, 1e-4) // the ridge
	same(t, "what is left", []float64{left}, []float64{file.Left}, 1e-5)
}

// The approximate decomposition finds the directions of the exact one.
func TestPowerComponents(t *testing.T) {
	t.Parallel()
	const rows, width, k = 300, 120, 10
	x := mat.NewDense(rows, width, nil)
	drawn(x.RawMatrix().Data, 5)
	for i := range rows {
		for j := range width { // a spectrum that falls slowly
			x.Set(i, j, x.At(i, j)*math.Pow(float64(j+1), -0.7))
		}
	}
	exact, err := exactComponents(t.Context(), x, k)
	if err != nil {
		t.Fatal(err)
	}
	found, err := powerComponents(t.Context(), x, k, drawn)
	if err != nil {
		t.Fatal(err)
	}
	var overlap mat.Dense
	overlap.Mul(exact.T(), found)
	for i := range k {
		if c := math.Abs(overlap.At(i, i)); c < 0.999 {
			t.Errorf("direction %d is found with a cosine of %.5f", i, c)
		}
	}
}

// Two rows at an angle θ from the mean differ in a share θ/π of random bits.
func TestHyperplanes(t *testing.T) {
	t.Parallel()
	const bits = 40_000
	for _, angle := range []float64{0.3, 1, 2.5} {
		a, b := []float32{3, 1}, []float32{float32(1 + 2*math.Cos(angle)), float32(1 + 2*math.Sin(angle))}
		rows := Rows{Count: 4, Width: 2, Values: append(append(append([]float32{}, a...), b...), 2-a[0], 2-a[1], 2-b[0], 2-b[1])} // mean 1, 1
		d, err := NewData(rows, drawn)
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.Hyperplanes(t.Context(), bits)
		if err != nil {
			t.Fatal(err)
		}
		x, y, differ := m.Apply(nil, a), m.Apply(nil, b), 0.0
		for i := range x {
			if (x[i] > 0) != (y[i] > 0) {
				differ++
			}
		}
		p := angle / math.Pi
		if got := differ / bits; math.Abs(got-p) > 4.5*math.Sqrt(p*(1-p)/bits) {
			t.Errorf("rows at an angle of %g differ in a share %.4f of the bits, want %.4f", angle, got, p)
		}
	}
}

// Rows are taken evenly, all of few and fewer of wide ones.
func TestTaken(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int{{7, 784, 7}, {60_000, 784, MostRows}, {60_000, 3072, 5461}, {60_000, 1 << 20, 1000}} {
		rows := Taken(c[0], c[1])
		if len(rows) != c[2] || rows[0] != 0 || rows[len(rows)-1] >= c[0] || rows[len(rows)-1] < c[0]-1-c[0]/c[2] {
			t.Errorf("of %d rows of %d values %d are taken, up to %d, want %d", c[0], c[1], len(rows), rows[len(rows)-1], c[2])
		}
	}
}

// Scaling gives a root mean square and leaves the bits.
func TestScaled(t *testing.T) {
	t.Parallel()
	rows := Rows{Count: 3, Width: 2, Values: []float32{1, 2, 3, 5, 0, 1}}
	m := Map{In: 2, Out: 2, Weight: []float64{1, -2, 0.5, 1}, Bias: []float64{-1, 0.25}}
	s, sum := m.Scaled(rows, 8), 0.0
	for i := range rows.Count {
		y := s.Apply(nil, rows.Row(i))
		for j, before := range m.Apply(nil, rows.Row(i)) {
			if (before > 0) != (y[j] > 0) {
				t.Errorf("bit %d of row %d is another one", j, i)
			}
			sum += y[j] * y[j] / 6
		}
	}
	same(t, "mean square", []float64{sum}, []float64{64}, 1e-9)
	if z := (Map{In: 2, Out: 1, Weight: []float64{0, 0}, Bias: []float64{0}}).Scaled(rows, 8); z.Weight[0] != 0 {
		t.Error("a map to 0 is scaled")
	}
}

// What cannot be fitted is an error in words; rows that are all alike give bits that are all alike.
func TestRefusals(t *testing.T) {
	t.Parallel()
	alike := Rows{Count: 3, Width: 2, Values: []float32{1, 2, 1, 2, 1, 2}}
	d, err := NewData(alike, drawn)
	if err != nil {
		t.Fatal(err)
	}
	for name, fit := range map[string]Fit{"hyperplanes": (*Data).Hyperplanes, "pca": (*Data).PCA, "itq": (*Data).ITQ} {
		m, err := fit(d, t.Context(), 2)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range append(m.Weight, m.Bias...) {
			if math.IsNaN(w) {
				t.Errorf("%s gives NaN for rows that are all alike", name)
			}
		}
		if _, err := fit(d, t.Context(), 0); err == nil || !strings.Contains(err.Error(), "use 1") {
			t.Errorf("%s for no bits: %v", name, err)
		}
	}
	if _, err := d.PCA(t.Context(), 3); err == nil || !strings.Contains(err.Error(), "hyperplanes or itq") {
		t.Errorf("more components than values: %v", err)
	}
	if _, err := NewData(Rows{Count: 1, Width: 1, Values: []float32{1}}, drawn); err == nil {
		t.Error("one row is fitted to")
	}
	if _, _, err := LeastSquares(alike, Rows{Count: 2, Width: 1, Values: []float32{1, 2}}); err == nil {
		t.Error("3 rows are fitted to 2")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err = NewData(alike, drawn); err == nil {
		_, err = d.ITQ(ctx, 2)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
}
