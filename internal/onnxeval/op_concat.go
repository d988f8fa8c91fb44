package onnxeval

import (
	"fmt"
)

// Tensors joined along an axis, and cut.

// concat plans operands one after the other along an axis; all are of one type, and of one shape except along that axis.
// https://onnx.ai/onnx/operators/onnx__Concat.html (before opset 4 the axis was 1 by default)
func concat(c *call) error {
	a := int(c.node.Int("axis", 1))
	first := c.in[0]
	a, err := axis(a, len(first.shape))
	if err != nil {
		return err
	}
	shape := append([]int{}, first.shape...)
	shape[a] = 0
	for i, v := range c.in {
		if v == nil || v.dtype != first.dtype || len(v.shape) != len(shape) {
			return fmt.Errorf("operand %d does not fit the first: %w", i+1, ErrShape)
		}
		for k, d := range v.shape {
			if k != a && d != shape[k] {
				return fmt.Errorf("operand %d of shape %v does not fit the first: %w", i+1, v.shape, ErrShape)
			}
		}
		shape[a] += v.shape[a]
	}
	y, err := c.result(first.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	outer, inner := around(shape, a)
	in, move := c.in, first.mover()
	return c.share(outer, max(1, cheap/(inner*shape[a])), func(from, to int) {
		for o := from; o < to; o++ {
			at := o * shape[a] * inner
			for _, v := range in {
				n := v.shape[a] * inner
				move(y, at, v, o*n, n)
				at += n
			}
		}
	})
}

// around returns the products of the dimensions before and after an axis.
func around(shape []int, a int) (outer, inner int) {
	outer, inner = 1, 1
	for i, d := range shape {
		if i < a {
			outer *= d
		} else if i > a {
			inner *= d
		}
	}
	return outer, inner
}

// split cuts an axis (0 by default) into parts, one a result: of the lengths given, or as many equal ones as there are results. The
// lengths are the attribute "split" before opset 13, an operand since. From opset 18 on, equal parts are asked for by num_outputs, and the
// last may be smaller. https://onnx.ai/onnx/operators/onnx__Split.html
func split(c *call) error {
	x := c.in[0]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil {
		return err
	}
	parts := toInts(c.node.Ints("split"))
	given := parts != nil
	if c.operand(1) != nil {
		given = true
		if parts, err = c.ints(1); err != nil {
			return err
		}
	}
	d := x.shape[a]
	n := len(c.node.Outputs)
	count := int(c.node.Int("num_outputs", 0))
	switch {
	case given && (len(parts) != n || count != 0):
		return fmt.Errorf("parts %v for %d results: %w", parts, n, ErrShape)
	case !given && c.plan.opset < 18 && d%n != 0:
		return fmt.Errorf("%d equal parts of %d: %w", n, d, ErrShape)
	case !given && c.plan.opset >= 18 && (count != n || n > d):
		return fmt.Errorf("%d parts of %d for %d results: %w", count, d, n, ErrShape)
	}
	if !given {
		each := (d + n - 1) / n
		for i := range n {
			parts = append(parts, max(0, min(each, d-i*each)))
		}
	}
	sum := 0
	for _, n := range parts {
		if n < 0 || n > d {
			return fmt.Errorf("parts %v of %d: %w", parts, d, ErrShape)
		}
		sum += n
	}
	if sum != d {
		return fmt.Errorf("parts %v of %d: %w", parts, d, ErrShape)
	}
	outer, inner := around(x.shape, a)
	for _, n := range parts {
		shape := append([]int{}, x.shape...)
		shape[a] = n
		if _, err := c.result(x.dtype, shape); err != nil {
			return err
		}
	}
	out, move := c.out, x.mover()
	return c.do(func() {
		for o := range outer {
			at := o * d * inner
			for i, n := range parts {
				move(out[i], o*n*inner, x, at, n*inner)
				at += n * inner
			}
		}
	})
}
