package backend

import "context"

// A Binder is a [Graph] that can run on its caller's memory, found by assertion: graphs of onnxruntime and purego are.
// Where the same shapes run again and again (training steps, batches of a stream) a run then allocates and copies nothing.
type Binder interface {
	// Bind fixes the memory of every input and every output, by name and in any order. The slices stay where they are and
	// must not be touched while a run is under way; between runs they are the caller's. A slice may be the input of one
	// binding and the output of another. Whether one slice may be both in one binding is for the caller to know. Tensors
	// that do not fit are an [ErrInput].
	Bind(inputs, outputs []Tensor) (Binding, error)
}

// A Binding is a graph with its memory. It is for one goroutine at a time; bindings of one graph are independent.
type Binding interface {
	// Run reads the inputs' memory and fills the outputs'. A done ctx keeps a run from starting, and may end one that has
	// started; the outputs then hold anything.
	Run(ctx context.Context) error
	// Close gives the memory back. It may be called twice; Run after Close is [ErrClosed]. It must come before the graph's.
	Close() error
}
