package onnxop

// A Writer is what an op of gorgonia gets to say how it is written in ONNX. It is an alias of an interface of built-in types, so
// that an op of any package can be exported without importing anything of ours. builder.ONNXWriter is its public name, and says
// how it is used.
type Writer = interface {
	// Node adds a node of the default domain with one output and returns the output's name. Attributes are int64,
	// float32, string or []int64.
	Node(op string, attributes map[string]any, inputs ...string) string
	// Ints adds a one-dimensional int64 initialiser.
	Ints(values ...int64) string
	// Numbers adds an initialiser of the graph's float type; no shape means a scalar.
	Numbers(values []float64, shape ...int64) string
	// DType returns the graph's float type as ONNX numbers it: 1 is float32, 11 is float64.
	DType() int64
}

// A SeveralWriter is a [Writer] that can write nodes with several outputs. The exporter's is one: an op that needs it asks by a type assertion,
// so that ops which know of [Writer] alone need no change.
type SeveralWriter = interface {
	// Several adds a node of the default domain with so many outputs and returns their names.
	Several(outputs int, op string, attributes map[string]any, inputs ...string) []string
}
