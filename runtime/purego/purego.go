// Package purego runs a bundle's graphs without onnxruntime and without cgo: for containers with nothing in them, for platforms
// that onnxruntime is not built for, for programs that must be one static file.
//
//	model, err := runtime.Open("bundle", runtime.WithBackend(purego.New()))
//
// The graphs are decoded by onnx-go and run on plain slices by internal/onnxeval, with gonum's matrix products, on all
// cores. Codes are those of onnxruntime but for logits that lie within rounding of a threshold. docs/purego.md has the
// operators, each with the count of ONNX's own tests that it passes, and the speed beside onnxruntime's.
package purego

import (
	"fmt"
	goruntime "runtime"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/runtime/backend"
)

// ErrUnsupported is wrapped by the error for a graph with operators that this backend lacks. The text names all of them.
var ErrUnsupported = onnxeval.ErrUnsupported

// pure is the settings of New: a graph holds all else.
type pure struct{ threads int }

// An Option changes how fast graphs run, not what they compute.
type Option func(*pure)

// WithThreads sets how many goroutines share one run's large steps. The default, and anything below 1, is one per
// processor that Go uses.
func WithThreads(n int) Option { return func(b *pure) { b.threads = n } }

// New returns the backend. It runs on the CPU and needs nothing of the machine.
func New(opts ...Option) backend.Backend {
	b := pure{}
	for _, o := range opts {
		o(&b)
	}
	if b.threads < 1 {
		b.threads = goruntime.GOMAXPROCS(0)
	}
	return b
}

// Name implements [backend.Backend].
func (b pure) Name() string { return "pure Go (cpu)" }

// Load implements [backend.Backend]: the model is checked, decoded, and what follows from constants alone is computed.
func (b pure) Load(model []byte, label string) (backend.Graph, error) {
	g, err := load(model, b.threads)
	if err != nil {
		return nil, fmt.Errorf("runtime: %s: %w", label, err)
	}
	g.label = label
	return g, nil
}

func load(model []byte, threads int) (*graph, error) {
	decoded, err := onnxgraph.Decode(model)
	if err != nil {
		return nil, err
	}
	if len(decoded.Inputs) == 0 {
		return nil, fmt.Errorf("the graph has no inputs: %w", onnxeval.ErrShape)
	}
	program, err := onnxeval.Load(decoded)
	if err != nil {
		return nil, err
	}
	g := &graph{program: program}
	for _, v := range decoded.Inputs {
		g.inputs = append(g.inputs, v.Info)
	}
	for _, v := range decoded.Outputs {
		g.outputs = append(g.outputs, v.Info)
	}
	for _, v := range append(append([]backend.TensorInfo(nil), g.inputs...), g.outputs...) {
		if !exchanged[v.DType] {
			return nil, fmt.Errorf("%q is of type %s, which graphs do not take or give: %w", v.Name, v.DType, ErrUnsupported)
		}
	}
	g.pool = onnxeval.NewPool(threads)
	g.idle = make(chan *cached, 1+max(threads, goruntime.GOMAXPROCS(0)))
	return g, nil
}

// exchanged are the types of tensors that go into graphs and come out: see backend.Tensor.
var exchanged = map[backend.DType]bool{
	backend.Float32: true, backend.Float64: true, backend.Int64: true, backend.Int32: true, backend.Uint8: true, backend.Bool: true,
}
