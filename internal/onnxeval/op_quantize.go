package onnxeval

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Numbers of 8 and 16 bits for fractions, and back.

// quantize plans y = saturate(round(x / scale) + zero point), for one scale, or one for each place of an axis (1 by default). Halves are
// rounded to the even neighbour. y has the zero point's type; without one, that of output_dtype (from opset 21), or uint8. x and scale
// are float32. Scales of blocks, and types of less than 8 bits, are not supported.
// https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
func quantize(c *call) error {
	to := onnxtensor.Uint8
	if z := c.operand(2); z != nil {
		to = z.dtype
	} else if number := c.node.Int("output_dtype", 0); number != 0 {
		var ok bool
		if to, ok = onnxgraph.DTypes[number]; !ok {
			return fmt.Errorf("output_dtype %d: %w", number, ErrUnsupported)
		}
	}
	if c.in[0].dtype != onnxtensor.Float32 || c.in[1].dtype != onnxtensor.Float32 {
		return c.unsupportedType(0)
	}
	switch to {
	case onnxtensor.Uint8:
		return quantizeTo[uint8](c, to, 0, math.MaxUint8)
	case onnxgraph.Int8:
		return quantizeTo[int8](c, to, math.MinInt8, math.MaxInt8)
	case onnxgraph.Uint16:
		return quantizeTo[uint16](c, to, 0, math.MaxUint16)
	case onnxgraph.Int16:
		return quantizeTo[int16](c, to, math.MinInt16, math.MaxInt16)
	}
	return fmt.Errorf("to type %s: %w", to, ErrUnsupported)
}

// quantizeTo plans quantize for results T, which lie within least and most.
func quantizeTo[T number](c *call, to onnxtensor.DType, least, most float64) error {
	x := c.in[0]
	scales, err := c.scales()
	if err != nil {
		return err
	}
	y, err := c.result(to, x.shape)
	if err != nil {
		return err
	}
	scale, zero := c.in[1], c.operand(2)
	return c.share(x.size, dear, func(from, to int) {
		x, y, scale := of[float32](x), of[T](y), of[float32](scale)
		for i := from; i < to; i++ {
			k := scales(i)
			v := math.RoundToEven(float64(x[i] / scale[k]))
			if zero != nil {
				v += float64(of[T](zero)[k])
			}
			y[i] = T(min(max(v, least), most))
		}
	})
}

// dequantize plans y = (x - zero point) · scale in float32, with scales as in quantize; x may also be int32, as biases are.
// https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
func dequantize(c *call) error {
	if c.in[1].dtype != onnxtensor.Float32 {
		return c.unsupportedType(1)
	}
	if z := c.operand(2); z != nil && z.dtype != c.in[0].dtype {
		return c.unsupportedType(2)
	}
	switch c.in[0].dtype {
	case onnxtensor.Uint8:
		return dequantizeFrom[uint8](c)
	case onnxgraph.Int8:
		return dequantizeFrom[int8](c)
	case onnxgraph.Uint16:
		return dequantizeFrom[uint16](c)
	case onnxgraph.Int16:
		return dequantizeFrom[int16](c)
	case onnxtensor.Int32:
		return dequantizeFrom[int32](c)
	}
	return c.unsupportedType(0)
}

// dequantizeFrom plans dequantize for elements T.
func dequantizeFrom[T number](c *call) error {
	x := c.in[0]
	scales, err := c.scales()
	if err != nil {
		return err
	}
	y, err := c.result(onnxtensor.Float32, x.shape)
	if err != nil {
		return err
	}
	scale, zero := c.in[1], c.operand(2)
	return c.share(x.size, dear, func(from, to int) {
		x, y, scale := of[T](x), of[float32](y), of[float32](scale)
		for i := from; i < to; i++ {
			k := scales(i)
			v := float32(x[i])
			if zero != nil {
				v = float32(int64(x[i]) - int64(of[T](zero)[k]))
			}
			y[i] = v * scale[k]
		}
	})
}

// scales returns the function from an element's place to that of its scale.
func (c *call) scales() (func(i int) int, error) {
	x, scale := c.in[0], c.in[1]
	if c.node.Int("block_size", 0) != 0 {
		return nil, fmt.Errorf("scales of blocks: %w", ErrUnsupported)
	}
	if z := c.operand(2); z != nil && z.size != scale.size {
		return nil, fmt.Errorf("%d scales and %d zero points: %w", scale.size, z.size, ErrShape)
	}
	if scale.size == 1 {
		return func(int) int { return 0 }, nil
	}
	a, err := axis(int(c.node.Int("axis", 1)), len(x.shape))
	if err != nil {
		return nil, err
	}
	if scale.size != x.shape[a] || len(scale.shape) != 1 {
		return nil, fmt.Errorf("%d scales for an axis of %d: %w", scale.size, x.shape[a], ErrShape)
	}
	_, inner := around(x.shape, a)
	d := x.shape[a]
	return func(i int) int { return i / inner % d }, nil
}
