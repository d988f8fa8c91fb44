package train_test

import (
	"bytes"
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
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// vectorRows writes an array of rows of some values, of lengths far apart, all of them to one side of 0; the rows that are given come last.
func vectorRows(t *testing.T, rows, width int, last ...[]float32) (path string, values []float32) {
	t.Helper()
	for i := range rows * width {
		row, column := i/width, i%width
		x := 2 + math.Sin(float64(i*i+3*column)) + float64(column%3)
		values = append(values, float32(x*math.Pow(3, float64(row%5-2))))
	}
	for _, row := range last {
		values = append(values, row...)
	}
	var file bytes.Buffer
	w, err := dataset.NewNPYWriter(&file, "float32", len(values)/width, width)
	if err == nil {
		err = errors.Join(w.WriteFloats(values), w.Close())
	}
	path = filepath.Join(t.TempDir(), "rows.npy")
	if err == nil {
		err = os.WriteFile(path, file.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, values
}

func vectorConfig(t *testing.T, sets ...string) train.Config {
	t.Helper()
	return small4(t, append([]string{"likelihood.kind=gaussian", "data.binarize=none", "data.validation=8", "data.holdout=last"}, sets...)...)
}

// open opens a run's bundle.
func open(t *testing.T, run string, on backend.Backend) *runtime.Model {
	t.Helper()
	model, err := runtime.Open(t.Context(), filepath.Join(run, train.BundleDir), runtime.WithBackend(on))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// Vectors are prepared within the graphs, by numbers that the manifest has: a graph that sees rows gives what another without steps would give
// for prepared ones. That is the same on each engine, and rows that only differ in length, or behind what is cut off, have the same code.
func TestVectors(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	const width = 6
	source, values := vectorRows(t, 48, width)
	for steps, left := range map[string]int{"normalise": 4, "centre": 6, "normalise,centre": 4, "centre,normalise": 6, "normalise,centre,normalise": 5, "": 3} {
		for _, likelihood := range []string{"gaussian", "vmf"} {
			if likelihood == "vmf" && strings.HasSuffix(steps, "centre") {
				continue
			}
			name := steps + " " + likelihood
			sets := []string{"data.vector.steps=" + steps, "likelihood.kind=" + likelihood, "initial_bias=data"}
			if left < width {
				sets = append(sets, fmt.Sprintf("data.vector.truncate=%d", left))
			}
			out := filepath.Join(t.TempDir(), "run")
			r, err := train.Run(t.Context(), vectorConfig(t, sets...), train.Options{Source: source, Out: out, Backend: onnx, Samples: 2, Queries: 10})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !strings.Contains(r.Scale, "the encoder's graph") {
				t.Errorf("%s: %q", name, r.Scale)
			}
			model, pure := open(t, out, onnx), open(t, out, purego.New())
			s := model.Manifest().Input.Standard.Dist()
			if s.Kind() != dist.StandardVector || s.Size(width) != left || strings.Join(s.Vector.Steps, ",") != steps {
				t.Errorf("%s: the manifest has %+v", name, s)
			}
			checkMean(t, name, s, values, width)
			logits, err1 := model.Logits(t.Context(), nil, values)
			same, err2 := pure.Logits(t.Context(), nil, values)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			for i := range logits {
				if math.Abs(float64(logits[i]-same[i])) > 1e-4 {
					t.Errorf("%s: logit %d is %g, in pure Go %g", name, i, logits[i], same[i])
				}
			}
			codes, err1 := model.Encode(t.Context(), nil, values)
			other := slices.Clone(values)
			for i := range other {
				if strings.HasPrefix(steps, "normalise") {
					other[i] *= 8
				}
				if i%width >= left {
					other[i] = 7
				}
			}
			again, err2 := model.Encode(t.Context(), nil, other)
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(codes, again) {
				t.Errorf("%s: codes depend on what is not seen: %v", name, err)
			}
			checkReconstructions(t, name, model, s, values, width)
		}
	}
}

// checkMean compares the mean with that of the rows trained on, in float64.
func checkMean(t *testing.T, name string, s dist.Standard, values []float32, width int) {
	t.Helper()
	if !s.Vector.Centres() {
		return
	}
	const trained = 40
	mean := make([]float64, s.Size(width))
	for i := range trained {
		row, square := values[i*width:][:len(mean)], 0.0
		for _, x := range row {
			square += float64(x) * float64(x)
		}
		if s.Vector.Steps[0] != dist.Normalise {
			square = 1
		}
		for j, x := range row {
			mean[j] += float64(x) / math.Sqrt(square) / trained
		}
	}
	for j, m := range mean {
		if math.Abs(s.Mean[j]-m) > 1e-6*math.Abs(m) {
			t.Errorf("%s: the mean of value %d is %g, want %g", name, j, s.Mean[j], m)
		}
	}
}

// checkReconstructions looks at their units, and at scores, which are of prepared rows.
func checkReconstructions(t *testing.T, name string, model *runtime.Model, s dist.Standard, values []float32, width int) {
	t.Helper()
	back, err1 := model.Reconstruct(t.Context(), nil, values)
	scores, err2 := model.Score(t.Context(), nil, values)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	left := s.Size(width)
	if len(back) != len(values)/width*left {
		t.Fatalf("%s: %d values are reconstructed", name, len(back))
	}
	target := model.Manifest().AppendTarget(nil, values[:width])
	for j, x := range back[:left] {
		if s.Vector.Normalises() && math.Abs(float64(x-target[j])) > 8 {
			t.Errorf("%s: value %d is %g, its reconstruction %g", name, j, target[j], x)
		}
	}
	for _, score := range scores {
		if math.IsNaN(float64(score)) || math.IsInf(float64(score), 0) {
			t.Errorf("%s: a score of %g", name, score)
		}
	}
}

// A fitted encoder sees the rows as the graph prepares them, and a run that continues keeps the mean.
func TestVectorsFitted(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	source, values := vectorRows(t, 48, 6)
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	c := vectorConfig(t, "encoder.kind=pca", "decoder.kind=least_squares", "latent.variables=4", "epochs=0", "data.vector.steps=normalise,centre", "data.vector.truncate=5")
	c.Objective.KLWarmupPart = 0
	if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: onnx, Samples: 1}); err != nil {
		t.Fatal(err)
	}
	model := open(t, out, onnx)
	logits, err := model.Logits(t.Context(), nil, values[:40*6])
	if err != nil {
		t.Fatal(err)
	}
	for j := range 4 { // components of centred rows have no mean
		sum, square := 0.0, 0.0
		for i := range 40 {
			x := float64(logits[4*i+j])
			sum, square = sum+x/40, square+x*x/40
		}
		if math.Abs(sum) > 1e-3*math.Sqrt(square) || square == 0 {
			t.Errorf("component %d has the mean %g and the mean square %g", j, sum, square)
		}
	}
	opened, err := train.OpenRun(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(dir, "again")
	if _, err := opened.WriteBundle(t.Context(), again, train.BundleOptions{Backend: onnx, Variants: []string{bundle.VariantFloat16}}); err != nil && !strings.Contains(err.Error(), "rows") {
		t.Fatal(err)
	}
	a, err1 := bundle.Open(filepath.Join(out, train.BundleDir))
	graph, err2 := a.Graph(bundle.EncoderFile)
	if err := errors.Join(err1, err2); err != nil || len(graph) == 0 {
		t.Error(err)
	}
}

// A row without a direction is a bad row to training, and to whoever encodes.
func TestVectorsWithoutDirection(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	source, values := vectorRows(t, 48, 6, []float32{0, 0, 0, 0, 5, 5}, []float32{1, 2, 3, 4, 5, 6})
	c := vectorConfig(t, "data.vector.steps=normalise", "data.vector.truncate=4")
	out := filepath.Join(t.TempDir(), "run")
	_, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: onnx, Samples: 1})
	if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "row 48: its first 4 values have the length 0, and no direction") {
		t.Fatal(err)
	}
	r, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: onnx, Samples: 1, MaxBad: 0.1})
	if err != nil || len(r.Bad) != 1 {
		t.Fatalf("%v, bad rows %v", err, r.Bad)
	}
	model := open(t, out, onnx)
	_, err = model.Encode(t.Context(), nil, values)
	var bad runtime.BadRowError
	if !errors.Is(err, runtime.ErrInput) || !errors.As(err, &bad) || bad.BadRow() != 48 || !strings.Contains(err.Error(), "no direction") {
		t.Error(err)
	}
	same := make([]float32, 48*6)
	for i := range same {
		same[i] = float32(i % 6)
	}
	var file bytes.Buffer
	w, err := dataset.NewNPYWriter(&file, "float32", 48, 6)
	if err := errors.Join(err, w.WriteFloats(same), w.Close(), os.WriteFile(source, file.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err = train.Run(t.Context(), vectorConfig(t, "data.vector.steps=centre,normalise"), train.Options{Source: source, Out: filepath.Join(t.TempDir(), "run"), Backend: onnx, Samples: 1})
	if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "row 0: less the mean of the rows trained on it has the length 0") {
		t.Error(err)
	}
}

// Keys that make no sense together are refused in words.
func TestSenselessVectors(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"data.vector.steps=normalize":                         `data.vector.steps has "normalize": use normalise and centre`,
		"data.vector.steps=centre,centre":                     "data.vector.steps has centre twice",
		"data.vector.truncate=-1":                             "data.vector.truncate",
		"data.vector.truncate=3 data.standardise=all":         "set data.standardise=none",
		"data.vector.steps=normalise likelihood.kind=poisson": "set likelihood.kind to gaussian or vmf",
		"data.vector.steps=centre likelihood.kind=vmf":        "end with normalise",
	} {
		if err := vectorConfig(t, strings.Fields(keys)...).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", keys, err, want)
		}
	}
	if err := vectorConfig(t, "data.vector.steps=", "data.vector.truncate=0", "data.standardise=all").Validate(); err != nil {
		t.Errorf("no vector: %v", err)
	}
	source, _ := vectorRows(t, 48, 6)
	for keys, want := range map[string]string{
		"data.vector.truncate=7":                "data.vector.truncate is 7, and rows have 6 values",
		"data.vector.truncate=3 data.predict=2": "data.predict",
		"data.vector.truncate=3 encoder.kind=pca epochs=0 latent.variables=5 decoder.kind=least_squares": "5 bits of rows of 3 values",
	} {
		c := vectorConfig(t, strings.Fields(keys)...)
		c.Objective.KLWarmupPart = 0
		if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: filepath.Join(t.TempDir(), "run"), Backend: purego.New()}); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", keys, err, want)
		}
	}
}

// A run trains on rows that its seed draws, and says so; whoever takes its source apart again draws the same.
func TestDrawnRows(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	source, _ := vectorRows(t, 480, 6)
	out := filepath.Join(t.TempDir(), "run")
	var log []string
	c := vectorConfig(t, "data.rows=60", "seed=7")
	if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: onnx, Samples: 1, Log: func(line string) { log = append(log, line) }}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(log, "\n"), "60 of the 480 rows are drawn by the seed") {
		t.Errorf("%q", log)
	}
	rows, seed, err := train.Drawn(out)
	if err != nil || rows != 60 || seed != 7 {
		t.Fatal(rows, seed, err)
	}
	in := open(t, out, onnx).Manifest().Input
	set, err := dataset.Load(t.Context(), source, dataset.Options{Values: in.Values(), Draw: rows, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	s, own, err := train.SplitOf(out, set)
	if err != nil || !own || s.Training.Len() != 52 || s.HeldOut.Len() != 8 {
		t.Errorf("%+v, %t, %v", s, own, err)
	}
	whole, err := dataset.Load(t.Context(), source, dataset.Options{Values: in.Values()})
	if err != nil {
		t.Fatal(err)
	}
	if _, own, err := train.SplitOf(out, whole); own || err != nil {
		t.Errorf("all rows are taken for those that were drawn: %v", err)
	}
	if ratio, err := train.BadRows(out); ratio != 0 || err != nil {
		t.Errorf("a ratio of %g bad rows, %v", ratio, err)
	}
}
