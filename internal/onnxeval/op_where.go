package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Where and Clip: a choice between elements, and bounds for them.

// where plans z = x where the condition holds, y elsewhere, all three stretched to one shape; x and y may be of any type that is read.
// https://onnx.ai/onnx/operators/onnx__Where.html (from opset 9; more types from 16).
func where(c *call) error {
	if c.in[0].dtype != onnxtensor.Bool {
		return c.unsupportedType(0)
	}
	if e, ok := elementTypes[c.in[1].dtype]; ok {
		return e.where(c)
	}
	return c.unsupportedType(1)
}

// whereOf plans where for elements T.
func whereOf[T any](c *call) error {
	condition, x, y := c.in[0], c.in[1], c.in[2]
	if x.dtype != y.dtype {
		return fmt.Errorf("a choice between types %s and %s: %w", x.dtype, y.dtype, ErrShape)
	}
	shape, err := broadcast(condition.shape, x.shape, y.shape)
	if err != nil {
		return err
	}
	z, err := c.result(x.dtype, shape)
	if err != nil || z.size == 0 {
		return err
	}
	return c.byRows(shape, []*value{condition, x, y}, func(at, n int, others, along []int) {
		condition, x, y, z := of[bool](condition)[others[0]:], of[T](x)[others[1]:], of[T](y)[others[2]:], of[T](z)[at:][:n]
		for i := range z {
			if condition[i*along[0]] {
				z[i] = x[i*along[1]]
			} else {
				z[i] = y[i*along[2]]
			}
		}
	})
}

// clip plans y = min(max(x, least), most); where the bounds cross, most wins, as ONNX has it from opset 13 on. NaN stays, and is no bound. The bounds are the
// attributes min and max before opset 11, and operands of one number since. Either may be missing. Types: float32, float64, int8, int32,
// int64, uint8. https://onnx.ai/onnx/operators/onnx__Clip.html
func clip(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return clipOf[float32](c)
	case onnxtensor.Float64:
		return clipOf[float64](c)
	case onnxgraph.Int8:
		return clipOf[int8](c)
	case onnxtensor.Int32:
		return clipOf[int32](c)
	case onnxtensor.Int64:
		return clipOf[int64](c)
	case onnxtensor.Uint8:
		return clipOf[uint8](c)
	}
	return c.unsupportedType(0)
}

// clipOf plans clip for elements T. Bounds may be computed by the graph: they are read in the run.
func clipOf[T number](c *call) error {
	bounds := [2]*value{c.operand(1), c.operand(2)}
	for i, name := range []string{"min", "max"} {
		if v := bounds[i]; v != nil && (v.dtype != c.in[0].dtype || v.size != 1) {
			return fmt.Errorf("the bound %q is no scalar of the operand's type: %w", name, ErrShape)
		}
		if x, ok := c.node.Attributes[name].(float32); ok {
			bounds[i], _ = knownValue(onnxgraph.Tensor{DType: c.in[0].dtype, Data: []T{T(x)}})
		}
	}
	return unary(c, cheap, func(x, y []T) {
		copy(y, x)
		if bounds[0] != nil {
			for i, least := 0, of[T](bounds[0])[0]; i < len(y); i++ {
				if y[i] < least {
					y[i] = least
				}
			}
		}
		if bounds[1] != nil {
			for i, most := 0, of[T](bounds[1])[0]; i < len(y); i++ {
				if y[i] > most {
					y[i] = most
				}
			}
		}
	})
}
