package importer

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// A reduction folds elements of a row: before is done to each, after to their sum over count of them.
type reduction struct {
	before func(b *builder.Graph, x *G.Node) *G.Node
	after  func(b *builder.Graph, sum *G.Node, count int) *G.Node
}

// tiny keeps the gradient of a root at 0 finite. The root of tiny, 1e-15, is what a norm of zeros is instead of 0.
const tiny = 1e-30

func mean(b *builder.Graph, sum *G.Node, count int) *G.Node {
	return b.Div(sum, b.Number(float64(count)))
}

// norm returns √sum, whose gradient at a row of zeros is 0.
func norm(b *builder.Graph, sum *G.Node, _ int) *G.Node {
	return b.Sqrt(b.Add(sum, b.Number(tiny)))
}

// reduce builds reductions along fixed axes of a row.
func reduce(r reduction) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		x, err := c.tensorAt(0)
		if err != nil {
			return operand{}, err
		}
		axes, err := c.axes(x)
		if err != nil {
			return operand{}, err
		}
		count := 1
		for _, a := range axes {
			count *= x.Shape()[a]
		}
		y := x
		if r.before != nil {
			y = r.before(c.b, y)
		}
		y = c.b.Sum(y, axes...)
		if r.after != nil {
			y = r.after(c.b, y, count)
		}
		return of(c.kept(y, x, axes))
	}
}

// axes returns the axes over which a node reduces, ascending: an attribute, or its second operand.
func (c *call) axes(x *G.Node) ([]int, error) {
	list := c.node.Ints("axes")
	if len(c.in) > 1 && c.in[1].known != nil {
		list, _ = c.in[1].known.Data.([]int64)
	}
	if len(list) == 0 && c.node.Int("noop_with_empty_axes", 0) == 0 {
		return nil, fmt.Errorf("over all axes, the batch's among them: %w", ErrUnsupported)
	}
	var axes []int
	for _, a := range list {
		axis, err := rowAxis(a, x.Dims())
		if err != nil {
			return nil, err
		}
		axes = append(axes, axis)
	}
	if len(axes) == 0 {
		return nil, fmt.Errorf("over no axes: %w", ErrUnsupported)
	}
	slices.Sort(axes)
	if len(slices.Compact(slices.Clone(axes))) != len(axes) {
		return nil, fmt.Errorf("axes %v name one twice: %w", axes, ErrGraph)
	}
	return axes, nil
}

// rowAxis returns an axis counted from the first, which is one of a row's.
func rowAxis(a int64, dims int) (int, error) {
	if a < 0 {
		a += int64(dims)
	}
	if a < 1 || a >= int64(dims) {
		return 0, fmt.Errorf("axis %d of rank %d, which is not one of a row's: %w", a, dims, ErrUnsupported)
	}
	return int(a), nil
}

// kept gives a reduced node one element along the axes that vanished, where keepdims says so.
func (c *call) kept(y, x *G.Node, axes []int) *G.Node {
	if c.node.Int("keepdims", 1) == 0 || c.b.Err() != nil {
		return y
	}
	shape := slices.Clone(x.Shape())
	for _, a := range axes {
		shape[a] = 1
	}
	return c.b.Reshape(y, shape...)
}

// argMax counts the place of the greatest element along the last axis. It has no gradient.
func argMax(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	last := x.Dims() - 1
	if a, err := rowAxis(c.node.Int("axis", 0), x.Dims()); err != nil || a != last || c.node.Int("select_last_index", 0) != 0 {
		return operand{}, fmt.Errorf("along another axis than the last, or of equal elements the last: %w", ErrUnsupported)
	}
	width := x.Shape()[last]
	places := &onnxgraph.Tensor{Name: c.node.Outputs[0] + "/places", Shape: []int{width}}
	numbers := make([]float32, width)
	for i := range numbers {
		numbers[i] = float32(i)
	}
	places.Data = numbers
	count, err := c.constant(places)
	if err != nil {
		return operand{}, err
	}
	hard := c.b.OneHotArgMax(c.b.Reshape(x, x.Shape().TotalSize()/width, width))
	y := c.b.Sum(c.b.Mul(hard, c.b.ExpandLike(count, hard, 0)), 1)
	shape := slices.Clone(x.Shape()[:last])
	if c.node.Int("keepdims", 1) != 0 {
		shape = append(shape, 1)
	}
	return of(c.b.StopGradient(c.b.Reshape(y, shape...)))
}
