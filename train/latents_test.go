package train_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// Bundles of the newer families: what the graphs make of rows is what package dist says, in onnxruntime and in pure Go; packed codes
// decode to what their bits stand for; streams give what single calls give.
func TestBundlesOfLatents(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][]string{
		"gaussian":                   {"latent.kind=gaussian"},
		"mixed":                      {"latent.kind=mixed", "latent.groups=bernoulli:5,categorical:2x3,bernoulli:2"},
		"mixed, learned":             {"latent.kind=mixed", "latent.groups=categorical:3x4,bernoulli:3", "latent.prior=learned"},
		"two layers":                 {"latent.kind=hierarchical", "latent.groups=bernoulli:7,categorical:2x3"},
		"two layers, learned, signs": {"latent.kind=hierarchical", "latent.groups=categorical:3x4,bernoulli:5", "latent.hidden=6", "latent.prior=learned", "latent.signs=true"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, sets...)
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			m := c.Model([]int{28, 28})
			trained := train.Trained{Name: name, Config: c, Model: m, Params: randomParams(t, m)}
			dir := filepath.Join(t.TempDir(), "bundle")
			if _, err := trained.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
				t.Fatal(err)
			}
			rows := make([]float32, 20*784)
			noise.Stream{Seed: 7}.Uniform(rows, 0, 0)
			packed := map[string][]byte{}
			for of, b := range map[string]backend.Backend{"onnxruntime": ortest.Backend(t), "pure Go": purego.New()} {
				model, err := runtime.Open(t.Context(), dir, runtime.WithBackend(b))
				if err != nil {
					t.Fatal(err)
				}
				packed[of] = checkLatents(t, model, rows)
				model.Close()
			}
			if !bytes.Equal(packed["onnxruntime"], packed["pure Go"]) {
				t.Error("onnxruntime and pure Go give different codes")
			}
		})
	}
}

// checkLatents compares a model's parts with package dist, and returns the rows' packed codes.
func checkLatents(t *testing.T, model *runtime.Model, rows []float32) []byte {
	t.Helper()
	ctx, m := t.Context(), model.Manifest()
	l := m.Latent.Dist()
	if m.FormatVersion != "1.1" {
		t.Errorf("the manifest says version %s", m.FormatVersion)
	}
	logits, err1 := model.Logits(ctx, nil, rows)
	codes, err2 := model.Codes(ctx, nil, rows)
	packed, err3 := model.Encode(ctx, nil, rows)
	reconstructed, err4 := model.Reconstruct(ctx, nil, rows)
	scores, err5 := model.Score(ctx, nil, rows)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	n, width, bits := len(rows)/784, l.Logits(), l.Bits()
	decoded, err := model.DecodeLogits(ctx, nil, codes)
	if err != nil {
		t.Fatal(err)
	}
	likelihood, err := dist.LikelihoodOf(m.LikelihoodConfig())
	if err != nil {
		t.Fatal(err)
	}
	clear, set := l.Unpacked()
	unpacked, err := runtime.Unpack(m.Latent, nil, packed)
	if err != nil {
		t.Fatal(err)
	}
	hard := make([]float32, bits)
	for i := range n {
		l.Harden(hard, logits[i*width:][:width])
		if got := codes[i*bits:][:bits]; !slices.Equal(got, hard) {
			t.Fatalf("row %d: the code is %v, dist has %v", i, got, hard)
		}
		for j, x := range hard {
			want := clear
			if x > (clear+set)/2 {
				want = set
			}
			if got := unpacked[i*bits+j]; got != want {
				t.Fatalf("row %d: bit %d stands for %g, want %g", i, j, got, want)
			}
		}
		q := l.Posterior(logits[i*width:][:width])
		if l.Layered() {
			_, prior, err := model.Layers(ctx, codes[i*bits:][:bits])
			if err != nil {
				t.Fatal(err)
			}
			q = l.Given(logits[i*width:][:width], prior)
		}
		want := q.KL(nil) - likelihood.LogP(rows[i*784:][:784], decoded[i*784:][:784])
		if math.Abs(float64(scores[i])-want) > 1e-3*math.Abs(want) {
			t.Errorf("row %d: the score is %g, want %g", i, scores[i], want)
		}
	}
	for what, c := range map[string]struct {
		task runtime.Task[float32, float32]
		want []float32
	}{"scores": {runtime.Scores[float32](model), scores}, "reconstructions": {runtime.Reconstructions[float32](model), reconstructed}} {
		if got := streamed(t, c.task, rows); !closeTo(got, c.want) {
			t.Errorf("%s of a stream differ from those of single calls", what)
		}
	}
	fromCodes, err := model.Decode(ctx, nil, unpacked)
	if err != nil {
		t.Fatal(err)
	}
	if got := streamed(t, runtime.DecodedCodes(model), packed); !closeTo(got, fromCodes) {
		t.Error("packed codes decode to something else than what their bits stand for")
	}
	if samples, err := model.Sample(ctx, nil, 5, 1); err != nil || len(samples) != 5*784 {
		t.Errorf("%d numbers of samples, %v", len(samples), err)
	}
	return packed
}

func closeTo(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-4*max(1, math.Abs(float64(y))) })
}

// streamed runs a task on all rows.
func streamed[T runtime.Value](t *testing.T, task runtime.Task[T, float32], rows []T) (out []float32) {
	t.Helper()
	_, err := runtime.Stream(t.Context(), task, func(dst []T) (int, func() ([]error, error), error) {
		n := copy(dst, rows)
		if rows = rows[n:]; n == 0 {
			return 0, nil, io.EOF
		}
		return n / task.In, nil, nil
	}, runtime.StreamOptions{Batch: 8}, func(r runtime.Results[float32]) error {
		out = append(out, r.Values...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Thresholds of mixed variables are those of their Bernoulli variables, in their order, in the graph as in package dist.
func TestThresholdsOfGroups(t *testing.T) {
	t.Parallel()
	latent := builder.Latent{Kind: dist.Mixed, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 2}, {Kind: dist.Categorical, Variables: 1, Categories: 3}, {Kind: dist.Bernoulli, Variables: 1}}}
	l := latent.Dist()
	l.Thresholds = []float32{1, -1, 0.5}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 5}; !slices.Equal(l.Decided(), want) {
		t.Errorf("the logits %v are decided by thresholds, want %v", l.Decided(), want)
	}
	code := make([]float32, 6)
	l.Harden(code, []float32{0.9, -0.9, 3, 1, 2, 0.6})
	if want := []float32{0, 1, 1, 0, 0, 1}; !slices.Equal(code, want) {
		t.Errorf("the code is %v, want %v", code, want)
	}
	manifest := bundle.Latent{Kind: dist.Mixed, Variables: 4, Groups: latent.Groups, Thresholds: l.Thresholds}
	if manifest.Bits() != 6 || manifest.PackedBytes() != 1 {
		t.Errorf("%d bits in %d bytes", manifest.Bits(), manifest.PackedBytes())
	}
}

// Settings that make no sense are refused, by the key, the value and the way out.
func TestSenselessLatents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sets []string
		want []string
	}{
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:4x2"}, []string{"latent.groups[0].categories is 2", "leave it out"}},
		{[]string{"latent.kind=mixed", "latent.groups=categorical:4"}, []string{"latent.groups[0].categories is 0", "use 2 or more"}},
		{[]string{"latent.kind=mixed", "latent.groups=[]"}, []string{"latent.groups is empty", "give at least one"}},
		{[]string{"latent.kind=mixed"}, []string{"latent.groups is empty", "give at least one"}},
		{[]string{"latent.kind=mixed", "latent.groups=mixed:4"}, []string{`latent.groups[0].kind is "mixed"`, `use "bernoulli" or "categorical"`}},
		{[]string{"latent.kind=mixed", "latent.groups=gaussian:4"}, []string{`latent.groups[0].kind is "gaussian"`, `use "bernoulli" or "categorical"`}},
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:-4"}, []string{"latent.groups[0].variables is -4", "use 1 to"}},
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:4", "latent.variables=5"}, []string{"latent.variables is 5", "latent.groups have 4", "leave it out"}},
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:4", "latent.categories=5"}, []string{"latent.categories is 5", "leave it out"}},
		{[]string{"latent.kind=bernoulli", "latent.groups=bernoulli:4"}, []string{"latent.groups holds bernoulli:4", "latent.kind to mixed"}},
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:4", "latent.prior=normal"}, []string{`latent.prior is "normal"`, "uniform or learned"}},
		{[]string{"latent.kind=hierarchical"}, []string{"latent.groups holds 0 layers", "give two", "bernoulli:200,bernoulli:200"}},
		{[]string{"latent.kind=hierarchical", "latent.groups=bernoulli:4,bernoulli:3,bernoulli:2"}, []string{"latent.groups holds 3 layers", "give two"}},
		{[]string{"latent.kind=hierarchical", "latent.groups=bernoulli:4,gaussian:3"}, []string{`latent.groups[1].kind is "gaussian"`, `use "bernoulli" or "categorical"`}},
		{[]string{"latent.kind=hierarchical", "latent.groups=bernoulli:4,bernoulli:3", "objective.estimator=reparametrised"}, []string{`objective.estimator is "reparametrised"`, "use gumbel"}},
		{[]string{"latent.kind=hierarchical", "latent.groups=bernoulli:4,bernoulli:3", "latent.hidden=0"}, []string{"latent.hidden holds 0", "use 1 to"}},
		{[]string{"latent.kind=mixed", "latent.groups=bernoulli:4,bernoulli:3", "latent.hidden=5"}, []string{"latent.hidden is [5]", "leave latent.hidden out"}},
		{[]string{"latent.kind=gaussian", "latent.prior=learned"}, []string{`latent.prior is "learned"`, "normal"}},
		{[]string{"latent.kind=gaussian", "latent.categories=4"}, []string{"latent.categories is 4", "leave it out"}},
		{[]string{"latent.kind=gaussian", "latent.norm=batch"}, []string{`latent.norm is "batch"`, "leave latent.norm out"}},
		{[]string{"latent.kind=gaussian", "latent.signs=true"}, []string{"latent.signs is true", "leave latent.signs out"}},
		{[]string{"latent.kind=gaussian", "objective.estimator=gumbel"}, []string{`objective.estimator is "gumbel"`, "use reparametrised"}},
		{[]string{"objective.estimator=reparametrised"}, []string{`objective.estimator is "reparametrised"`, "use gumbel"}},
	} {
		err := config(t, c.sets...).Validate()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error is %v, want one line with %q", c.sets, err, want)
			}
		}
	}
	bad := config(t)
	for _, text := range []string{"bernoulli", "bernoulli:x", "bernoulli:3x", `[{"kind": "bernoulli", "size": 3}]`, "{"} {
		if err := bad.Set("latent.groups=" + text); err == nil || !strings.Contains(err.Error(), "latent.groups") {
			t.Errorf("the groups %q are read: %v", text, err)
		}
	}
}

// Groups read from text, from JSON on the command line and from a file are the same, and another kind drops them.
func TestGroupsFromText(t *testing.T) {
	t.Parallel()
	a := config(t, "latent.kind=mixed", "latent.groups=bernoulli:32,categorical:8x10")
	b := config(t, "latent.kind=mixed", `latent.groups=[{"kind": "bernoulli", "variables": 32}, {"kind": "categorical", "variables": 8, "categories": 10}]`)
	file := filepath.Join(t.TempDir(), "mixed.json")
	text := `{"latent": {"kind": "mixed", "groups": [{"kind": "bernoulli", "variables": 32}, {"kind": "categorical", "variables": 8, "categories": 10}]}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := train.LoadConfig(file, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []builder.Latent{a.Latent, b.Latent, c.Latent} {
		if l.Variables != 40 || l.Dist().Bits() != 112 || l.Groups[1].String() != "categorical:8x10" || l.Prior != builder.PriorUniform {
			t.Errorf("the variables are %+v", l)
		}
	}
	for _, set := range []string{"latent.kind=gaussian", "latent.kind=bernoulli"} {
		if err := a.Set(set); err != nil {
			t.Fatal(err)
		}
		if err := a.Validate(); err != nil || len(a.Latent.Groups) != 0 {
			t.Errorf("%s: %v, %+v", set, err, a.Latent)
		}
	}
	if a.Latent.Prior != builder.PriorUniform {
		t.Errorf("the prior stays %q", a.Latent.Prior)
	}
}
