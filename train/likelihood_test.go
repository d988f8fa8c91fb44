package train_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	"github.com/catvae/catvae/train/evaluate"
)

// realRows are 240 rows of six real numbers that two hidden bits explain, with some noise.
func realRows(r *rand.Rand, row []float64) {
	a, b := float64(2*r.IntN(2)-1), float64(2*r.IntN(2)-1)
	for i := range row {
		row[i] = 0.1 * r.NormFloat64()
		if i%2 == 0 {
			row[i] += a
		} else {
			row[i] -= b
		}
	}
}

// byteRows are whole numbers of 0 to 255 that the same bits explain, with both ends.
func byteRows(r *rand.Rand, row []float64) {
	realRows(r, row)
	for i := range row {
		row[i] = math.Round(min(max(128+120*row[i], 0), 255))
	}
}

// countRows are counts that the same bits explain.
func countRows(r *rand.Rand, row []float64) {
	realRows(r, row)
	for i := range row {
		row[i] = math.Round(max(0, 3+4*row[i]))
	}
}

// constantRows never change: the spread of their values would vanish if nothing bounded it.
func constantRows(_ *rand.Rand, row []float64) {
	for i := range row {
		row[i] = 0.25 * float64(i)
	}
}

// likelihoodRuns are runs on rows of every likelihood, by keys of the configuration.
var likelihoodRuns = map[string]struct {
	rows func(r *rand.Rand, row []float64)
	keys []string
}{
	"gaussian, shared":    {realRows, []string{"likelihood.kind=gaussian"}},
	"gaussian, fixed":     {realRows, []string{"likelihood.kind=gaussian", "likelihood.variance=fixed", "likelihood.deviation=0.5"}},
	"gaussian, predicted": {realRows, []string{"likelihood.kind=gaussian", "likelihood.variance=predicted"}},
	"gaussian, standard":  {realRows, []string{"likelihood.kind=gaussian", "data.standardise=column"}},
	"gaussian, constant":  {constantRows, []string{"likelihood.kind=gaussian", "likelihood.variance=predicted", "epochs=150"}},
	"laplace, constant":   {constantRows, []string{"likelihood.kind=laplace", "epochs=150"}},
	"laplace, shared":     {realRows, []string{"likelihood.kind=laplace"}},
	"laplace, predicted":  {realRows, []string{"likelihood.kind=laplace", "likelihood.variance=predicted"}},
	"logistic":            {byteRows, []string{"likelihood.kind=logistic"}},
	"logistic, predicted": {byteRows, []string{"likelihood.kind=logistic", "likelihood.variance=predicted"}},
	"categorical":         {byteRows, []string{"likelihood.kind=categorical"}},
	"multinomial":         {countRows, []string{"likelihood.kind=multinomial", "data.standardise=log"}},
	"poisson":             {countRows, []string{"likelihood.kind=poisson"}},
	"vmf":                 {realRows, []string{"likelihood.kind=vmf"}},
}

// writeRows writes a CSV file of 240 rows of six numbers.
func writeRows(t *testing.T, rows func(r *rand.Rand, row []float64)) string {
	t.Helper()
	path, r := filepath.Join(t.TempDir(), "rows.csv"), rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	row := make([]float64, 6)
	for range 240 {
		rows(r, row)
		for i, x := range row {
			if i > 0 {
				text.WriteString(",")
			}
			fmt.Fprintf(&text, "%g", x)
		}
		text.WriteString("\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every likelihood goes from a file through training to a bundle, whose results are the same on onnxruntime and in pure Go, and
// whose figures are what package dist makes of its outputs.
func TestLikelihoods(t *testing.T) {
	t.Parallel()
	onnxruntime := ortest.Backend(t)
	for name, run := range likelihoodRuns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, source := filepath.Join(t.TempDir(), "run"), writeRows(t, run.rows)
			c := config(t, append([]string{"epochs=30", "batch=20", "encoder.hidden=8", "decoder.hidden=8", "latent.variables=4", "data.binarize=none", "data.validation=60", "optimizer.learning_rate=0.01"}, run.keys...)...)
			r, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: onnxruntime, Samples: 3})
			if err != nil {
				t.Fatal(err)
			}
			var bounds []float64
			for _, rec := range records(t, out) {
				if rec.Kind == "validation" {
					bounds = append(bounds, rec.Evaluation.ELBO)
				}
			}
			if n := len(bounds); n == 0 || !(bounds[n-1] > bounds[0]) || !(r.Test.IWAE >= r.Test.ELBO-0.2) { // drawn by chance
				t.Errorf("the bound goes %g; test %+v", bounds, r.Test)
			}
			checkBits(t, out, c, r)
			checkFigures(t, filepath.Join(out, train.BundleDir), source, onnxruntime)
		})
	}
}

// checkBits compares the bits a dimension with what the ELBO gives, where rows are whole numbers.
func checkBits(t *testing.T, out string, c train.Config, r train.Result) {
	t.Helper()
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err != nil {
		t.Fatal(err)
	}
	d := r.Test.PerDimension
	switch l, ok := l.(dist.IntegerLikelihood); {
	case ok != (d != nil):
		t.Errorf("bits a dimension: %+v", d)
	case ok && (d.Of != l.Dimension() || l.Dimension() == "dimension" && math.Abs(d.ELBO*6*math.Ln2+r.Test.ELBO) > 1e-9*math.Abs(r.Test.ELBO) || !(d.ELBO > 0)):
		t.Errorf("bits a dimension: %+v for an ELBO of %g", d, r.Test.ELBO)
	}
	page, err := os.ReadFile(filepath.Join(out, train.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	if has := strings.Contains(string(page), "bits a "); has != (d != nil) {
		t.Errorf("the report has bits a dimension: %t", has)
	}
	if !strings.Contains(string(page), "root mean squared error") {
		t.Error("the report has no error")
	}
}

// checkFigures compares a bundle's results on two backends, and its scores with package dist.
func checkFigures(t *testing.T, dir, source string, onnxruntime backend.Backend) {
	t.Helper()
	ctx := t.Context()
	var outputs, means, scores [2][]float32
	for i, on := range []backend.Backend{onnxruntime, purego.New()} {
		model, err := runtime.Open(ctx, dir, runtime.WithBackend(on))
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		m := model.Manifest()
		if m.FormatVersion != "1.1" {
			t.Errorf("the bundle has version %s", m.FormatVersion)
		}
		set, err := dataset.Load(ctx, source, dataset.Options{Values: m.Input.Values()})
		if err != nil {
			t.Fatal(err)
		}
		const n = 10
		size := set.RowSize()
		rows := make([]float32, n*size)
		for row := range n {
			set.Row(row, rows[row*size:][:size])
		}
		logits, err1 := model.Logits(ctx, nil, rows)
		codes, err2 := model.Codes(ctx, nil, rows)
		var err3, err4, err5 error
		outputs[i], err3 = model.DecodeLogits(ctx, nil, codes)
		means[i], err4 = model.Reconstruct(ctx, nil, rows)
		scores[i], err5 = model.Score(ctx, nil, rows)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		d, err := evaluate.DistributionsOf(m)
		if err != nil {
			t.Fatal(err)
		}
		mean, k := make([]float32, size), size*d.Likelihood.Outputs()
		for row := range n {
			x, of := rows[row*size:][:size], outputs[i][row*k:][:k]
			want := d.Latent.Posterior(logits[row*d.Latent.Logits():][:d.Latent.Logits()]).KL(nil) - d.LogP(x, of)
			if math.Abs(float64(scores[i][row])-want) > 1e-4*max(1, math.Abs(want)) {
				t.Errorf("row %d has the score %g, want %g", row, scores[i][row], want)
			}
			d.Likelihood.Mean(mean, of)
			d.Standard.Undo(mean, mean)
			alike(t, "means", means[i][row*size:][:size], mean)
		}
	}
	alike(t, "outputs", outputs[1], outputs[0])
	alike(t, "means", means[1], means[0])
	alike(t, "scores", scores[1], scores[0])
}

// alike compares numbers of two float32 computations.
func alike(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-4*max(1, math.Abs(float64(want[i]))) {
			t.Errorf("%s: number %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

// What makes no sense of a likelihood is refused with the key, the value and the way out.
func TestSenselessLikelihoods(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ keys, want string }{
		{"likelihood.kind=student", `likelihood is "student": use "bernoulli"`},
		{"likelihood.deviation=2", "likelihood.deviation is 2, which the likelihood bernoulli does not have: leave it out, or set likelihood.kind to gaussian"},
		{"likelihood.variance=shared", "likelihood.variance is shared, which the likelihood bernoulli does not have"},
		{"likelihood.kind=gaussian data.binarize=none likelihood.variance=foo", `likelihood.variance is "foo": use "fixed", "shared" or "predicted"`},
		{"likelihood.kind=gaussian data.binarize=none likelihood.variance=fixed likelihood.deviation=-1", "likelihood.deviation is -1: use a number from"},
		{"likelihood.kind=gaussian data.binarize=none likelihood.variance=fixed likelihood.deviation=NaN", "likelihood.deviation is NaN: use a number from"},
		{"likelihood.kind=gaussian data.binarize=none likelihood.deviation=1", "likelihood.deviation is 1 and likelihood.variance is shared: set likelihood.variance=fixed"},
		{"likelihood.kind=gaussian data.binarize=dynamic", "data.binarize is dynamic and likelihood.kind gaussian, which is not one of values of 0 and 1: set data.binarize=none"},
		{"likelihood.kind=gaussian data.binarize=threshold", "set data.binarize=none, or likelihood.kind=bernoulli"},
		{"likelihood.kind=poisson likelihood.deviation=1", "likelihood.deviation is 1, which the likelihood poisson does not have: leave it out, or set likelihood.kind to gaussian or laplace or logistic"},
		{"likelihood.kind=multinomial data.binarize=fixed", "data.binarize is fixed and likelihood.kind multinomial"},
		{"likelihood.kind=logistic data.binarize=none likelihood.levels=1", "likelihood.levels is 1: use 2 to 256"},
		{"likelihood.kind=gaussian data.binarize=none likelihood.levels=16", "likelihood.levels is 16, which the likelihood gaussian does not have: leave it out, or set likelihood.kind to categorical or logistic"},
		{"likelihood.kind=vmf data.binarize=none likelihood.concentration=-2", "likelihood.concentration is -2: use a number from 0.001"},
		{"likelihood.kind=categorical data.binarize=none data.divide=1", "data.divide is 1, and likelihood.kind categorical is of whole numbers, which are divided by 255: leave data.divide out"},
		{"likelihood.kind=multinomial data.binarize=none data.divide=2", "data.divide is 2, and likelihood.kind multinomial is of whole numbers, which are divided by 1"},
		{"likelihood.kind=poisson data.binarize=none data.numbers=real", "data.numbers is real, and likelihood.kind poisson is of whole numbers: set data.numbers=alike"},
		{"likelihood.kind=categorical data.binarize=none data.standardise=column", "data.standardise is column: values of the likelihood categorical"},
		{"likelihood.kind=gaussian data.binarize=none data.standardise=log", "data.standardise is log: values of the likelihood gaussian"},
	} {
		err := config(t, strings.Fields(test.keys)...).Validate()
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, train.ErrConfig) {
			t.Errorf("%s: the error is %v, want %q", test.keys, err, test.want)
		}
	}
}

// Rows that a likelihood does not take are refused with the row and the way out.
func TestRowsOfOtherLikelihoods(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind, want string
		rows       func(r *rand.Rand, row []float64)
	}{
		{"categorical", "the likelihood is of whole numbers: use one of real numbers, such as likelihood.kind=gaussian", realRows},
		{"poisson", "the likelihood is of whole numbers: use one of real numbers", realRows},
		{"multinomial", "is -1: the likelihood is of whole numbers from 0 up", func(_ *rand.Rand, row []float64) { row[3] = -1 }},
		{"logistic", "is 300: the likelihood is of whole numbers of 0 to 255: use another likelihood.levels, or for counts likelihood.kind=poisson", func(_ *rand.Rand, row []float64) { row[3] = 300 }},
		{"bernoulli", "likelihood.kind=gaussian", realRows},
	} {
		c := config(t, "data.binarize=none", "likelihood.kind="+test.kind)
		_, err := train.Run(t.Context(), c, train.Options{Source: writeRows(t, test.rows), Out: filepath.Join(t.TempDir(), "run"), Backend: purego.New()})
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, dataset.ErrData) {
			t.Errorf("%s: the error is %v, want %q", test.kind, err, test.want)
		}
	}
}

// A model that uses nothing newer stays one of version 1.0; a likelihood of its own makes it one of 1.1, with its parameters.
func TestLikelihoodInManifest(t *testing.T) {
	t.Parallel()
	m := bundle.Manifest{Latent: bundle.Latent{Kind: dist.Bernoulli}}
	m.SetLikelihood(dist.LikelihoodConfig{})
	if m.Version() != "1.0" || m.Likelihood != dist.Bernoulli || m.Parameters != (dist.LikelihoodConfig{}) {
		t.Errorf("%+v", m)
	}
	c := dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VarianceFixed, Deviation: 0.5}
	m.SetLikelihood(c)
	if m.Version() != "1.1" || m.Likelihood != dist.Gaussian || m.LikelihoodConfig() != c {
		t.Errorf("%+v", m)
	}
}
