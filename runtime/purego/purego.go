// Package purego runs graphs without onnxruntime and without cgo: for containers with nothing in them, for platforms that
// onnxruntime is not built for, for programs that must be one static file.
//
//	model, err := runtime.Open(ctx, "bundle", runtime.WithBackend(purego.New()))
//
// # Nouns
//
// [New] returns the backend. A graph is decoded by onnx-go into internal/onnxgraph's form, and run on plain slices by
// internal/onnxeval: a program is a graph whose operators are all there, a plan is a program for inputs of certain shapes,
// with its memory. Matrix products are gonum's; large steps are shared out among goroutines.
//
// # Limits
//
// It runs on the CPU. Codes are onnxruntime's, except where a logit lies within rounding of a threshold. Operators that are
// missing are an [ErrUnsupported] when the graph is loaded. docs/purego.md lists the operators, each with the count of
// ONNX's own tests that it passes, and compares the speed with onnxruntime's.
package purego

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
)

// ErrUnsupported is wrapped by the error for a graph with operators that this backend lacks. The text names all of them.
var ErrUnsupported = onnxeval.ErrUnsupported

// pure holds the settings of New; graphs hold the rest.
type pure struct{ threads int }

var _ backend.Backend = pure{}

// An Option changes how fast graphs run, not what they compute.
type Option func(*pure)

// WithThreads sets how many goroutines share one run's large steps. The default, and anything below 1, is one per
// processor that Go uses.
func WithThreads(n int) Option { return func(b *pure) { b.threads = n } }

// New returns the backend. It runs on the CPU and needs nothing of the machine. It is safe for concurrent use.
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

// Load implements [backend.Backend]: the model is decoded, and what follows from constants alone is computed.
func (b pure) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	g, err := b.load(ctx, model)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("purego: %s: %w", label, err))
	}
	g.label = label
	return g, nil
}

func (b pure) load(ctx context.Context, model backend.Checked) (*graph, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	decoded, err := onnxgraph.DecodeChecked(model.Bytes())
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // large weights take a while to decode
		return nil, err
	}
	program, err := onnxeval.Load(decoded)
	if err != nil {
		return nil, err
	}
	g := &graph{program: program, inputs: model.Inputs(), outputs: model.Outputs()}
	for _, v := range slices.Concat(g.inputs, g.outputs) {
		if !exchanged[v.DType] {
			return nil, fmt.Errorf("%.100q is of type %s, which graphs do not take or give: %w", v.Name, v.DType, ErrUnsupported)
		}
	}
	g.pool = onnxeval.NewPool(b.threads)
	g.idle = make(chan *cached, 1+max(b.threads, goruntime.GOMAXPROCS(0)))
	return g, nil
}

// exchanged are the types of tensors that go into graphs and come out: see backend.Tensor.
var exchanged = map[backend.DType]bool{
	backend.Float32: true, backend.Float64: true, backend.Int64: true, backend.Int32: true, backend.Uint8: true, backend.Bool: true,
}
