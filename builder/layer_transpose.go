package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// A TransposeLayer puts the axes of rows in another order: axis i of the result is axis Axes[i] of the row.
type TransposeLayer struct {
	Axes []int `json:"axes" doc:"of the row, counted from 0 without the batch, in their new order, each once" range:"[0,15]"`
}

func (l TransposeLayer) check() error {
	if len(l.Axes) == 0 || !isPermutation(l.Axes, len(l.Axes)) {
		return fmt.Errorf("axes are %v: give each number from 0 once, in the new order, such as [1, 0]", l.Axes)
	}
	return between("axes", 0, 15, l.Axes...)
}

func (l TransposeLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	if len(in) != len(l.Axes) {
		return nil, fmt.Errorf("axes %v for rows of shape %v: give %d axes", l.Axes, in, len(in))
	}
	return []Layer{{Name: l.String(), Output: permuted(in, l.Axes)}}, nil
}

func (l TransposeLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	perm := []int{0}
	for _, axis := range l.Axes {
		perm = append(perm, axis+1)
	}
	return b.Transpose(x, perm...)
}

func (l TransposeLayer) String() string { return fmt.Sprintf("transpose %v", l.Axes) }
