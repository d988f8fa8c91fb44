package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// A ReshapeLayer gives rows another shape of the same size, in row-major order.
type ReshapeLayer struct {
	Shape []int `json:"shape" doc:"of a row, without the batch" range:"[1,1048576]"`
}

func (l ReshapeLayer) check() error {
	if len(l.Shape) == 0 {
		return fmt.Errorf("shape is empty: give the shape of a row, such as [64, 7, 7]")
	}
	return between("shape", 1, maxWidth, l.Shape...)
}

func (l ReshapeLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	size, err := sizeOf(l.Shape)
	if err != nil {
		return nil, err
	}
	if have := flattened(in); have != size {
		return nil, fmt.Errorf("rows of shape %v have %d numbers, %v wants %d: make a dense layer of that width before it, or another shape", in, have, l.Shape, size)
	}
	return []Layer{{Name: "reshape", Output: l.Shape}}, nil
}

func (l ReshapeLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	return b.Reshape(x, append([]int{x.Shape()[0]}, l.Shape...)...)
}

func (l ReshapeLayer) String() string { return fmt.Sprintf("reshape to %v", l.Shape) }

// A FlattenLayer makes rows lists of numbers, in row-major order.
type FlattenLayer struct{}

func (FlattenLayer) check() error { return nil }

func (FlattenLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	return []Layer{{Name: "flatten", Output: []int{flattened(in)}}}, nil
}

func (FlattenLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node { return b.flat(x) }

func (FlattenLayer) String() string { return "flatten" }
