package runtime_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"google.golang.org/protobuf/proto"
)

// backends are those that must agree.
func backends(t *testing.T) map[string]backend.Backend {
	return map[string]backend.Backend{"onnxruntime": ortest.Backend(t), "purego": purego.New()}
}

const variantFile = "variants/uint8.onnx"

// graphsOf reads a bundle with a variant that is encoder and threshold in one graph, as they are.
func graphsOf(t *testing.T, dir string) (*bundle.Manifest, map[string][]byte) {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	graphs := map[string][]byte{}
	for name := range b.Manifest.Files {
		if graphs[name], err = b.Graph(name); err != nil {
			t.Fatal(err)
		}
	}
	b.Manifest.Variants = map[string]bundle.Variant{bundle.VariantUint8: {File: variantFile, Input: backend.Uint8, Devices: []string{"cpu", "cuda"}}}
	return b.Manifest, graphs
}

// save writes a bundle with right hashes, whatever its graphs are.
func save(t *testing.T, m bundle.Manifest, graphs map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	m.Files = map[string]bundle.File{}
	for name, data := range graphs {
		m.Files[name] = bundle.Hash(data)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused opens a bundle, one of whose graphs is bad, as a model and by its variant.
func refused(t *testing.T, name, file string, m *bundle.Manifest, graphs map[string][]byte, bad []byte) {
	t.Helper()
	graphs = maps.Clone(graphs)
	graphs[variantFile] = graphs[bundle.EncoderFile]
	graphs[file] = bad
	dir := save(t, *m, graphs)
	for on, b := range backends(t) {
		opts := []runtime.Option{runtime.WithBackend(b)}
		if file == variantFile {
			opts = append(opts, runtime.WithVariant(bundle.VariantUint8))
		}
		_, err := runtime.Open(t.Context(), dir, opts...)
		if !errors.Is(err, bundle.ErrBad) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s as %s on %s: the error is %.500v, want one line of bundle.ErrBad that names the file", name, file, on, err)
		}
	}
}

// A hostile graph whose hash is right is a bad bundle, whichever graph it is and whatever would run it.
func TestHostileGraphs(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 4, 0))
	files := []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile, variantFile}
	models := onnxtest.Hostile()
	for i, name := range slices.Sorted(maps.Keys(models)) {
		if model := models[name](); len(model) < 1<<20 { // the checker's own tests have the large ones
			refused(t, name, files[i%len(files)], m, graphs, model)
		}
	}
}

// So is a graph that the check takes and the backend refuses.
func TestRefusedGraphs(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 4, 0))
	for name, spoil := range map[string]func(g *onnxpb.GraphProto){
		"an unknown operator": func(g *onnxpb.GraphProto) { g.Node[0].OpType = proto.String("NoSuchOperator") },
		"an operand too few":  func(g *onnxpb.GraphProto) { g.Node[len(g.Node)-1].Input = nil },
		"an input of strings": func(g *onnxpb.GraphProto) { g.Input[0].Type.GetTensorType().ElemType = proto.Int32(8) },
	} {
		for _, file := range []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile} {
			p, err := onnxpb.Unmarshal(graphs[file])
			if err != nil {
				t.Fatal(err)
			}
			spoil(p.Graph)
			bad, err := onnxpb.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, name, file, m, graphs, bad)
			if file == bundle.EncoderFile {
				refused(t, name, variantFile, m, graphs, bad)
			}
		}
	}
}

// A context that is done ends opening, and is not taken for a bad bundle.
func TestOpenContext(t *testing.T) {
	t.Parallel()
	dir := export(t, dist.Bernoulli, 4, 0)
	m, graphs := graphsOf(t, dir)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for on, b := range backends(t) {
		_, err := runtime.Open(done, dir, runtime.WithBackend(b))
		_, err2 := runtime.New(done, m, graphs, runtime.WithBackend(b))
		for _, err := range []error{err, err2} {
			if !errors.Is(err, context.Canceled) || errors.Is(err, bundle.ErrBad) {
				t.Errorf("%s: the error is %v, want that of the context", on, err)
			}
		}
		during, cancel := context.WithCancel(t.Context())
		_, err = runtime.Open(during, dir, runtime.WithBackend(ends{b, cancel}))
		if !errors.Is(err, context.Canceled) || errors.Is(err, bundle.ErrBad) {
			t.Errorf("%s: a context that ends after the first graph gives %v", on, err)
		}
	}
	if _, err := runtime.Open(done, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("without a backend: %v", err)
	}
	if _, err := runtime.Open(t.Context(), t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	model, err := runtime.Open(t.Context(), dir, runtime.WithBackend(purego.New()))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if _, err := model.EncodeBytes(done, nil, make([]byte, 6)); !errors.Is(err, context.Canceled) { // loads a graph
		t.Errorf("encoding bytes: %v", err)
	}
	if _, err := runtime.Stream(done, runtime.PackedCodes[byte](model), sourceOf(make([]byte, 6), 6, false), runtime.StreamOptions{}, func(runtime.Results[byte]) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a stream: %v", err)
	}
}

// ends is a backend after whose first load a context is done.
type ends struct {
	backend.Backend
	cancel context.CancelFunc
}

func (e ends) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	g, err := e.Backend.Load(ctx, model, label)
	e.cancel()
	return g, err
}
