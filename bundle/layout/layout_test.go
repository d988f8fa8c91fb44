package layout_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/layout"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// trained is an untrained model of small rows.
func trained(t *testing.T, name string, latent builder.Latent) train.Trained {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	return train.Trained{Name: name, Params: params, Model: builder.Model{
		Input: []int{3, 2}, Latent: latent, Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}}
}

var bits = builder.Latent{Kind: dist.Bernoulli, Variables: 11, Prior: "uniform"}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every layout has the files that its readers look for, and its graphs give the codes of the bundle.
func TestArrange(t *testing.T) {
	t.Parallel()
	rows := make([]float32, 5*6)
	for i := range rows {
		rows[i] = float32(i%7) / 7
	}
	for name, latent := range map[string]builder.Latent{"bits": bits, "choices": {Kind: dist.Categorical, Variables: 3, Categories: 5, Prior: "uniform"}} {
		m := trained(t, name, latent)
		plain := filepath.Join(t.TempDir(), "bundle")
		if _, err := m.WriteBundle(t.Context(), plain, train.BundleOptions{Backend: purego.New()}); err != nil {
			t.Fatal(err)
		}
		model, err := runtime.Open(t.Context(), plain, runtime.WithBackend(purego.New()))
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		want, err := model.Encode(t.Context(), nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			layout string
			graph  string // from rows to codes, "" for none
			files  []string
		}{
			{"plain", "", []string{"encoder.onnx", "manifest.json"}},
			{"triton", "", []string{name + "-encoder/1/model.onnx", name + "-threshold/config.pbtxt", name + "-decoder/config.pbtxt", name + "/config.pbtxt", name + "/1/manifest.json", name + "-reconstruct/config.pbtxt"}},
			{"mlflow", "model.onnx", []string{"MLmodel", "requirements.txt", "bundle/manifest.json"}},
			{"transformersjs", "onnx/model.onnx", []string{"config.json", "onnx/encoder_model.onnx", "onnx/threshold_model.onnx", "onnx/decoder_model.onnx"}},
			{"huggingface", "", []string{"README.md", "manifest.json", "encoder.onnx"}},
		} {
			dir := filepath.Join(t.TempDir(), c.layout)
			if _, err := m.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: purego.New(), Layout: c.layout}); err != nil {
				t.Fatal(err)
			}
			got := files(t, dir)
			for _, file := range c.files {
				if len(got[file]) == 0 {
					t.Errorf("%s: no %s among %v", c.layout, file, slices.Sorted(maps.Keys(got)))
				}
			}
			if c.graph == "" {
				continue
			}
			if codes := encode(t, got[c.graph], rows); !bytes.Equal(codes, want) {
				t.Errorf("%s: %s gives %x, the bundle %x", c.layout, c.graph, codes, want)
			}
		}
	}
}

// encode runs a graph from rows to packed codes.
func encode(t *testing.T, graph []byte, rows []float32) []byte {
	t.Helper()
	g, err := backend.Load(t.Context(), purego.New(), graph, "graph")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	out, err := g.Run(t.Context(), onnxtensor.Tensor{Name: bundle.Sample, Shape: []int64{5, 3, 2}, Data: rows})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out {
		if o.Name == bundle.PackedCode {
			return o.Data.([]byte)
		}
	}
	t.Fatalf("no %s", bundle.PackedCode)
	return nil
}

// Equal bundles give equal files; names become such as servers take; a name of no layout is refused with those that there are.
func TestArrangeNames(t *testing.T) {
	t.Parallel()
	m := trained(t, "../my model: «1»", bits)
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, dir := range []string{first, second} {
		if _, err := m.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: purego.New(), Layout: "triton"}); err != nil {
			t.Fatal(err)
		}
	}
	a, b := files(t, first), files(t, second)
	for name, data := range a {
		if !bytes.Equal(data, b[name]) || !strings.HasPrefix(name, "my-model---1") {
			t.Errorf("%s: %d bytes, %d the second time", name, len(data), len(b[name]))
		}
	}
	if _, err := layout.Arrange("tritn", layout.Bundle{}); err == nil || !strings.Contains(err.Error(), `"tritn"`) || !strings.Contains(err.Error(), "mlflow") {
		t.Errorf("%v", err)
	}
}

// A card says what the manifest and the record say, and nothing of folders.
func TestCard(t *testing.T) {
	t.Parallel()
	m := trained(t, "cards", bits)
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := m.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: purego.New()}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	arranged, err := layout.Arrange("huggingface", layout.Bundle{Manifest: b.Manifest, Files: files(t, dir), Record: map[string]any{
		"data": "/home/someone/secret/digits.npy", "data_sha256": "abc", "test_rows": "test split",
		"test": map[string]any{"elbo": -12.5, "kl": 3.0, "iwae": -11.0, "samples": 10.0, "active_bits": 9.0},
	}})
	if err != nil {
		t.Fatal(err)
	}
	card := string(arranged["README.md"])
	for _, want := range []string{"# cards", "`digits.npy`", "abc", "11 bits, 2 bytes packed", "shape [3 2]", "| -ELBO, nats a row | 12.5 |", `KL(q(z\|x) \|\| p(z))`, "-IWAE-10", "value: 12.5", "library_name: catvae", "on the test split"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	if strings.Contains(card, "someone") {
		t.Errorf("the card names a folder:\n%s", card)
	}
}

// Force replaces a folder of the same layout, and no folder that holds anything else.
func TestForce(t *testing.T) {
	t.Parallel()
	m := trained(t, "again", bits)
	dir := filepath.Join(t.TempDir(), "models")
	write := func(force bool) error {
		_, err := m.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: purego.New(), Layout: "triton", Force: force})
		return err
	}
	if err := errors.Join(write(false), write(true)); err != nil {
		t.Fatal(err)
	}
	if err := write(false); !errors.Is(err, os.ErrExist) {
		t.Errorf("without force: %v", err)
	}
	mine := filepath.Join(dir, "again-encoder", "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(true); !errors.Is(err, atomicfile.ErrTarget) || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("over a file of somebody else's: %v", err)
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}
