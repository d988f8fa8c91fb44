package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Cast: every type that is read to every other.

// cast plans y = x in the type that the attribute "to" numbers as TensorProto.DataType does. A fraction is rounded towards 0;
// numbers out of the type's range have no meaning in ONNX, and none here. Everything but 0 is true; true is 1. "saturate" concerns
// types of 8 bits and fewer, which are not read. A cast to the same type is a view.
// https://onnx.ai/onnx/operators/onnx__Cast.html
func cast(c *call) error {
	number := c.node.Int("to", 0)
	to, ok := onnxgraph.DTypes[number]
	if !ok {
		return fmt.Errorf("to type %v: %w", onnxpb.TensorProto_DataType(number), ErrUnsupported)
	}
	if to == c.in[0].dtype {
		return c.same(c.in[0], c.in[0].shape)
	}
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return castFrom(c, to, func(x float32) float32 { return x })
	case onnxtensor.Float64:
		return castFrom(c, to, func(x float64) float64 { return x })
	case onnxgraph.Half:
		return castFrom(c, to, func(x onnxgraph.Float16) float32 { return x.Float32() })
	case onnxgraph.Int8:
		return castFrom(c, to, func(x int8) int8 { return x })
	case onnxgraph.Int16:
		return castFrom(c, to, func(x int16) int16 { return x })
	case onnxtensor.Int32:
		return castFrom(c, to, func(x int32) int32 { return x })
	case onnxtensor.Int64:
		return castFrom(c, to, func(x int64) int64 { return x })
	case onnxtensor.Uint8:
		return castFrom(c, to, func(x uint8) uint8 { return x })
	case onnxgraph.Uint16:
		return castFrom(c, to, func(x uint16) uint16 { return x })
	case onnxgraph.Uint32:
		return castFrom(c, to, func(x uint32) uint32 { return x })
	case onnxgraph.Uint64:
		return castFrom(c, to, func(x uint64) uint64 { return x })
	case onnxtensor.Bool:
		return castFrom(c, to, func(x bool) uint8 {
			if x {
				return 1
			}
			return 0
		})
	}
	return c.unsupportedType(0)
}

// castFrom converts elements S, read as numbers N.
func castFrom[S any, N number](c *call, to onnxtensor.DType, read func(S) N) error {
	switch to {
	case onnxtensor.Float32:
		return castTo(c, to, func(x S) float32 { return float32(read(x)) })
	case onnxtensor.Float64:
		return castTo(c, to, func(x S) float64 { return float64(read(x)) })
	case onnxgraph.Half:
		return castTo(c, to, func(x S) onnxgraph.Float16 { return fromFloat32(float32(read(x))) })
	case onnxgraph.Int8:
		return castTo(c, to, func(x S) int8 { return int8(read(x)) })
	case onnxgraph.Int16:
		return castTo(c, to, func(x S) int16 { return int16(read(x)) })
	case onnxtensor.Int32:
		return castTo(c, to, func(x S) int32 { return int32(read(x)) })
	case onnxtensor.Int64:
		return castTo(c, to, func(x S) int64 { return int64(read(x)) })
	case onnxtensor.Uint8:
		return castTo(c, to, func(x S) uint8 { return uint8(read(x)) })
	case onnxgraph.Uint16:
		return castTo(c, to, func(x S) uint16 { return uint16(read(x)) })
	case onnxgraph.Uint32:
		return castTo(c, to, func(x S) uint32 { return uint32(read(x)) })
	case onnxgraph.Uint64:
		return castTo(c, to, func(x S) uint64 { return uint64(read(x)) })
	}
	return castTo(c, to, func(x S) bool { return read(x) != 0 })
}

// castTo plans y = f(x) for elements S and T.
func castTo[S, T any](c *call, to onnxtensor.DType, f func(S) T) error {
	x := c.in[0]
	y, err := c.result(to, x.shape)
	if err != nil {
		return err
	}
	return c.share(x.size, cheap, func(from, to int) {
		x, y := of[S](x)[from:to], of[T](y)[from:to]
		for i, v := range x {
			y[i] = f(v)
		}
	})
}
