package backend

import (
	"context"
)

// A Backend runs ONNX graphs. onnxruntime is one; runtime/backendtest holds the tests that each must pass.
type Backend interface {
	// Name is what messages and reports call the backend, with its version and device: "onnxruntime 1.29.0 (cpu)".
	Name() string
	// Load prepares a graph from the bytes of an ONNX model. The bytes have passed internal/onnxcheck and are not kept.
	// label names the graph in errors.
	Load(model []byte, label string) (Graph, error)
}

// A Graph is one loaded ONNX model.
type Graph interface {
	// Inputs and Outputs describe the graph in the order of the file.
	Inputs() []TensorInfo
	Outputs() []TensorInfo
	// Run computes all outputs, in the order of Outputs. It takes the inputs in any order, by name. The inputs' data is
	// read only during the call; the outputs belong to the caller. Run is safe for concurrent use and returns ctx.Err()
	// soon after ctx is done.
	Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error)
	// Close waits for runs in flight and frees native memory. It may be called twice; Run after Close is ErrClosed.
	Close() error
}
