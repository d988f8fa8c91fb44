package backend

import (
	"context"
)

// A Binder is a [Graph] that can run on memory of its caller's, found by assertion: onnxruntime's graphs and purego's are. Where the
// same shapes run again and again (training steps, batches of a pipeline) nothing is then allocated or copied for a run.
type Binder interface {
	// Bind fixes the memory of every input and every output, by name and in any order. The slices stay where they are and
	// must not be touched while a run is under way; between runs they are the caller's. A slice may be the input of one
	// binding and the output of another. Whether one slice may be both in one binding is the caller's to know.
	Bind(inputs, outputs []Tensor) (Binding, error)
}

// A Binding is a graph with its memory. It is for one goroutine at a time; bindings of one graph are independent.
type Binding interface {
	// Run reads the inputs' memory and fills the outputs'. A done ctx keeps a run from starting.
	Run(ctx context.Context) error
	// Close gives the memory back. It may be called twice; Run after Close is ErrClosed. It must come before the graph's.
	Close() error
}
