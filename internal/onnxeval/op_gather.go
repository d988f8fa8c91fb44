package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Elements chosen by index, and indexes written as ones.

// gather picks slices of an axis (0 by default):
//
//	y[..., i..., ...] = x[..., index[i...], ...]
//
// so that the index's shape takes the axis's place. Negative indexes count from the end (from opset 11). Indexes out of range are an
// error: when the graph is loaded where they are known then, else when it runs.
// https://onnx.ai/onnx/operators/onnx__Gather.html
func gather(c *call) error {
	x, index := c.in[0], c.in[1]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil {
		return err
	}
	if index.dtype != onnxtensor.Int64 && index.dtype != onnxtensor.Int32 {
		return c.unsupportedType(1)
	}
	d := x.shape[a]
	shape := append(append(append([]int{}, x.shape[:a]...), index.shape...), x.shape[a+1:]...)
	y, err := c.result(x.dtype, shape)
	if err != nil || index.size == 0 {
		return err
	}
	if d == 0 {
		return fmt.Errorf("an axis of nothing to choose from: %w", ErrShape)
	}
	outer, inner := around(x.shape, a)
	read, err := reader64(index)
	if err != nil {
		return err
	}
	c.step.check = func() error {
		for i := range index.size {
			if n := read(i); n < -d || n >= d {
				return fmt.Errorf("onnxeval: %v: index %d of %d: %w", c.node, n, d, ErrShape)
			}
		}
		return nil
	}
	if index.known {
		if err := c.step.check(); err != nil {
			return err
		}
		c.step.check = nil
	}
	at := func(i int) int {
		n := read(i)
		if n < 0 {
			n += d
		}
		return n
	}
	move := x.mover()
	return c.do(func() {
		for o := range outer {
			for i := range index.size {
				move(y, (o*index.size+i)*inner, x, (o*d+at(i))*inner, inner)
			}
		}
	})
}

// oneHot gives indexes a new axis (the last by default) of depth elements, with values[1] where the axis has the index and values[0]
// elsewhere. Negative indexes count from the end; out of range, all are values[0]. Indexes may be fractions, which are rounded towards
// 0. https://onnx.ai/onnx/operators/onnx__OneHot.html
func oneHot(c *call) error {
	index, depthOf, values := c.in[0], c.in[1], c.in[2]
	depth, err := asInt(depthOf)
	if err != nil || values.size != 2 || depth < 1 || depth > maxSize {
		return fmt.Errorf("depth of shape %v, values of shape %v: %w", depthOf.shape, values.shape, ErrShape)
	}
	a, err := axis(int(c.node.Int("axis", -1)), len(index.shape)+1)
	if err != nil {
		return err
	}
	shape := append(append(append([]int{}, index.shape[:a]...), depth), index.shape[a:]...)
	y, err := c.result(values.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	outer, inner := around(shape, a)
	read, err := reader64(index)
	if err != nil {
		return err
	}
	move := values.mover()
	return c.share(outer, max(1, cheap/(inner*depth)), func(from, to int) {
		for o := from; o < to; o++ {
			for i := range inner {
				n := read(o*inner + i)
				if n < 0 {
					n += depth
				}
				for k := range depth {
					which := 0
					if k == n {
						which = 1
					}
					move(y, (o*depth+k)*inner+i, values, which, 1)
				}
			}
		}
	})
}

// asInt returns the one number of a known value.
func asInt(v *value) (int, error) {
	read, err := reader64(v)
	if err != nil || v.size != 1 {
		return 0, fmt.Errorf("a number is wanted, not shape %v of type %s: %w", v.shape, v.dtype, ErrShape)
	}
	return read(0), nil
}

// reader64 reads elements of any number's type as integers.
func reader64(v *value) (func(i int) int, error) {
	switch v.dtype {
	case onnxtensor.Int64:
		return func(i int) int { return int(of[int64](v)[i]) }, nil
	case onnxtensor.Int32:
		return func(i int) int { return int(of[int32](v)[i]) }, nil
	case onnxtensor.Uint8:
		return func(i int) int { return int(of[uint8](v)[i]) }, nil
	case onnxtensor.Float32:
		return func(i int) int { return int(of[float32](v)[i]) }, nil
	case onnxtensor.Float64:
		return func(i int) int { return int(of[float64](v)[i]) }, nil
	}
	return nil, fmt.Errorf("indexes of type %s: %w", v.dtype, ErrUnsupported)
}
