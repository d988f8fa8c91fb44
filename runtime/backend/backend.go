package backend

import "context"

// A Backend runs ONNX graphs. It is safe for concurrent use. Its graphs outlive it: there is nothing to close.
type Backend interface {
	// Name is what messages and reports call the backend, with its version and device: "onnxruntime 1.29.0 (cpu)".
	Name() string
	// Load prepares a graph. Call the function [Load] instead, which checks the model first. label names the graph in
	// errors. The model's bytes must not be changed before Load returns, and are not kept.
	//
	// A ctx that is done before the call keeps it from starting. One that is done during the call ends it at once: what
	// cannot be interrupted continues in the background and is freed there. Either way the error wraps ctx.Err().
	Load(ctx context.Context, model Checked, label string) (Graph, error)
}

// A Graph is one loaded ONNX model. It is safe for concurrent use.
type Graph interface {
	// Inputs and Outputs describe the graph in the order of the file.
	Inputs() []TensorInfo
	Outputs() []TensorInfo
	// Run computes all outputs, in the order of Outputs. It takes the inputs in any order, by name. The inputs' data is
	// read only during the call; the outputs belong to the caller. Inputs that do not fit are an [ErrInput]. Run returns
	// ctx.Err() soon after ctx is done.
	Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error)
	// Close waits for runs in flight and frees native memory. It may be called twice; Run after Close is [ErrClosed].
	Close() error
}

// StepsPerCall returns how many steps of a loop a backend takes best in one run of a graph that holds the loop, as a
// training step's does. It is 1 where the backend does not say: then a run has no price of its own. A backend says so by a
// method StepsPerCall; it is more than 1 where every run copies the tensors to a device and back.
func StepsPerCall(b Backend) int {
	if s, ok := b.(interface{ StepsPerCall() int }); ok {
		return s.StepsPerCall()
	}
	return 1
}

// Resting returns the backend for graphs that run now and then, beside a loop whose threads wait busily for its next run: their own threads
// sleep meanwhile. It is b itself where the backend does not say otherwise by a method Resting.
func Resting(b Backend) Backend {
	if r, ok := b.(interface{ Resting() Backend }); ok {
		return r.Resting()
	}
	return b
}
