package onnxeval

import (
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxgraph"
)

// comparison plans operators of two numbers, or of two truth values, that give a truth value.
func comparison(op string) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case bundle.Float32:
			return binary(c, bundle.Bool, compare[float32](op))
		case bundle.Float64:
			return binary(c, bundle.Bool, compare[float64](op))
		case onnxgraph.Int8:
			return binary(c, bundle.Bool, compare[int8](op))
		case onnxgraph.Int16:
			return binary(c, bundle.Bool, compare[int16](op))
		case bundle.Int32:
			return binary(c, bundle.Bool, compare[int32](op))
		case bundle.Int64:
			return binary(c, bundle.Bool, compare[int64](op))
		case bundle.Uint8:
			return binary(c, bundle.Bool, compare[uint8](op))
		case onnxgraph.Uint16:
			return binary(c, bundle.Bool, compare[uint16](op))
		case onnxgraph.Uint32:
			return binary(c, bundle.Bool, compare[uint32](op))
		case onnxgraph.Uint64:
			return binary(c, bundle.Bool, compare[uint64](op))
		case bundle.Bool:
			if op == "Equal" {
				return binary(c, bundle.Bool, func(x, y bool) bool { return x == y })
			}
		}
		return c.unsupportedType(0)
	}
}

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

func logical(op string) func(*call) error {
	return func(c *call) error {
		if c.in[0].dtype != bundle.Bool {
			return c.unsupportedType(0)
		}
		switch op {
		case "And":
			return binary(c, bundle.Bool, func(x, y bool) bool { return x && y })
		case "Or":
			return binary(c, bundle.Bool, func(x, y bool) bool { return x || y })
		}
		return binary(c, bundle.Bool, func(x, y bool) bool { return x != y }) // Xor
	}
}
