package onnxeval

import (
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Comparisons and logic, element by element. Results are truth values.

// comparison plans Equal, Greater, GreaterOrEqual, Less and LessOrEqual of two numbers of one type, and Equal of two truth values. NaN
// equals nothing, is neither greater nor less. Pages as https://onnx.ai/onnx/operators/onnx__Less.html; GreaterOrEqual and
// LessOrEqual are there from opset 12.
func comparison(op string) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return binary(c, onnxtensor.Bool, compare[float32](op))
		case onnxtensor.Float64:
			return binary(c, onnxtensor.Bool, compare[float64](op))
		case onnxgraph.Int8:
			return binary(c, onnxtensor.Bool, compare[int8](op))
		case onnxgraph.Int16:
			return binary(c, onnxtensor.Bool, compare[int16](op))
		case onnxtensor.Int32:
			return binary(c, onnxtensor.Bool, compare[int32](op))
		case onnxtensor.Int64:
			return binary(c, onnxtensor.Bool, compare[int64](op))
		case onnxtensor.Uint8:
			return binary(c, onnxtensor.Bool, compare[uint8](op))
		case onnxgraph.Uint16:
			return binary(c, onnxtensor.Bool, compare[uint16](op))
		case onnxgraph.Uint32:
			return binary(c, onnxtensor.Bool, compare[uint32](op))
		case onnxgraph.Uint64:
			return binary(c, onnxtensor.Bool, compare[uint64](op))
		case onnxtensor.Bool:
			if op == "Equal" {
				return binary(c, onnxtensor.Bool, func(x, y bool) bool { return x == y })
			}
		}
		return c.unsupportedType(0)
	}
}

// compare returns the comparison of an operator.
func compare[T number](op string) func(x, y T) bool {
	switch op {
	case "Equal":
		return func(x, y T) bool { return x == y }
	case "Greater":
		return func(x, y T) bool { return x > y }
	case "GreaterOrEqual":
		return func(x, y T) bool { return x >= y }
	case "Less":
		return func(x, y T) bool { return x < y }
	}
	return func(x, y T) bool { return x <= y } // LessOrEqual
}

// logical plans And, Or and Xor of two truth values. https://onnx.ai/onnx/operators/onnx__And.html
func logical(op string) func(*call) error {
	return func(c *call) error {
		if c.in[0].dtype != onnxtensor.Bool {
			return c.unsupportedType(0)
		}
		switch op {
		case "And":
			return binary(c, onnxtensor.Bool, func(x, y bool) bool { return x && y })
		case "Or":
			return binary(c, onnxtensor.Bool, func(x, y bool) bool { return x || y })
		}
		return binary(c, onnxtensor.Bool, func(x, y bool) bool { return x != y }) // Xor
	}
}
