package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Shapes: operators that give their operand's elements another shape, which costs nothing (the result is a view), and those that give the
// shape itself.

// axis brings an axis, negative from the end, into [0, rank).
func axis(a, rank int) (int, error) {
	if a < -rank || a >= rank {
		return 0, fmt.Errorf("axis %d of rank %d: %w", a, rank, ErrShape)
	}
	if a < 0 {
		a += rank
	}
	return a, nil
}

// axes returns the axes that an operator works along: those of operand i where the opset is at least since, those of the attribute "axes"
// before. none says that there is neither.
func (c *call) axes(i int, since int64, rank int) (set map[int]bool, none bool, err error) {
	var list []int
	if c.plan.opset >= since {
		if c.operand(i) == nil {
			return nil, true, nil
		}
		if list, err = c.ints(i); err != nil {
			return nil, false, err
		}
	} else if list = toInts(c.node.Ints("axes")); len(list) == 0 {
		return nil, true, nil
	}
	set = map[int]bool{}
	for _, a := range list {
		if a, err = axis(a, rank); err != nil {
			return nil, false, err
		}
		if set[a] {
			return nil, false, fmt.Errorf("axes %v name one twice: %w", list, ErrShape)
		}
		set[a] = true
	}
	return set, false, nil
}

// identity plans y = x. https://onnx.ai/onnx/operators/onnx__Identity.html
func identity(c *call) error { return c.same(c.in[0], c.in[0].shape) }

// dropout passes its operand on: outside training nothing is dropped, and the mask, where it is a result, is true everywhere. Training
// mode (operand 3, from opset 12) is refused. https://onnx.ai/onnx/operators/onnx__Dropout.html
func dropout(c *call) error {
	if mode := c.operand(2); mode != nil {
		if !mode.known {
			return ErrUnknown
		}
		if b, ok := mode.data.([]bool); !ok || len(b) != 1 || b[0] {
			return fmt.Errorf("training_mode: %w", ErrUnsupported)
		}
	}
	if err := identity(c); err != nil || len(c.node.Outputs) < 2 {
		return err
	}
	if err := c.takes(c.in[0].size); err != nil {
		return err
	}
	mask := make([]bool, c.in[0].size)
	for i := range mask {
		mask[i] = true
	}
	return c.constant(onnxtensor.Bool, c.in[0].shape, mask)
}

// reshape gives x the shape of operand 2, in which 0 stands for x's own dimension (unless allowzero is set, from opset 14) and one -1 for
// what is left over. https://onnx.ai/onnx/operators/onnx__Reshape.html (before opset 5 the shape was an attribute, which is not read)
func reshape(c *call) error {
	to, err := c.ints(1)
	if err != nil {
		return err
	}
	from := c.in[0]
	to = append([]int(nil), to...)
	open, size := -1, 1
	for i, d := range to {
		if d == 0 && c.node.Int("allowzero", 0) == 0 {
			if i >= len(from.shape) {
				return fmt.Errorf("a dimension 0 beyond those of the operand: %w", ErrShape)
			}
			to[i] = from.shape[i]
		}
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0:
			return fmt.Errorf("shape %v: %w", to, ErrShape)
		}
		if size != 0 && to[i] > maxSize/size {
			return fmt.Errorf("shape %v: %w", to, ErrShape)
		}
		size *= to[i]
	}
	if open >= 0 {
		if size == 0 || from.size%size != 0 {
			return fmt.Errorf("%d elements do not fill the shape %v: %w", from.size, to, ErrShape)
		}
		to[open] = from.size / size
	}
	return c.same(from, to)
}

// flatten makes a matrix of x: the dimensions before the axis (1 by default) are its rows, the others its columns.
// https://onnx.ai/onnx/operators/onnx__Flatten.html
func flatten(c *call) error {
	x := c.in[0]
	a := int(c.node.Int("axis", 1))
	if a < -len(x.shape) || a > len(x.shape) {
		return fmt.Errorf("axis %d of rank %d: %w", a, len(x.shape), ErrShape)
	}
	if a < 0 {
		a += len(x.shape)
	}
	to := []int{1, 1}
	for i, d := range x.shape {
		if i < a {
			to[0] *= d
		} else {
			to[1] *= d
		}
	}
	return c.same(x, to)
}

// squeeze leaves dimensions of 1 out: those of the axes, or all. The axes are an operand from opset 13 on, an attribute before.
// https://onnx.ai/onnx/operators/onnx__Squeeze.html
func squeeze(c *call) error {
	x := c.in[0]
	set, none, err := c.axes(1, 13, len(x.shape))
	if err != nil {
		return err
	}
	to := []int{}
	for i, d := range x.shape {
		if (none || len(set) == 0) && d == 1 || set[i] {
			if d != 1 {
				return fmt.Errorf("axis %d has %d elements: %w", i, d, ErrShape)
			}
			continue
		}
		to = append(to, d)
	}
	return c.same(x, to)
}

// unsqueeze puts in dimensions of 1; the axes are those of the result, an operand from opset 13 on, an attribute before.
// https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
func unsqueeze(c *call) error {
	x := c.in[0]
	count := len(c.node.Ints("axes"))
	if c.plan.opset >= 13 {
		if c.operand(1) == nil {
			return fmt.Errorf("the axes are missing: %w", ErrShape)
		}
		count = c.in[1].size
	}
	if count > 64 {
		return fmt.Errorf("%d axes: %w", count, ErrShape)
	}
	set, _, err := c.axes(1, 13, len(x.shape)+count)
	if err != nil {
		return err
	}
	to, at := []int{}, 0
	for i := range len(x.shape) + count {
		if set[i] {
			to = append(to, 1)
		} else {
			to = append(to, x.shape[at])
			at++
		}
	}
	return c.same(x, to)
}

// shapeNode is x's shape as int64, or its part from start to end (from opset 15). It is known when the plan is made.
// https://onnx.ai/onnx/operators/onnx__Shape.html
func shapeNode(c *call) error {
	shape := c.in[0].shape
	bound := func(name string, absent int) int {
		a := int(c.node.Int(name, int64(absent)))
		if a < 0 {
			a += len(shape)
		}
		return min(max(a, 0), len(shape))
	}
	from, to := bound("start", 0), bound("end", len(shape))
	dims := []int64{}
	for i := from; i < to; i++ {
		dims = append(dims, int64(shape[i]))
	}
	return c.constant(onnxtensor.Int64, []int{len(dims)}, dims)
}

// sizeNode is the number of x's elements. https://onnx.ai/onnx/operators/onnx__Size.html
func sizeNode(c *call) error {
	return c.constant(onnxtensor.Int64, []int{}, []int64{int64(c.in[0].size)})
}

// constantNode is a constant, of the one attribute that the node has: value, value_float, value_floats, value_int or value_ints. Text and
// sparse values are not supported. https://onnx.ai/onnx/operators/onnx__Constant.html
func constantNode(c *call) error {
	if len(c.node.Attributes) != 1 {
		return fmt.Errorf("a constant of %d values: %w", len(c.node.Attributes), ErrShape)
	}
	for name, v := range c.node.Attributes {
		switch v := v.(type) {
		case onnxgraph.Tensor:
			return c.constant(v.DType, v.Shape, v.Data)
		case float32:
			return c.constant(onnxtensor.Float32, []int{}, []float32{v})
		case []float32:
			return c.constant(onnxtensor.Float32, []int{len(v)}, v)
		case int64:
			return c.constant(onnxtensor.Int64, []int{}, []int64{v})
		case []int64:
			return c.constant(onnxtensor.Int64, []int{len(v)}, v)
		default:
			return fmt.Errorf("a constant of the attribute %q: %w", name, ErrUnsupported)
		}
	}
	return fmt.Errorf("a constant without a value: %w", ErrShape)
}

// constantOfShape repeats the one number of the attribute "value", 0 in float32 where there is none.
// https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
func constantOfShape(c *call) error {
	shape, err := c.ints(0)
	if err != nil {
		return err
	}
	number, ok := c.node.Attributes["value"].(onnxgraph.Tensor)
	if !ok {
		number = onnxgraph.Tensor{DType: onnxtensor.Float32, Data: []float32{0}}
	}
	x, err := knownValue(number)
	if err != nil {
		return err
	}
	if x.size != 1 {
		return fmt.Errorf("value has %d elements, wants 1: %w", x.size, ErrShape)
	}
	y, err := c.result(x.dtype, shape)
	if err != nil {
		return err
	}
	move := x.mover()
	return c.share(y.size, cheap, func(from, to int) {
		for i := from; i < to; i++ {
			move(y, i, x, 0, 1)
		}
	})
}
