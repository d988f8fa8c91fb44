package importer

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// align brings the nodes of a call's operands to one shape, as ONNX stretches them: https://onnx.ai/onnx/repo-docs/Broadcasting.html
// Numbers stay numbers where another operand has that shape.
func (c *call) align(nodes ...*G.Node) ([]*G.Node, error) {
	if c.b.Err() != nil {
		return nodes, nil
	}
	var shape []int
	for _, o := range c.in {
		var err error
		if shape, err = broadcast(shape, o.shape()); err != nil {
			return nil, err
		}
	}
	for _, o := range c.in {
		if o.node != nil && o.node.Dims() < len(shape) {
			return nil, fmt.Errorf("shapes %v and %v, which has no axis for the batch: %w", o.shape(), shape, ErrUnsupported)
		}
	}
	like, err := c.carrier(nodes, shape)
	if err != nil {
		return nil, err
	}
	out := make([]*G.Node, len(nodes))
	for i, n := range nodes {
		if out[i], err = c.stretch(n, like); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// carrier returns a node of the given shape: an operand that has it, or one that is stretched to it within rows. The batch's axis is not
// stretched by a number: it varies.
func (c *call) carrier(nodes []*G.Node, shape []int) (*G.Node, error) {
	for _, n := range nodes {
		if n.Dims() == len(shape) && slices.Equal(n.Shape(), shape) {
			return n, nil
		}
	}
	for _, n := range nodes {
		if n.Dims() == len(shape) && len(shape) > 0 && n.Shape()[0] == shape[0] {
			return c.widen(n, shape), nil
		}
	}
	return nil, fmt.Errorf("no operand has a row for each of %d: %w", shape[0], ErrUnsupported)
}

// widen repeats x along the axes of a row that have one element and are to have more.
func (c *call) widen(x *G.Node, shape []int) *G.Node {
	for axis := 1; axis < len(shape) && c.b.Err() == nil; axis++ {
		if x.Shape()[axis] != shape[axis] {
			x = c.b.Repeat(x, axis, shape[axis])
		}
	}
	return x
}

// broadcast returns the shape to which two are stretched.
func broadcast(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := slices.Clone(a)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case shape[at] == 1:
			shape[at] = d
		case d != 1 && d != shape[at]:
			return nil, fmt.Errorf("shapes %v and %v do not fit: %w", a, b, ErrGraph)
		}
	}
	return shape, nil
}
