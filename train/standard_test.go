package train_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// unitRows writes a table of four columns in units far apart, the last constant, and rows held out that would change every mean.
func unitRows(t *testing.T) (path string, trained [][]float64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "rows.csv")
	text := "a,b,c,d\n"
	for i := range 48 {
		row := []float64{float64(i%7) - 1000, 1e-4 * float64(i%5), 3e5 * float64(i%3), 0.1}
		if i < 40 {
			trained = append(trained, row)
		} else {
			row[0], row[1], row[2] = 5000, 1, -1e7
		}
		text += fmt.Sprintf("%g,%g,%g,%g\n", row[0], row[1], row[2], row[3])
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, trained
}

// standardised is a configuration of few steps, on rows of which the last eight are held out.
func standardised(t *testing.T, kind string, sets ...string) train.Config {
	t.Helper()
	return small4(t, append([]string{"likelihood.kind=gaussian", "data.binarize=none", "data.standardise=" + kind, "data.validation=8", "data.holdout=last"}, sets...)...)
}

// Means and deviations are those of the rows trained on, in float64; they are in the manifest, and every number of a bundle is computed
// with them: equal logits for rows in any unit that the statistics take back.
func TestStandardise(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	source, rows := unitRows(t)
	for _, kind := range []string{dist.StandardColumn, dist.StandardAll} {
		out := filepath.Join(t.TempDir(), "run")
		r, err := train.Run(t.Context(), standardised(t, kind), train.Options{Source: source, Out: out, Backend: onnx, Samples: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Scale, "standardises them") {
			t.Errorf("%s: %q", kind, r.Scale)
		}
		model, err := runtime.Open(t.Context(), filepath.Join(out, train.BundleDir), runtime.WithBackend(onnx))
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		s := model.Manifest().Input.Standard.Dist()
		if s.Kind() != kind || model.Manifest().FormatVersion != "1.1" {
			t.Errorf("%s: the manifest has %+v of version %s", kind, s, model.Manifest().FormatVersion)
		}
		columns := [][]float64{{}}
		for j := range 4 {
			if kind == dist.StandardColumn && j > 0 {
				columns = append(columns, nil)
			}
			for _, row := range rows {
				columns[len(columns)-1] = append(columns[len(columns)-1], float64(float32(row[j])))
			}
		}
		for j, values := range columns {
			sum, square := 0.0, 0.0
			for _, x := range values {
				sum += x
			}
			mean := sum / float64(len(values))
			for _, x := range values {
				square += (x - mean) * (x - mean)
			}
			deviation := math.Sqrt(square / float64(len(values)))
			if j == 3 { // constant
				deviation = 1
			}
			if math.Abs(s.Mean[j]-mean) > 1e-6*math.Abs(mean) || math.Abs(s.Deviation[j]-deviation) > 1e-6*deviation {
				t.Errorf("%s: column %d has mean %g and deviation %g, want %g and %g", kind, j, s.Mean[j], s.Deviation[j], mean, deviation)
			}
		}
		set, err := dataset.Load(t.Context(), source, dataset.Options{Values: model.Manifest().Input.Values()})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 4)
		set.Row(7, row)
		back, err := model.Reconstruct(t.Context(), nil, row)
		if err != nil {
			t.Fatal(err)
		}
		for j, x := range back[:3] { // nearer than a few deviations: in the units of the rows, after two epochs
			if d := s.Deviation[j%len(s.Deviation)]; math.Abs(float64(x-row[j])) > 8*d {
				t.Errorf("%s: value %d is %g, its reconstruction %g", kind, j, row[j], x)
			}
		}
	}
}

// A run that continues, and whoever opens it, takes the statistics from its folder, and none that are damaged or missing.
func TestStandardStays(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	source, _ := unitRows(t)
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	for _, run := range []struct {
		out    string
		epochs int
	}{{whole, 2}, {parts, 1}, {parts, 2}} {
		c := standardised(t, "column")
		c.Epochs = run.epochs
		c.Objective.KLWarmupPart = 0
		if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: run.out, Backend: onnx, Samples: 1, Resume: true}); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{train.StandardFile, "bundle/encoder.onnx", "bundle/decoder.onnx"} {
		a, err1 := os.ReadFile(filepath.Join(whole, file))
		b, err2 := os.ReadFile(filepath.Join(parts, file))
		if err1 != nil || err2 != nil || !slices.Equal(a, b) {
			t.Errorf("%s of a run in parts is another: %v, %v", file, err1, err2)
		}
	}
	opened, err := train.OpenRun(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(dir, "again")
	if _, err := opened.WriteBundle(t.Context(), again, train.BundleOptions{Backend: onnx}); err != nil {
		t.Fatal(err)
	}
	a, err1 := bundle.Open(again)
	b, err2 := bundle.Open(filepath.Join(parts, train.BundleDir))
	if err1 != nil || err2 != nil || a.Hash() != b.Hash() {
		t.Errorf("a bundle that is exported later is another: %v, %v", err1, err2)
	}
	path := filepath.Join(parts, train.StandardFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-3] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := train.OpenRun(parts, nil); !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "its SHA-256 is") {
		t.Errorf("damaged: %v", err)
	}
	if err := os.WriteFile(path, data[:len(data)-2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := train.OpenRun(parts, nil); !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "means and deviations") {
		t.Errorf("cut: %v", err)
	}
	c := standardised(t, "column")
	c.Epochs = 3
	c.Objective.KLWarmupPart = 0
	if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: parts, Backend: onnx, Resume: true}); !errors.Is(err, train.ErrResume) {
		t.Errorf("continued with damaged statistics: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := train.OpenRun(parts, nil); !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("missing: %v", err)
	}
}

// Keys of data that make no sense, together or with a source, are refused with the key, the value and the way out.
func TestSenselessData(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"data.standardise=rows":                      `data.standardise is "rows": use none, column, all, log`,
		"data.standardise=column":                    "data.standardise is column: values of the likelihood bernoulli, within [0,1], are not standardised: leave the key out, or set likelihood.kind=gaussian",
		"data.standardise=log":                       "data.standardise is log: values of the likelihood bernoulli, within [0,1], are no counts: leave the key out, or set likelihood.kind=multinomial",
		"likelihood.kind=gaussian":                   "set data.binarize=none",
		"data.image_size=8x8 data.fit=pad":           `data.fit is "pad": use stretch, fit, fill`,
		"data.fit=fill":                              "data.fit is fill, but no size to fit is given: set data.image_size",
		"data.color=yes":                             `data.color is "yes": use auto, grey, rgb`,
		"data.layout=last":                           `data.layout is "last": use auto, channels_first, channels_last`,
		"data.table.first_column=2":                  `data.table.first_column is "2": use auto, 0, 1`,
		"data.resize=bilinear":                       "set data.image_size",
		"data.divide=0.5 likelihood.kind=poisson":    "likelihood.kind",
		"data.image_size=8 data.resize=bilinear":     "use height and width",
		"data.table.header=maybe data.binarize=none": `data.table.header is "maybe"`,
	} {
		if err := small4(t, append([]string{"data.binarize=dynamic"}, strings.Fields(keys)...)...).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", keys, err, want)
		}
	}
	table, _ := unitRows(t)
	onnx := ortest.Backend(t)
	for keys, want := range map[string]string{
		"data.color=rgb":      "data.color is rgb, and the rows of " + table,
		"data.image_size=4x4": "data.image_size is [4 4], the rows of",
	} {
		c := standardised(t, "none", strings.Fields(keys)...)
		if _, err := train.Run(t.Context(), c, train.Options{Source: table, Out: filepath.Join(t.TempDir(), "run"), Backend: onnx}); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("a table with %s: %v, want %q", keys, err, want)
		}
	}
}
