package explore_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// What a decoded row is compared with is what the decoder should give: a part of the row, or what the graphs prepare of it.
func TestTarget(t *testing.T) {
	b := newBrowser(t)
	for name, c := range map[string]struct {
		change func(m *builder.Model)
		want   func(row []float64) []float64
	}{
		"predicted": {
			func(m *builder.Model) {
				m.Input, m.Cut, m.Latent.Prior = []int{3, 4}, dist.Cut{Lines: 1}, dist.ConditionalPrior
			},
			func(row []float64) []float64 { return row[8:] },
		},
		"predicted, in colours": {
			func(m *builder.Model) {
				m.Input, m.Cut, m.Latent.Prior = []int{3, 2, 2}, dist.Cut{Lines: 1}, dist.ConditionalPrior
			},
			func(row []float64) []float64 { return []float64{row[2], row[3], row[6], row[7], row[10], row[11]} },
		},
		"vectors, cut and of length 1": {
			func(m *builder.Model) {
				m.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian}
				m.Standard = dist.Standard{Vector: dist.Vector{Truncate: 5, Steps: []string{dist.Normalise}}}
			},
			func(row []float64) []float64 { return unit(row[:5]) },
		},
		"vectors, less their mean": { // which the decoder adds again
			func(m *builder.Model) {
				m.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian}
				m.Standard = dist.Standard{Mean: twelfths(), Vector: dist.Vector{Steps: []string{dist.Normalise, dist.Centre}}}
			},
			unit,
		},
		"vectors, turned around their mean": {
			func(m *builder.Model) {
				m.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian}
				m.Standard = dist.Standard{Mean: twelfths(), Vector: dist.Vector{Steps: []string{dist.Centre, dist.Normalise}}}
			},
			func(row []float64) []float64 {
				less := make([]float64, len(row))
				for i, x := range row {
					less[i] = x - twelfths()[i]
				}
				return unit(less)
			},
		},
		"shares": {
			func(m *builder.Model) { m.Likelihood = dist.LikelihoodConfig{Kind: dist.Multinomial} },
			func(row []float64) []float64 {
				sum, out := 0.0, make([]float64, len(row))
				for _, x := range row {
					sum += x
				}
				for i, x := range row {
					out[i] = x / sum
				}
				return out
			},
		},
	} {
		m := pictures(builder.Latent{Kind: dist.Bernoulli, Variables: 6})
		m.Input = []int{12}
		c.change(&m)
		e, _ := explorer(t, m)
		row := make([]float64, 12)
		var file bytes.Buffer
		w, err := dataset.NewNPYWriter(&file, "float32", append([]int{1}, m.Input...)...)
		if err != nil {
			t.Fatal(err)
		}
		values := make([]float32, 12)
		for i := range row {
			row[i] = float64((i*5)%7) / 8
			values[i] = float32(row[i])
		}
		if err := w.WriteFloats(values); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "rows.npy")
		if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if e.Rows, err = dataset.Load(context.Background(), path, dataset.Options{Values: e.Model.Manifest().Input.Values()}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.open(served(t, e))
		want := make([]float32, 0, 12)
		for _, x := range c.want(row) {
			want = append(want, float32(x))
		}
		near(t, name, value[[]float64](b, `Array.from(catvae.item.target)`), want, 1e-6)
		if size := e.Model.Manifest().TargetSize(); size != len(want) || value[int](b, `catvae.item.decoded.length`) != size {
			t.Errorf("%s: the decoder gives %d values, want %d", name, size, len(want))
		}
		if m.Cut.Lines > 0 {
			whole := value[[]float64](b, `Array.from(catvae.target.whole(catvae.item.row, catvae.item.target.map((x) => x + 1)))`)
			cut := make([]float32, 12)
			copy(cut, values)
			for i := range want {
				want[i]++
			}
			dist.PutTarget(m.Cut, cut, want, m.Input)
			near(t, name+", whole", whole, cut, 1e-6)
		}
		b.quiet()
	}
}

// unit is a vector at length 1.
func unit(row []float64) []float64 {
	square, out := 0.0, make([]float64, len(row))
	for _, x := range row {
		square += x * x
	}
	for i, x := range row {
		out[i] = x / math.Sqrt(square)
	}
	return out
}

// twelfths is a mean of 12 values.
func twelfths() []float64 {
	mean := make([]float64, 12)
	for i := range mean {
		mean[i] = float64(i)/12 - 0.4
	}
	return mean
}
