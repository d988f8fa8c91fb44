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

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
)

// A run that predicts the lower half of pictures ends with a bundle whose graphs take whole rows and look at the upper half, on onnxruntime
// as in pure Go; it has bounds of ln p(y|x), reports what it predicts, and draws nothing without a row.
func TestRunThatPredicts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/run"
	c := config(t, "latent.kind=hierarchical", "latent.groups=bernoulli:8,categorical:4x3", "data.predict=14", "data.binarize=fixed", "objective.estimator=straight-through-gumbel",
		"temperature.schedule=constant", "temperature.start=1", "encoder.hidden=[]", "decoder.hidden=[]", "epochs=4", "batch=50", "data.validation=200", "optimizer.learning_rate=0.01", "initial_bias=data")
	r, err := train.Run(t.Context(), c, train.Options{Source: glyphFile(t, 1200), Out: dir, Backend: ortest.Backend(t), Samples: 20, Queries: 10})
	if err != nil {
		t.Fatal(err)
	}
	e := r.Test
	if !e.Conditional || e.KL != 0 || e.ELBO != -e.Reconstruction || !(e.IWAE > e.ELBO && e.ELBO > -392*math.Ln2) || e.ActiveBits < 5 || strings.Contains(fmt.Sprint(r.Warnings), "KL") || r.Retrieval != nil {
		t.Errorf("the bounds are %+v, the warnings %v", e, r.Warnings)
	}
	if text := train.BoundText(e); !strings.Contains(text, "-ln p(y|x) at most") {
		t.Error(text)
	}
	page, err := os.ReadFile(filepath.Join(dir, train.ReportFile))
	if err != nil || !strings.Contains(string(page), "<h2>Predictions</h2>") || !strings.Contains(string(page), "-ln p(y|x), K = 20") || strings.Contains(string(page), "drawn from the prior") {
		t.Errorf("the report: %v", err)
	}
	b, err := bundle.Open(dir + "/" + train.BundleDir)
	if err != nil {
		t.Fatal(err)
	}
	if m := b.Manifest; m.FormatVersion != "1.1" || m.Latent.Prior.Kind != dist.ConditionalPrior || m.Predicted.Lines != 14 || !slices.Equal(m.Predicted.Shape, []int64{14, 28}) || m.TargetSize() != 392 || !slices.Equal(m.Input.Shape, []int64{28, 28}) {
		t.Errorf("the manifest has %+v, %+v, %+v", m.Input, m.Latent, m.Predicted)
	}
	rows := make([]float32, 20*784)
	noise.Stream{Seed: 7}.Uniform(rows, 0, 0)
	below := slices.Clone(rows) // other lower halves
	for i := range 20 {
		noise.Stream{Seed: 8}.Uniform(below[i*784+392:][:392], 0, uint32(i))
	}
	var all [][]float32 // what each backend gives
	for _, on := range []backend.Backend{ortest.Backend(t), purego.New()} {
		model, err := runtime.Open(t.Context(), b.Dir, runtime.WithBackend(on))
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		logits, err1 := model.Logits(t.Context(), nil, rows)
		again, err2 := model.Logits(t.Context(), nil, below)
		predicted, err3 := model.Reconstruct(t.Context(), nil, rows)
		codes, err4 := model.Codes(t.Context(), nil, rows)
		above, prior, err5 := model.Layers(t.Context(), codes)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(logits, again) {
			t.Errorf("%s: the encoder looks at what it predicts", model.Backend())
		}
		if len(predicted) != 20*392 || prior != nil || len(above) != 20*12 {
			t.Errorf("%s: %d values are predicted, %d logits of a prior", model.Backend(), len(predicted), len(prior))
		}
		if got := streamed(t, runtime.Reconstructions[float32](model), rows); !slices.Equal(got, predicted) {
			t.Errorf("%s: a stream predicts %d other values", model.Backend(), len(got))
		}
		packed, err := model.Encode(t.Context(), nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		if got := streamed(t, runtime.DecodedCodes(model), packed); !slices.Equal(got, predicted) {
			t.Errorf("%s: packed codes decode to %d other values", model.Backend(), len(got))
		}
		_, err1 = model.Score(t.Context(), nil, rows)
		_, err2 = model.Sample(t.Context(), nil, 3, 1)
		_, err3 = runtime.Stream(t.Context(), runtime.Scores[float32](model), func([]float32) (int, func() ([]error, error), error) { return 0, nil, nil }, runtime.StreamOptions{Batch: 8}, nil)
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "predicts a part of a row") {
				t.Errorf("%s: the error is %v", model.Backend(), err)
			}
		}
		all = append(all, slices.Concat(logits, predicted, above))
	}
	for i, x := range all[0] {
		if y := all[1][i]; !(math.Abs(float64(x-y)) <= 1e-4*max(1, math.Abs(float64(x)))) {
			t.Fatalf("number %d is %g on onnxruntime, %g in Go", i, x, y)
		}
	}
}

// The exact ln p(y|x) is the sum over both layers, from the logits that the graphs give, by the definitions; the bound of one sample is the mean
// of ln p(y|z).
func TestExactPrediction(t *testing.T) {
	t.Parallel()
	m := builder.Model{
		Input: []int{28, 28}, Cut: dist.Cut{Lines: 14}, Encoder: builder.MLP{}, Decoder: builder.MLP{}, Activation: builder.Tanh,
		Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Bernoulli, Variables: 2}}, Prior: builder.PriorConditional},
	}
	model, err := train.Trained{Name: "sbn", Config: config(t), Model: m, Params: randomParams(t, m)}.InMemory(t.Context(), ortest.Backend(t))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Rows: 3})
	if err != nil {
		t.Fatal(err)
	}
	binarizer := dataset.Binarizer{Rule: dataset.Fixed, Seed: 1}
	elbo, logP, err := evaluate.Exact(t.Context(), model, distributions(t, model), set, binarizer)
	if err != nil {
		t.Fatal(err)
	}
	chance := func(l, z float32) float64 { return 1 / (1 + math.Exp(float64(l*(1-2*z)))) } // of a bit
	wantELBO, wantLogP := 0.0, 0.0
	for i := range set.Len() {
		row := make([]float32, 784)
		set.Row(i, row)
		binarizer.Apply(row, 0, uint32(i))
		logits, err := model.Logits(t.Context(), nil, row)
		if err != nil {
			t.Fatal(err)
		}
		var each, chances []float64
		for z := range 32 {
			code := make([]float32, 5)
			for j := range code {
				code[j] = float32(z >> j & 1)
			}
			above, _, err1 := model.Layers(t.Context(), code)
			outputs, err2 := model.DecodeLogits(t.Context(), nil, code)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			p, y := 1.0, 0.0
			for j, bit := range code {
				l := append(slices.Clone(logits[:3]), above...)[j]
				p *= chance(l, bit)
			}
			for j, l := range outputs {
				y += math.Log(chance(l, row[392+j]))
			}
			each, chances = append(each, y), append(chances, p)
		}
		most, sum := slices.Max(each), 0.0
		for z, y := range each {
			wantELBO += chances[z] * y / 3
			sum += chances[z] * math.Exp(y-most)
		}
		wantLogP += (most + math.Log(sum)) / 3
	}
	if math.Abs(elbo-wantELBO) > 1e-3 || math.Abs(logP-wantLogP) > 1e-3 {
		t.Errorf("the exact bound is %g, ln p(y|x) %g: want %g and %g", elbo, logP, wantELBO, wantLogP)
	}
}

// A table's last columns are predicted in their own units, by a model that standardises, and its report is of those columns.
func TestColumnsThatArePredicted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var table strings.Builder
	table.WriteString("a,b,c,sum,far\n")
	u := make([]float32, 3)
	for i := range 800 {
		noise.Stream{Seed: 4}.Uniform(u, 0, uint32(i))
		fmt.Fprintf(&table, "%g,%g,%g,%g,%g\n", u[0], 10*u[1], u[2]-5, u[0]+u[2], 1000+100*u[1])
	}
	data := filepath.Join(dir, "table.csv")
	if err := os.WriteFile(data, []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config(t, "likelihood.kind=gaussian", "data.binarize=none", "data.standardise=column", "data.predict=2", "data.validation=100", "epochs=12", "batch=25", "optimizer.learning_rate=0.01", "initial_bias=data")
	r, err := train.Run(t.Context(), c, train.Options{Source: data, Out: dir + "/run", Backend: ortest.Backend(t), Samples: 10})
	if err != nil {
		t.Fatal(err)
	}
	// Of the standardised columns; -ln p of their mean alone is ln 2πe a row.
	if worst := math.Log(2 * math.Pi * math.E); !(-r.Test.ELBO < 0.9*worst) {
		t.Errorf("the bound is %g, that of the mean %g", -r.Test.ELBO, worst)
	}
	page, err := os.ReadFile(filepath.Join(dir, "run", train.ReportFile))
	if err != nil || !strings.Contains(string(page), "<td>far</td>") || strings.Contains(string(page), "<td>b</td>") || !strings.Contains(string(page), "Rows and their predictions") {
		t.Errorf("the report has other columns: %v", err)
	}
	model, err := runtime.Open(t.Context(), dir+"/run/"+train.BundleDir, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	predicted, err := model.Reconstruct(t.Context(), nil, []float32{0.1, 9, -4.9, 0, 0, 0.9, 1, -4.1, 0, 0})
	if err != nil || len(predicted) != 4 {
		t.Fatal(predicted, err)
	}
	if !(predicted[1] > 1050 && predicted[1] < 1110 && predicted[3] > 990 && predicted[3] < 1050) {
		t.Errorf("the predictions are %v", predicted)
	}
}

// One key makes a model that predicts, whatever configuration it is laid over, and taken back makes none.
func TestPredictIsOneKey(t *testing.T) {
	t.Parallel()
	c, err := train.LoadConfig("bernoulli-mlp", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"data.predict=14", "latent.kind=hierarchical", "latent.groups=bernoulli:20,bernoulli:10"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Validate(); err != nil || c.Latent.Prior != builder.PriorConditional || c.Objective.KLWarmupPart != 0 {
		t.Errorf("%v: %+v, %+v", err, c.Latent, c.Objective)
	}
	if err := c.Set("data.predict=0"); err != nil || c.Validate() != nil || c.Latent.Prior != builder.PriorUniform {
		t.Errorf("taken back: %v, %v, %+v", err, c.Validate(), c.Latent)
	}
	file := filepath.Join(t.TempDir(), "c.json")
	for _, c := range []struct{ text, prior, want string }{
		{`{"latent": {"kind": "gaussian", "variables": 4}, "data": {"predict": 3}}`, builder.PriorConditional, ""},
		{`{"latent": {"kind": "bernoulli", "variables": 4, "prior": "learned"}, "data": {"predict": 3}}`, builder.PriorLearned, "set latent.prior=conditional"},
		{`{"latent": {"kind": "bernoulli", "variables": 4, "prior": "conditional"}}`, builder.PriorConditional, "set data.predict"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := train.LoadConfig(file, os.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		if err = got.Validate(); got.Latent.Prior != c.prior || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: the prior is %q: %v, want %q", c.text, got.Latent.Prior, err, c.want)
		}
	}
	if _, err := train.Import(t.Context(), train.ImportOptions{Config: config(t, "data.predict=14")}); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.predict is 14") {
		t.Errorf("an import: %v", err)
	}
	for set, want := range map[string]string{
		"objective.kl_weight=0.5":       "objective.kl_weight is 0.5: leave it at 1",
		"objective.kl_warmup=10":        "objective.kl_warmup is 10: leave it out",
		"objective.kl_warmup_part=0.25": "objective.kl_warmup_part is 0.25: set it to 0",
		"objective.rate=5":              "leave objective.rate out",
		"objective.free_bits=0.1":       "leave objective.free_bits out",
		"latent.prior=learned":          "set latent.prior=conditional",
		"data.predict=-1":               "data.predict is -1",
	} {
		if err := config(t, "data.predict=14", set).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", set, err, want)
		}
	}
}
