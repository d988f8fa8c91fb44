package backendtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outside is a backend of another module: it names public packages alone.
var outside = map[string]string{
	"outside.go": `package outside

import (
	"context"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
)

// Backend counts the graphs that it loads, and has them run by another.
type Backend struct {
	inner  backend.Backend
	loaded int
}

var _ backend.Backend = (*Backend)(nil)

func New() *Backend { return &Backend{inner: purego.New()} }

func (b *Backend) Name() string           { return "outside on " + b.inner.Name() }
func (b *Backend) Device() backend.Device { return backend.CPU }
func (b *Backend) StepsPerCall() int      { return 1 }

func (b *Backend) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	if len(model.Bytes()) == 0 || len(model.Inputs()) == 0 || len(model.Outputs()) == 0 {
		return nil, backend.ErrUnsafe
	}
	g, err := b.inner.Load(ctx, model, label)
	if err != nil {
		return nil, err
	}
	b.loaded++
	return &graph{inner: g, inputs: model.Inputs()}, nil
}

type graph struct {
	inner  backend.Graph
	inputs []backend.TensorInfo
}

func (g *graph) Inputs() []backend.TensorInfo  { return g.inputs }
func (g *graph) Outputs() []backend.TensorInfo { return g.inner.Outputs() }
func (g *graph) Close() error                  { return g.inner.Close() }

func (g *graph) Run(ctx context.Context, inputs ...backend.Tensor) ([]backend.Tensor, error) {
	ordered, err := backend.Order(g.inputs, inputs)
	if err != nil {
		return nil, err
	}
	return g.inner.Run(ctx, ordered...)
}
`,
	"outside_test.go": `package outside

import (
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/backendtest"
)

func TestBackend(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return New() })
}
`,
}

// A backend of another module is written, and passes the tests, without anything internal.
func TestOutsideTheModule(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/catvae/catvae"
	dir := t.TempDir()
	files := map[string]string{
		// The versions are ours, so that nothing has to be fetched.
		"go.mod": strings.Replace(string(module), "module "+path, "module example.com/outside", 1) +
			"\nrequire " + path + " v0.0.0\n\nreplace " + path + " => " + root + "\n",
		"go.sum": string(sums),
	}
	for name, text := range outside {
		files[name] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", ".")
	test.Dir = dir
	test.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GO111MODULE=on")
	out, err := test.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestBackend") {
		t.Errorf("go test of a module outside: %v\n%s", err, out)
	}
}
