package onnxeval

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Arithmetic of several operands, element by element. Shapes are stretched to one as numpy does (see broadcast); types must be equal,
// except for Pow. https://onnx.ai/onnx/repo-docs/Broadcasting.html

// binary plans z = f(x, y) for operands of one type T. result is z's element type, R.
func binary[T, R any](c *call, result onnxtensor.DType, f func(x, y T) R) error {
	if x, y := c.in[0], c.in[1]; x.dtype != y.dtype {
		return fmt.Errorf("operands of types %s and %s: %w", x.dtype, y.dtype, ErrShape)
	}
	return mixed(c, result, f)
}

// mixed is binary for operands of two types. Three loops are for the usual shapes: both of the result's shape, a number on the right, a
// vector on the right that every row meets again. Everything else goes by strides.
func mixed[T, U, R any](c *call, result onnxtensor.DType, f func(x T, y U) R) error {
	x, y := c.in[0], c.in[1]
	shape, err := broadcast(x.shape, y.shape)
	if err != nil {
		return err
	}
	z, err := c.result(result, shape)
	if err != nil || z.size == 0 {
		return err
	}
	// An operand of the result's shape may give it its memory. One that is stretched may not: its elements are read again.
	rx, ry := readerOf(x.shape, shape), readerOf(y.shape, shape)
	if rx == inStep {
		c.step.inPlace = append(c.step.inPlace, x.root())
	}
	if ry == inStep {
		c.step.inPlace = append(c.step.inPlace, y.root())
	}
	switch {
	case rx == inStep && ry == inStep:
		return c.share(z.size, cheap, func(from, to int) {
			x, y, z := of[T](x)[from:to], of[U](y)[from:to], of[R](z)[from:to]
			for i, v := range x {
				z[i] = f(v, y[i])
			}
		})
	case rx == inStep && ry == oneNumber:
		return c.share(z.size, cheap, func(from, to int) {
			x, y, z := of[T](x)[from:to], of[U](y)[0], of[R](z)[from:to]
			for i, v := range x {
				z[i] = f(v, y)
			}
		})
	case rx == inStep && ry == sameRow:
		n := y.size
		return c.share(z.size/n, max(1, cheap/n), func(from, to int) {
			y := of[U](y)
			for r := from; r < to; r++ {
				x, z := of[T](x)[r*n:][:n], of[R](z)[r*n:][:n]
				for i, v := range x {
					z[i] = f(v, y[i])
				}
			}
		})
	}
	return c.byRows(shape, []*value{x, y}, func(at, n int, others, along []int) {
		x, y, z := of[T](x)[others[0]:], of[U](y)[others[1]:], of[R](z)[at:][:n]
		for i := range z {
			z[i] = f(x[i*along[0]], y[i*along[1]])
		}
	})
}

// byRows plans a step that reads operands, stretched to shape, along the rows of the result.
func (c *call) byRows(shape []int, operands []*value, row func(at, n int, others, along []int)) error {
	if len(shape) == 0 {
		shape = []int{1}
	}
	w := walker{shape: shape}
	along := make([]int, len(operands))
	for i, v := range operands {
		s := stretched(v.shape, shape)
		w.strides = append(w.strides, s)
		along[i] = s[len(s)-1]
	}
	n, length := rows(shape)
	return c.share(n, max(1, cheap/max(1, length)), func(from, to int) {
		w.walk(from, to, func(at int, others []int) { row(at, length, others, along) })
	})
}

// arithmetic plans Add, Sub, Mul, Div, Max, Min and PRelu of all number types, and of more than two operands where the operator takes them.
// Integers wrap around as Go's do. An integer divided by 0 is an error, when the graph is loaded
// or when it runs. Pages as
// https://onnx.ai/onnx/operators/onnx__Add.html; before opset 7 operands were stretched by an attribute, which is not read. PRelu's slope
// is stretched to x, never x to the slope: where a file has it the other way round the result is of the slope's shape.
func arithmetic(op string) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return combine(c, floatArithmetic[float32](op))
		case onnxtensor.Float64:
			return combine(c, floatArithmetic[float64](op))
		case onnxgraph.Int8:
			return integers[int8](c, op)
		case onnxgraph.Int16:
			return integers[int16](c, op)
		case onnxtensor.Int32:
			return integers[int32](c, op)
		case onnxtensor.Int64:
			return integers[int64](c, op)
		case onnxtensor.Uint8:
			return integers[uint8](c, op)
		case onnxgraph.Uint16:
			return integers[uint16](c, op)
		case onnxgraph.Uint32:
			return integers[uint32](c, op)
		case onnxgraph.Uint64:
			return integers[uint64](c, op)
		}
		return c.unsupportedType(0)
	}
}

// integers plans arithmetic of integers T.
func integers[T integer](c *call, op string) error {
	if err := combine(c, intArithmetic[T](op)); err != nil || op != "Div" && op != "Mod" && op != "Fmod" {
		return err
	}
	y := c.in[1]
	check := func() error {
		if slices.Contains(of[T](y)[:y.size], 0) {
			return fmt.Errorf("onnxeval: %v: an integer divided by 0: %w", c.node, ErrShape)
		}
		return nil
	}
	if y.known {
		return check()
	}
	c.step.check = check
	return nil
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// combine plans z = f(x, y), or f(f(x, y), …) of further operands.
func combine[T any](c *call, f func(x, y T) T) error {
	if len(c.in) > 2 {
		return foldOf(c, f)
	}
	return binary(c, c.in[0].dtype, f)
}

// floatArithmetic returns x/y, max or min (NaN where either is NaN), or what ringArithmetic has.
func floatArithmetic[T float](op string) func(x, y T) T {
	switch op {
	case "Div":
		return func(x, y T) T { return x / y }
	case "Mod":
		return func(x, y T) T {
			r := math.Mod(float64(x), float64(y))
			if r != 0 && (r < 0) != (y < 0) {
				r += float64(y)
			}
			return T(r)
		}
	case "Fmod":
		return func(x, y T) T { return T(math.Mod(float64(x), float64(y))) }
	case "Max":
		return func(x, y T) T { return max(x, y) }
	case "Min":
		return func(x, y T) T { return min(x, y) }
	}
	return ringArithmetic[T](op)
}

// intArithmetic is floatArithmetic for integers.
func intArithmetic[T integer](op string) func(x, y T) T {
	switch op {
	case "Div":
		return func(x, y T) T {
			if y == 0 { // which integers refuses beforehand, except where nobody reads the result
				return 0
			}
			return x / y
		}
	case "Mod", "Fmod":
		return func(x, y T) T {
			if y == 0 {
				return 0
			}
			r := x % y
			if op == "Mod" && r != 0 && (r < 0) != (y < 0) {
				r += y
			}
			return r
		}
	case "Max":
		return func(x, y T) T { return max(x, y) }
	case "Min":
		return func(x, y T) T { return min(x, y) }
	}
	return ringArithmetic[T](op)
}

// ringArithmetic returns what all numbers have in common: x+y, x-y, x·y, and PRelu, x·y for negative x and x elsewhere.
func ringArithmetic[T number](op string) func(x, y T) T {
	switch op {
	case "Add", "Sum":
		return func(x, y T) T { return x + y }
	case "Sub":
		return func(x, y T) T { return x - y }
	case "PRelu":
		return func(x, y T) T {
			if x < 0 {
				return x * y
			}
			return x
		}
	}
	return func(x, y T) T { return x * y }
}

// mod plans the remainder of x/y: with y's sign, or with x's where the attribute fmod is 1.
// https://onnx.ai/onnx/operators/onnx__Mod.html (from opset 10)
func mod(c *call) error {
	if c.node.Int("fmod", 0) != 0 {
		return arithmetic("Fmod")(c)
	}
	return arithmetic("Mod")(c)
}

// fold plans Sum, Max and Min of any number of operands; of one, it is that operand. https://onnx.ai/onnx/operators/onnx__Max.html
func fold(op string) func(*call) error {
	return func(c *call) error {
		if len(c.in) == 1 {
			return c.same(c.in[0], c.in[0].shape)
		}
		return arithmetic(op)(c)
	}
}

// foldOf plans f(f(x₀, x₁), x₂) … for three operands or more.
func foldOf[T any](c *call, f func(x, y T) T) error {
	shapes := make([][]int, len(c.in))
	for i, v := range c.in {
		if v == nil || v.dtype != c.in[0].dtype {
			return fmt.Errorf("operand %d is left out, or of another type than the first: %w", i+1, ErrShape)
		}
		shapes[i] = v.shape
	}
	shape, err := broadcast(shapes...)
	if err != nil {
		return err
	}
	z, err := c.result(c.in[0].dtype, shape)
	if err != nil || z.size == 0 {
		return err
	}
	in := c.in
	return c.byRows(shape, in, func(at, n int, others, along []int) {
		z := of[T](z)[at:][:n]
		for i := range z {
			z[i] = of[T](in[0])[others[0]+i*along[0]]
			for k, v := range in[1:] {
				z[i] = f(z[i], of[T](v)[others[k+1]+i*along[k+1]])
			}
		}
	})
}

// power plans z = xʸ, in x's type; the exponent may be of another. https://onnx.ai/onnx/operators/onnx__Pow.html: types may differ from
// opset 12 on. Bases are float32, float64, int32 and int64.
func power(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return powerOf[float32](c)
	case onnxtensor.Float64:
		return powerOf[float64](c)
	case onnxtensor.Int32:
		return powerOf[int32](c)
	case onnxtensor.Int64:
		return powerOf[int64](c)
	}
	return c.unsupportedType(0)
}

// powerOf picks the function for an exponent's type.
func powerOf[T number](c *call) error {
	d := c.in[0].dtype
	switch c.in[1].dtype {
	case onnxtensor.Float32:
		return mixed(c, d, pow[T, float32])
	case onnxtensor.Float64:
		return mixed(c, d, pow[T, float64])
	case onnxtensor.Int32:
		return mixed(c, d, pow[T, int32])
	case onnxtensor.Int64:
		return mixed(c, d, pow[T, int64])
	case onnxgraph.Uint32:
		return mixed(c, d, pow[T, uint32])
	case onnxgraph.Uint64:
		return mixed(c, d, pow[T, uint64])
	}
	return c.unsupportedType(1)
}

// pow returns xʸ by math.Pow, in float64, and x and x·x without it: they are exact, and the common case.
func pow[T, U number](x T, y U) T {
	switch y {
	case 1:
		return x
	case 2:
		return x * x
	}
	return T(math.Pow(float64(x), float64(y)))
}
