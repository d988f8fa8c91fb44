// Package onnxgraph is an ONNX model as plain Go: a list of nodes in the order in which they run, with operator,
// attributes and ordered operands, the initialisers, and what the graph takes and gives.
//
// It is the one decoded form from which this project reads ONNX: internal/onnxeval runs it, builder/importer makes a gorgonia
// graph of it. [Decode] first lets internal/onnxcheck look at the bytes. Nodes, operators and attributes then come from
// onnx-go's decoder, which hands a model to a backend; the backend here writes down what it gets. What that decoder
// loses is read from the protobuf: the opset, the names of dimensions, tensors of types that it cannot hold, whether a
// node has operands at all.
package onnxgraph

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/x448/float16"
)

// A Graph is a decoded model.
type Graph struct {
	Name         string
	Opset        int64 // of ONNX's own domain: the version that operators are read by
	Inputs       []Value
	Outputs      []Value
	Initialisers []Tensor // in the order of the file
	Nodes        []Node   // every operand comes before its user
	Metadata     map[string]string
}

// A Value is an input or output as the file declares it. Dynamic dimensions are -1.
type Value = onnxcheck.Value

// A Node is one operation.
type Node struct {
	Name       string
	Op         string         // such as "Gemm"
	Attributes map[string]any // float32, int64, string, []float32, []int64, []string or Tensor
	Inputs     []string       // "" where an optional operand is left out
	Outputs    []string       // "" where an optional result is not wanted
}

// Label is what a node is called: its name, or that of its first result.
func (n Node) Label() string {
	label := n.Name
	for _, out := range n.Outputs {
		if label == "" {
			label = out
		}
	}
	return label
}

// String names a node in errors. Operators are identifiers: see onnxcheck.
func (n Node) String() string { return fmt.Sprintf("%.100s %.100q", n.Op, n.Label()) }

// Int returns an integer attribute, or absent where the node has none of the name and type.
func (n Node) Int(name string, absent int64) int64 {
	if v, ok := n.Attributes[name].(int64); ok {
		return v
	}
	return absent
}

// Float returns a floating-point attribute, or absent.
func (n Node) Float(name string, absent float32) float32 {
	if v, ok := n.Attributes[name].(float32); ok {
		return v
	}
	return absent
}

// SoftmaxAxis returns the axis of Softmax and LogSoftmax, whose absent value changed with opset 13.
func (n Node) SoftmaxAxis(opset int64) int {
	if opset < 13 {
		return int(n.Int("axis", 1))
	}
	return int(n.Int("axis", -1))
}

// Ints returns an attribute of integers, or nil.
func (n Node) Ints(name string) []int64 {
	v, _ := n.Attributes[name].([]int64)
	return v
}

// Floats returns an attribute of floating-point numbers, or nil.
func (n Node) Floats(name string) []float32 {
	v, _ := n.Attributes[name].([]float32)
	return v
}

// Text returns an attribute of text, or absent.
func (n Node) Text(name, absent string) string {
	if v, ok := n.Attributes[name].(string); ok {
		return v
	}
	return absent
}

// A Tensor is a dense array in row-major order.
type Tensor struct {
	Name  string
	DType onnxtensor.DType
	Shape []int // empty for a scalar
	Data  any   // a slice of Go's type of that name, or of float16.Float16, with as many elements as the shape has
}

// Float16 is the element type of half precision: IEEE 754-2019, binary16.
type Float16 = float16.Float16

// The element types that graphs may hold inside, besides those that package onnxtensor has for inputs and outputs.
const (
	Half   onnxtensor.DType = "float16"
	Int8   onnxtensor.DType = "int8"
	Int16  onnxtensor.DType = "int16"
	Uint16 onnxtensor.DType = "uint16"
	Uint32 onnxtensor.DType = "uint32"
	Uint64 onnxtensor.DType = "uint64"
)
