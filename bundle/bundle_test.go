package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// manifest is a good one, for three files of few bytes.
func manifest() *bundle.Manifest {
	m := &bundle.Manifest{
		FormatVersion: bundle.FormatVersion, Name: "test", Producer: "test", Model: json.RawMessage(`{"a":1}`),
		Input:      bundle.Input{Name: "sample", DType: onnxtensor.Float32, Shape: []int64{2, 3}, Scale: 1.0 / 255, Range: [2]float64{0, 1}, Seen: "none"},
		Latent:     bundle.Latent{Kind: dist.Bernoulli, Variables: 9, Prior: bundle.Prior{Kind: "uniform"}, BitOrder: bundle.BitOrderMSBFirst},
		Likelihood: "bernoulli", Opset: 17, IRVersion: 8, Files: map[string]bundle.File{},
	}
	for _, name := range []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile} {
		m.Files[name] = bundle.Hash([]byte(name))
	}
	return m
}

func writeBundle(t testing.TB, m *bundle.Manifest) string {
	t.Helper()
	dir := t.TempDir()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{bundle.ManifestFile: data}
	for name := range m.Files {
		files[name] = []byte(name)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpen(t *testing.T) {
	dir := writeBundle(t, manifest())
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(); err != nil {
		t.Error(err)
	}
	data, err := b.Graph(bundle.EncoderFile)
	if err != nil || string(data) != bundle.EncoderFile {
		t.Errorf("Graph gives %q, %v", data, err)
	}
	if l := b.Manifest.Latent; l.Bits() != 9 || l.PackedBytes() != 2 || b.Manifest.Input.RowSize() != 6 {
		t.Errorf("%d bits, %d bytes, rows of %d", l.Bits(), l.PackedBytes(), b.Manifest.Input.RowSize())
	}
}

func TestFilesThatChanged(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  error
	}{
		"changed":  {func(p string) error { return os.WriteFile(p, []byte("encoder.onny"), 0o644) }, bundle.ErrHash},
		"shorter":  {func(p string) error { return os.Truncate(p, 3) }, bundle.ErrHash},
		"longer":   {func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("x"), 1000), 0o644) }, bundle.ErrFormat},
		"missing":  {os.Remove, bundle.ErrFormat},
		"a folder": {func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) }, bundle.ErrFormat},
	} {
		dir := writeBundle(t, manifest())
		if err := c.spoil(filepath.Join(dir, bundle.EncoderFile)); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Graph(bundle.EncoderFile)
		if !errors.Is(err, c.want) || !errors.Is(err, bundle.ErrBad) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of %v", name, err, c.want)
		}
	}
	if _, err := bundle.Open(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bundle that is not there: %v", err)
	}
}

// Folders of links, as a mounted ConfigMap and a snapshot of a model hub are, open: what they lead to is hashed.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t, manifest())
	names := []string{bundle.ManifestFile, bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile}
	for kind, link := range map[string]func(at, name string) error{
		"a mounted ConfigMap": func(at, name string) error {
			data := filepath.Join(at, "..2026_11_28")
			if err := os.Mkdir(data, 0o755); err == nil {
				if err := os.Symlink("..2026_11_28", filepath.Join(at, "..data")); err != nil {
					return err
				}
			}
			return errors.Join(os.Link(filepath.Join(dir, name), filepath.Join(data, name)), os.Symlink(filepath.Join("..data", name), filepath.Join(at, name)))
		},
		"a snapshot of blobs": func(at, name string) error {
			return os.Symlink(filepath.Join(dir, name), filepath.Join(at, name))
		},
	} {
		at := t.TempDir()
		for _, name := range names {
			if err := link(at, name); err != nil {
				t.Fatal(err)
			}
		}
		b, err := bundle.Open(at)
		if err == nil {
			err = b.Verify()
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(m *bundle.Manifest){
		"version":            func(m *bundle.Manifest) { m.FormatVersion = "one" },
		"newer":              func(m *bundle.Manifest) { m.FormatVersion = "2.0" },
		"no shape":           func(m *bundle.Manifest) { m.Input.Shape = nil },
		"zero shape":         func(m *bundle.Manifest) { m.Input.Shape = []int64{0} },
		"negative shape":     func(m *bundle.Manifest) { m.Input.Shape = []int64{-1, -4} },
		"huge shape":         func(m *bundle.Manifest) { m.Input.Shape = []int64{1 << 40, 1 << 40} },
		"input type":         func(m *bundle.Manifest) { m.Input.DType = "string" },
		"range":              func(m *bundle.Manifest) { m.Input.Range = [2]float64{1, 0} },
		"kind":               func(m *bundle.Manifest) { m.Latent.Kind = "gaussian" },
		"no variables":       func(m *bundle.Manifest) { m.Latent.Variables = 0 },
		"many variables":     func(m *bundle.Manifest) { m.Latent.Variables = 1 << 40 },
		"categories":         func(m *bundle.Manifest) { m.Latent.Categories = 3 },
		"one category":       func(m *bundle.Manifest) { m.Latent.Kind, m.Latent.Categories = dist.Categorical, 1 },
		"huge product":       func(m *bundle.Manifest) { m.Latent.Kind, m.Latent.Categories = dist.Categorical, 1<<62 },
		"thresholds":         func(m *bundle.Manifest) { m.Latent.Thresholds = []float32{1} },
		"prior":              func(m *bundle.Manifest) { m.Latent.Prior.Kind = "learned" },
		"bit order":          func(m *bundle.Manifest) { m.Latent.BitOrder = "lsb" },
		"likelihood":         func(m *bundle.Manifest) { m.Likelihood = "cauchy" },
		"no encoder":         func(m *bundle.Manifest) { delete(m.Files, bundle.EncoderFile) },
		"a path upwards":     func(m *bundle.Manifest) { m.Files["../x"] = bundle.Hash(nil) },
		"an absolute path":   func(m *bundle.Manifest) { m.Files["/etc/passwd"] = bundle.Hash(nil) },
		"a hidden way up":    func(m *bundle.Manifest) { m.Files["a/../../x"] = bundle.Hash(nil) },
		"a backslash":        func(m *bundle.Manifest) { m.Files[`..\x`] = bundle.Hash(nil) },
		"a hash in capitals": func(m *bundle.Manifest) { m.Files["x"] = bundle.File{SHA256: strings.Repeat("A", 64)} },
		"a negative size":    func(m *bundle.Manifest) { m.Files["x"] = bundle.File{SHA256: strings.Repeat("a", 64), Size: -1} },
	} {
		m := manifest()
		spoil(m)
		if _, err := m.Encode(); !errors.Is(err, bundle.ErrBad) {
			t.Errorf("%s: Encode gives %v, want ErrBad", name, err)
		}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = bundle.ParseManifest(data)
		if !errors.Is(err, bundle.ErrBad) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrBad", name, err)
		}
	}
}

// A newer minor version's fields survive a round trip, and encoding is repeatable.
func TestUnknownFieldsAreKept(t *testing.T) {
	data, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), `"format_version": "1.0"`, `"zebra": [1, 2], "antelope": {"x": true}, "format_version": "1.9"`, 1)
	m, err := bundle.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	first, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := bundle.ParseManifest(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) || !strings.Contains(string(first), `"zebra"`) || !strings.Contains(string(first), `"antelope"`) {
		t.Errorf("unknown fields are lost or move:\n%s\n%s", first, second)
	}
}

func ExampleLatent() {
	l := bundle.Latent{Kind: dist.Categorical, Variables: 20, Categories: 10}
	fmt.Println(l.Bits(), "bits in", l.PackedBytes(), "bytes")
	// Output: 200 bits in 25 bytes
}

// A pointer of Git LFS in the place of a file, and a file in the place of a bundle, are called what they are.
func TestStrangeFiles(t *testing.T) {
	t.Parallel()
	pointer := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1580523\n")
	for _, name := range []string{bundle.ManifestFile, bundle.EncoderFile} {
		m := manifest()
		encoder := m.Files[bundle.EncoderFile]
		encoder.Size = 1580523
		m.Files[bundle.EncoderFile] = encoder
		dir := writeBundle(t, m)
		if err := os.WriteFile(filepath.Join(dir, name), pointer, 0o644); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(dir)
		if err == nil {
			err = b.Verify()
		}
		if !errors.Is(err, bundle.ErrBad) || !strings.Contains(err.Error(), "git lfs pull") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	for data, words := range map[string]string{string(pointer): "git lfs pull", "PK\x03\x04m/data.pkl": "PyTorch", "\x08\x08": "no folder"} {
		path := filepath.Join(t.TempDir(), "model")
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Open(path); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "catvae") {
			t.Errorf("%q: the error is %v, want one with %q", data, err, words)
		}
	}
}
