package onnxeval

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Reductions: one number of all along some axes, and the place of the largest or smallest along one.

// reduce plans ReduceSum, ReduceMean, ReduceProd, ReduceMax, ReduceMin, ReduceL1, ReduceL2 and ReduceSumSquare. The axes are an operand from opset since on (13 for ReduceSum, 18
// for the others) and the attribute "axes" before; none means all, or with noop_with_empty_axes nothing to do. keepdims (1 by default)
// leaves 1 where an axis was. float32 is summed in float64, int32 in int64. Of nothing the sum is 0, the product 1, the largest -∞ (or
// the least integer), the mean an error. Bytes have ReduceMax and ReduceMin only.
// https://onnx.ai/onnx/operators/onnx__ReduceSum.html
func reduce(op string, since int64) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return reduceOf[float32, float64](c, op, since)
		case onnxtensor.Float64:
			return reduceOf[float64, float64](c, op, since)
		case onnxtensor.Int32:
			return reduceOf[int32, int64](c, op, since)
		case onnxtensor.Int64:
			return reduceOf[int64, int64](c, op, since)
		}
		if op == "ReduceMax" || op == "ReduceMin" { // what ONNX has for bytes, too
			switch c.in[0].dtype {
			case onnxgraph.Int8:
				return reduceOf[int8, int8](c, op, since)
			case onnxtensor.Uint8:
				return reduceOf[uint8, uint8](c, op, since)
			}
		}
		return c.unsupportedType(0)
	}
}

// reduceOf reduces elements T, summing in A. One walker goes over the axes that stay, another, from each of its places, over those that go.
func reduceOf[T, A number](c *call, op string, since int64) error {
	x := c.in[0]
	set, none, err := c.axes(1, since, len(x.shape))
	if err != nil {
		return err
	}
	if (none || len(set) == 0) && c.node.Int("noop_with_empty_axes", 0) != 0 {
		if norms[op] { // versions of ONNX say differently whether a number's own norm is taken then
			return fmt.Errorf("noop_with_empty_axes of a norm: %w", ErrUnsupported)
		}
		return identity(c)
	}
	keep := c.node.Int("keepdims", 1) != 0
	// Axes that stay (outer) and axes that go (inner), each with its strides in x; count is how many numbers become one.
	shape, outer, inner, count := []int{}, []int{}, []int{}, 1
	var outerBy, innerBy []int
	for i, s := range strides(x.shape) {
		d := x.shape[i]
		if none || len(set) == 0 || set[i] {
			inner, innerBy, count = append(inner, d), append(innerBy, s), count*d
			if keep {
				shape = append(shape, 1)
			}
			continue
		}
		outer, outerBy, shape = append(outer, d), append(outerBy, s), append(shape, d)
	}
	start, f, end, err := reduction[A](op, count)
	if err != nil {
		return err
	}
	y, err := c.result(x.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	if count == 0 {
		return c.do(func() {
			y := of[T](y)
			for i := range y {
				y[i] = T(end(start))
			}
		})
	}
	// Walkers go row by row, and a row is the last axis: here, one result at a time, and of what is reduced, its last axis.
	outer, outerBy = append(outer, 1), append(outerBy, 0)
	inner, innerBy = append([]int{1}, inner...), append([]int{0}, innerBy...)
	over := walker{shape: outer, strides: [][]int{outerBy}}
	within := walker{shape: inner, strides: [][]int{innerBy}}
	n, length := rows(inner)
	along := innerBy[len(innerBy)-1]
	return c.share(y.size, max(1, cheap/count), func(from, to int) {
		x, y := of[T](x), of[T](y)
		over.walk(from, to, func(at int, base []int) {
			sum := start
			within.walk(0, n, func(_ int, more []int) {
				for i := range length {
					sum = f(sum, A(x[base[0]+more[0]+i*along]))
				}
			})
			y[at] = T(end(sum))
		})
	})
}

// norms are the reductions that change a single number.
var norms = map[string]bool{"ReduceL1": true, "ReduceL2": true, "ReduceSumSquare": true}

// reduction returns what a reduction begins with, how it takes one more number, and what it makes of all count of them.
func reduction[A number](op string, count int) (start A, f func(a, b A) A, end func(A) A, err error) {
	end = func(a A) A { return a }
	switch op {
	case "ReduceSum":
		return 0, func(a, b A) A { return a + b }, end, nil
	case "ReduceMean":
		if count == 0 {
			return 0, nil, nil, fmt.Errorf("the mean of nothing: %w", ErrShape)
		}
		return 0, func(a, b A) A { return a + b }, func(a A) A { return a / A(count) }, nil
	case "ReduceL1":
		return 0, func(a, b A) A {
			if b < 0 {
				return a - b
			}
			return a + b
		}, end, nil
	case "ReduceL2":
		return 0, func(a, b A) A { return a + b*b }, func(a A) A { return A(math.Sqrt(float64(a))) }, nil
	case "ReduceSumSquare":
		return 0, func(a, b A) A { return a + b*b }, end, nil
	case "ReduceProd":
		return 1, func(a, b A) A { return a * b }, end, nil
	}
	least, most := extremes[A]()
	if op == "ReduceMax" {
		return least, func(a, b A) A { return max(a, b) }, end, nil
	}
	return most, func(a, b A) A { return min(a, b) }, end, nil
}

// extremes returns the least and the largest number of a type.
func extremes[A number]() (least, most A) {
	switch l, m := any(&least), any(&most); p := l.(type) {
	case *float32:
		*p, *m.(*float32) = float32(math.Inf(-1)), float32(math.Inf(1))
	case *float64:
		*p, *m.(*float64) = math.Inf(-1), math.Inf(1)
	case *int8:
		*p, *m.(*int8) = math.MinInt8, math.MaxInt8
	case *int32:
		*p, *m.(*int32) = math.MinInt32, math.MaxInt32
	case *int64:
		*p, *m.(*int64) = math.MinInt64, math.MaxInt64
	case *uint8:
		*m.(*uint8) = math.MaxUint8
	}
	return least, most
}

// argExtreme plans ArgMax and ArgMin: the place of the largest (smallest) number along an axis, the first of equals, or the last with
// select_last_index. Results are int64, with a dimension of 1 where the axis was unless keepdims is 0. NaN is never found, unless it is the
// first. https://onnx.ai/onnx/operators/onnx__ArgMax.html
func argExtreme(smallest bool) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return argOf[float32](c, smallest)
		case onnxtensor.Float64:
			return argOf[float64](c, smallest)
		case onnxtensor.Int32:
			return argOf[int32](c, smallest)
		case onnxtensor.Int64:
			return argOf[int64](c, smallest)
		case onnxtensor.Uint8:
			return argOf[uint8](c, smallest)
		}
		return c.unsupportedType(0)
	}
}

// argOf plans argExtreme for elements T.
func argOf[T number](c *call, smallest bool) error {
	x := c.in[0]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil {
		return err
	}
	last := c.node.Int("select_last_index", 0) != 0
	shape := append([]int{}, x.shape[:a]...)
	if c.node.Int("keepdims", 1) != 0 {
		shape = append(shape, 1)
	}
	shape = append(shape, x.shape[a+1:]...)
	d := x.shape[a]
	if d == 0 {
		return fmt.Errorf("the largest of nothing: %w", ErrShape)
	}
	y, err := c.result(onnxtensor.Int64, shape)
	if err != nil || y.size == 0 {
		return err
	}
	_, inner := around(x.shape, a)
	return c.share(y.size, max(1, cheap/d), func(from, to int) {
		x, y := of[T](x), of[int64](y)
		for i := from; i < to; i++ {
			at := i/inner*d*inner + i%inner
			best := 0
			for k := 1; k < d; k++ {
				v, b := x[at+k*inner], x[at+best*inner]
				if smallest && v < b || !smallest && v > b || last && v == b {
					best = k
				}
			}
			y[i] = int64(best)
		}
	})
}
