package runtime_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/visible/visibletest"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// Whatever a graph calls things, the error of a backend that refuses it, or fails to run it, is one visible line of bounded length.
func TestErrorsOfGraphsAreVisible(t *testing.T) {
	t.Parallel()
	x := backend.Tensor{Shape: []int64{2, 2}, Data: make([]float32, 4)}
	for kind, name := range visibletest.Names() {
		for what, model := range onnxtest.Named(name) {
			for on, b := range backends(t) {
				g, err := backend.Load(t.Context(), b, model, name)
				if err == nil {
					x.Name = name + "x"
					_, err = g.Run(t.Context(), x)
					if _, err := g.Run(t.Context()); visibletest.Check(err) != nil {
						t.Errorf("%s, %s on %s, without inputs: %v", kind, what, on, visibletest.Check(err))
					}
					g.Close()
				}
				if err != nil && visibletest.Check(err) != nil {
					t.Errorf("%s, %s on %s: %v", kind, what, on, visibletest.Check(err))
				}
			}
		}
	}
}

// Libraries print nothing, and nor does onnxruntime, which would print names as they are.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(os.Args[0], "-test.run=^TestErrorsOfGraphsAreVisible$").CombinedOutput()
	if err != nil || string(out) != "PASS\n" {
		t.Errorf("%v: %.3000q", err, out)
	}
}

// Whatever a manifest holds, the error of opening its bundle is one visible line of bounded length.
func TestErrorsOfBundlesAreVisible(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 4, 0))
	for kind, name := range visibletest.Names() {
		for what, spoil := range map[string]func(m *bundle.Manifest){
			"version":    func(m *bundle.Manifest) { m.FormatVersion = name },
			"kind":       func(m *bundle.Manifest) { m.Latent.Kind = name },
			"prior":      func(m *bundle.Manifest) { m.Latent.Prior.Kind = name },
			"bit order":  func(m *bundle.Manifest) { m.Latent.BitOrder = name },
			"likelihood": func(m *bundle.Manifest) { m.Likelihood = name },
			"input":      func(m *bundle.Manifest) { m.Input.Name = name },
			"type":       func(m *bundle.Manifest) { m.Input.DType = bundle.DType(name) },
			"resize":     func(m *bundle.Manifest) { m.Input.Image = &bundle.Image{Resize: name} },
			"file":       func(m *bundle.Manifest) { m.Files[name] = bundle.File{} },
			"hash":       func(m *bundle.Manifest) { m.Files["a"] = bundle.File{SHA256: name} },
			"variant":    func(m *bundle.Manifest) { m.Variants = map[string]bundle.Variant{name: {File: name}} },
			"variant's file": func(m *bundle.Manifest) {
				m.Files[name] = bundle.Hash(nil)
				m.Variants = map[string]bundle.Variant{"uint8": {File: name, Input: bundle.Uint8, Devices: []string{name}}}
			},
			"variant's input":  func(m *bundle.Manifest) { change(m, func(v *bundle.Variant) { v.Input = bundle.DType(name) }) },
			"variant's device": func(m *bundle.Manifest) { change(m, func(v *bundle.Variant) { v.Devices = []string{name} }) },
			"scale": func(m *bundle.Manifest) {
				change(m, func(v *bundle.Variant) { v.Activations = map[string]bundle.Quantization{name: {}} })
			},
		} {
			spoilt := *m
			spoilt.Files, spoilt.Variants = maps.Clone(m.Files), maps.Clone(m.Variants)
			spoil(&spoilt)
			for file, content := range graphs {
				if spoilt.Files[file] == (bundle.File{}) {
					spoilt.Files[file] = bundle.Hash(content)
				}
			}
			for on, b := range backends(t) {
				if model, err := runtime.New(t.Context(), &spoilt, graphs, runtime.WithBackend(b), runtime.WithVariant("uint8")); err == nil {
					model.Close()
				} else if err := visibletest.Check(err); err != nil {
					t.Errorf("%s in the %s on %s: %v", kind, what, on, err)
				}
			}
			text, err := spoilt.MarshalJSON()
			if err != nil {
				continue
			}
			dir := t.TempDir()
			for _, data := range [][]byte{text, []byte(strings.ReplaceAll(string(text), `"variables":`, `"variables": "`+name+`", "v":`)), []byte(name)} {
				if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), data, 0o666); err != nil {
					t.Fatal(err)
				}
				if _, err := runtime.Open(t.Context(), dir, runtime.WithBackend(backends(t)["purego"]), runtime.WithVariant("uint8")); visibletest.Check(err) != nil {
					t.Errorf("%s in the %s of a folder: %v", kind, what, visibletest.Check(err))
				}
			}
		}
	}
}

func change(m *bundle.Manifest, spoil func(v *bundle.Variant)) {
	v := m.Variants["uint8"]
	spoil(&v)
	m.Variants["uint8"] = v
}
