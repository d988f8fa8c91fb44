package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// hostileManifests holds manifests that must be refused, in addition to those of TestManifestsThatAreRefused: texts
// that no program of ours would write.
func hostileManifests(t testing.TB) map[string][]byte {
	good, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, text string) []byte {
		changed := bytes.Replace(good, []byte(old), []byte(text), 1)
		if bytes.Equal(changed, good) {
			t.Fatalf("the manifest holds no %q", old)
		}
		return changed
	}
	return map[string][]byte{
		"nothing":                       nil,
		"a list":                        []byte(`[]`),
		"null":                          []byte(`null`),
		"a version alone":               []byte(`{"format_version":"1.0"}`),
		"a manifest that ends":          good[:len(good)/2],
		"two manifests":                 append(bytes.Clone(good), good...),
		"a text that is deep":           []byte(strings.Repeat(`{"a":`, 100_000)),
		"an unknown field that is deep": change(`"name"`, `"x": `+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`, "name"`),
		"categories that overflow":      change(`"kind": "bernoulli"`, `"kind": "categorical", "categories": 4611686018427387904`),
		"variables beyond int64":        change(`"variables": 9`, `"variables": 99999999999999999999`),
		"variables of a half":           change(`"variables": 9`, `"variables": 9.5`),
		"a shape beyond int64":          change(`"shape": [`, `"shape": [18446744073709551616, `),
		"a shape that overflows":        change(`"shape": [`, `"shape": [4294967296, 4294967296, `),
		"a shape that overflows to 0":   change(`"shape": [`, `"shape": [0, 4611686018427387904, 4, `),
		"a scale beyond float64":        change(`"scale": `, `"scale": 1e400, "x": `),
		"a scale of 0":                  change(`"scale": `, `"scale": 0, "x": `),
		"a field twice":                 change(`"variables": 9`, `"variables": 9, "variables": 0`),
		"a field in capitals":           change(`"variables": 9`, `"variables": 9, "VARIABLES": -1`),
		"a field without a name":        change(`"variables": 9`, `"variables": -9, "": {"a": 1}`),
		"a file of 2^63 bytes":          change(`"size": `, `"size": 9223372036854775808, "x": `),
		"more than is read":             append(bytes.Clone(good), bytes.Repeat([]byte(" "), 9<<20)...),
		"a version of another case":     change(`"format_version"`, `"FORMAT_VERSION"`),
		"a file's name in escapes":      change(`"encoder.onnx"`, `"encoder.onnx": {"size": 1, "sha256": "x"}, "\u001b[2J\u202e"`),
		"a file outside":                change(`"encoder.onnx"`, `"../../encoder.onnx"`),
		"a version of many digits":      change(`"1.0"`, `"`+strings.Repeat("9", 1<<12)+`.0"`),
		"a kind of many words":          change(`"kind": "bernoulli"`, `"kind": "`+strings.Repeat("x ", 1<<15)+`"`),
		"a likelihood on two lines":     change(`"likelihood": "bernoulli"`, `"likelihood": "a\nb"`),
		"a file's name on two lines":    change(`"encoder.onnx"`, `"encoder.onnx": {"size": 1, "sha256": "x"}, "a\nb"`),
	}
}

func TestHostileManifests(t *testing.T) {
	for name, data := range hostileManifests(t) {
		if _, err := bundle.ParseManifest(data); !errors.Is(err, bundle.ErrBad) || visibletest.Check(err) != nil {
			t.Errorf("%s: the error is %.3000q, want one visible line of ErrBad", name, err)
		}
	}
}

// FuzzManifest wants one line of ErrBad, or a manifest whose numbers are ones that programs may allocate for and whose
// files stay in the bundle's folder, for memory in proportion to the text. What is taken survives a round trip.
func FuzzManifest(f *testing.F) {
	m := manifest()
	for i := range 4 {
		switch i {
		case 1:
			m.Latent = bundle.Latent{Kind: dist.Categorical, Variables: 2, Categories: 2, Prior: bundle.Prior{Kind: "learned", Logits: []float32{0, 1, 2, -1e9}}, BitOrder: bundle.BitOrderMSBFirst}
			m.Input.Image = &bundle.Image{Resize: bundle.ResizeBilinear}
		case 3:
			m.Latent = bundle.Latent{Kind: dist.Hierarchical, Variables: 5, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Categorical, Variables: 2, Categories: 2}},
				Prior: bundle.Prior{Kind: "learned", Logits: []float32{0, 1, 2, 3}}, BitOrder: bundle.BitOrderMSBFirst}
			m.Files[bundle.LayersFile] = bundle.Hash(nil)
		case 2:
			m.Files["variants/int8.onnx"] = bundle.Hash(nil)
			m.Variants = map[string]bundle.Variant{bundle.VariantInt8: {File: "variants/int8.onnx", Input: onnxtensor.Uint8, Devices: []string{"cpu"},
				Activations: map[string]bundle.Quantization{"a": {Scale: 0.5, ZeroPoint: 128}}, Calibrated: &bundle.Calibration{Rows: 1}}}
		}
		data, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range hostileManifests(f) {
		f.Add(data)
	}
	for _, name := range visibletest.Names() {
		name = name[:min(len(name), 100)]
		f.Add([]byte(`{"format_version":"1.0","` + name + `":1,"latent":{"kind":"` + name + `"}}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := bundle.ParseManifest(data)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+256*len(data)); got > most {
			t.Errorf("%d bytes are allocated for a text of %d, at most %d are wanted", got, len(data), most)
		}
		if err != nil {
			if unseen := visibletest.Check(err); !errors.Is(err, bundle.ErrBad) || unseen != nil {
				t.Errorf("the error is %.3000q, want one visible line of ErrBad: %v", err, unseen)
			}
			return
		}
		if err := sound(m); err != nil {
			t.Fatal(err)
		}
		encoded, err := m.Encode()
		if err != nil {
			t.Fatalf("a manifest that was taken cannot be written: %v", err)
		}
		again, err := bundle.ParseManifest(encoded)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		second, err := again.Encode()
		if err != nil || !bytes.Equal(encoded, second) || !reflect.DeepEqual(m.Latent, again.Latent) || !reflect.DeepEqual(m.Files, again.Files) {
			t.Fatalf("a round trip changes the manifest (%v):\n%s\n%s", err, encoded, second)
		}
	})
}

// sound reports what others would trip over in a manifest that was taken.
func sound(m *bundle.Manifest) error {
	const most = 1 << 24
	if bits, bytes := m.Latent.Bits(), m.Latent.PackedBytes(); bits < 1 || bits > most || bytes != (bits+7)/8 {
		return fmt.Errorf("codes have %d bits in %d bytes", bits, bytes)
	}
	if n := m.Input.RowSize(); n < 1 || n > most {
		return fmt.Errorf("rows have %d values", n)
	}
	if n := len(m.Latent.Prior.Logits); n != 0 && n != m.Latent.Dist().PriorSize() {
		return fmt.Errorf("the prior has %d logits, and its variables %d", n, m.Latent.Dist().PriorSize())
	}
	for name, file := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) || file.Size < 0 {
			return fmt.Errorf("the file %q of %d bytes", name, file.Size)
		}
	}
	for name, v := range m.Variants {
		if _, ok := m.Files[v.File]; !ok {
			return fmt.Errorf("the variant %q has no file", name)
		}
	}
	return nil
}
