package runtime_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// export writes the bundle of an untrained model and returns its folder.
func export(t *testing.T, kind string, variables, categories int) string {
	t.Helper()
	return write(t, builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: kind, Variables: variables, Categories: categories, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	})
}

// wide opens a model whose layers have the sizes of a real one.
func wide(t *testing.T) *runtime.Model {
	t.Helper()
	dir := write(t, builder.Model{
		Input: []int{28, 28}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 200, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{400}}, Decoder: builder.MLP{Hidden: []int{8}}, Activation: builder.ReLU,
	})
	model, err := runtime.Open(t.Context(), dir, runtime.WithBackend(ortest.Backend(t, onnxruntime.WithThreads(1))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

func write(t *testing.T, m builder.Model) string {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/bundle"
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, kind string, variables, categories int) *runtime.Model {
	t.Helper()
	model, err := runtime.Open(t.Context(), export(t, kind, variables, categories), runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// Codes, packed codes, decoding and reconstruction agree with each other.
func TestModel(t *testing.T) {
	ctx := context.Background()
	for name, m := range map[string]*runtime.Model{
		"bernoulli": open(t, dist.Bernoulli, 11, 0), "categorical": open(t, dist.Categorical, 3, 5),
	} {
		l := m.Manifest().Latent
		rows := make([]float32, 5*6)
		noise.Stream{Seed: 1}.Uniform(rows, 0, 0)
		logits, err1 := m.Logits(ctx, nil, rows)
		codes, err2 := m.Codes(ctx, nil, rows)
		packed, err3 := m.Encode(ctx, nil, rows)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		unpacked, err := runtime.Unpack(l, nil, packed)
		if err != nil || !slices.Equal(unpacked, codes) {
			t.Errorf("%s: packed codes unpack to %v, the codes are %v (%v)", name, unpacked, codes, err)
		}
		if len(logits) != 5*l.Bits() || len(packed) != 5*l.PackedBytes() {
			t.Errorf("%s: %d logits, %d bytes", name, len(logits), len(packed))
		}
		again, err := m.Threshold(ctx, []byte{42}, logits)
		if err != nil || again[0] != 42 || !slices.Equal(again[1:], packed) {
			t.Errorf("%s: thresholding the logits gives other codes, or does not append (%v)", name, err)
		}
		direct, err1 := m.Decode(ctx, nil, codes)
		whole, err2 := m.Reconstruct(ctx, nil, rows)
		decoded, err3 := m.DecodeLogits(ctx, nil, codes)
		if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(direct, whole) {
			t.Errorf("%s: decoding codes is not reconstructing (%v)", name, err)
		}
		for i, x := range decoded {
			if p := 1 / (1 + math.Exp(-float64(x))); math.Abs(p-float64(direct[i])) > 1e-6 {
				t.Fatalf("%s: probability %g for logit %g", name, direct[i], x)
			}
		}
		one, err1 := m.Sample(ctx, nil, 3, 9)
		two, err2 := m.Sample(ctx, nil, 3, 9)
		if err := errors.Join(err1, err2); err != nil || len(one) != 18 || !slices.Equal(one, two) {
			t.Errorf("%s: samples of one seed differ (%v)", name, err)
		}
		if none, err := m.Encode(ctx, nil, nil); err != nil || len(none) != 0 {
			t.Errorf("%s: no rows give %v, %v", name, none, err)
		}
	}
}

func TestModelRefusesBadRows(t *testing.T) {
	ctx, m := context.Background(), open(t, dist.Bernoulli, 4, 0)
	nan := float32(math.NaN())
	for name, rows := range map[string][]float32{
		"half a row": {0, 0, 0}, "NaN": {0, 0, nan, 0, 0, 0}, "above": {0, 0, 0, 0, 0, 1.01}, "below": {-0.01, 0, 0, 0, 0, 0},
	} {
		if _, err := m.Encode(ctx, nil, rows); !errors.Is(err, runtime.ErrInput) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrInput", name, err)
		}
	}
	if _, err := m.Decode(ctx, nil, make([]float32, 5)); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("half a code: %v", err)
	}
	if _, err := runtime.Unpack(m.Manifest().Latent, nil, nil); err != nil {
		t.Errorf("no codes: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Encode(ctx, nil, make([]float32, 6)); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A manifest that says another size than its graphs is noticed when they are opened.
func TestManifestAndGraphsDisagree(t *testing.T) {
	b, err := bundle.Open(export(t, dist.Bernoulli, 4, 0))
	if err != nil {
		t.Fatal(err)
	}
	graphs := map[string][]byte{}
	for name := range b.Manifest.Files {
		if graphs[name], err = b.Graph(name); err != nil {
			t.Fatal(err)
		}
	}
	good, err := runtime.New(t.Context(), b.Manifest, graphs, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	good.Close()
	for name, spoil := range map[string]func(m *bundle.Manifest){
		"variables": func(m *bundle.Manifest) { m.Latent.Variables = 5 },
		"rows":      func(m *bundle.Manifest) { m.Input.Shape = []int64{6} },
		"input":     func(m *bundle.Manifest) { m.Input.Name = "other" },
	} {
		other := *b.Manifest
		spoil(&other)
		_, err := runtime.New(t.Context(), &other, graphs, runtime.WithBackend(ortest.Backend(t)))
		if !errors.Is(err, bundle.ErrFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrFormat", name, err)
		}
	}
}
