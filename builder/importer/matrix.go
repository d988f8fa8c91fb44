package importer

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// gemm builds alpha · x · w + beta · b, with w as it is or transposed.
func gemm(c *call) (operand, error) {
	x, w, err := c.pair()
	if err != nil {
		return operand{}, err
	}
	if c.node.Int("transA", 0) != 0 {
		return operand{}, fmt.Errorf("transA: %w", ErrUnsupported)
	}
	var y *G.Node
	if c.node.Int("transB", 0) != 0 {
		y = c.b.MatMulTransposed(x, w)
	} else {
		y = c.b.MatMul(x, w)
	}
	y = c.scaled(y, "alpha")
	if c.has(2) {
		bias, err := c.tensorAt(2)
		if err != nil {
			return operand{}, err
		}
		if bias, err = c.stretch(c.scaled(bias, "beta"), y); err != nil {
			return operand{}, err
		}
		y = c.b.Add(y, bias)
	}
	return of(y)
}

// scaled multiplies by an attribute, where it is not 1.
func (c *call) scaled(x *G.Node, attribute string) *G.Node {
	by := float64(c.node.Float(attribute, 1))
	if by == 1 || x == nil {
		return x
	}
	if x.Dims() == 0 && x.Value() != nil { // gorgonia has no product of two numbers
		return c.b.Number(builder.Floats(x.Value())[0] * by)
	}
	return c.b.Mul(x, c.b.Number(by))
}

// matMul builds x · w for a matrix w; further dimensions of x are taken as more rows.
func matMul(c *call) (operand, error) {
	x, w, err := c.pair()
	if err != nil {
		return operand{}, err
	}
	shape := x.Shape()
	if w.Dims() != 2 || x.Dims() < 2 {
		return operand{}, fmt.Errorf("a product of shapes %v and %v: %w", x.Shape(), w.Shape(), ErrUnsupported)
	}
	width := shape[len(shape)-1]
	y := c.b.MatMul(c.b.Reshape(x, shape.TotalSize()/width, width), w)
	if c.b.Err() != nil {
		return operand{}, nil
	}
	return of(c.b.Reshape(y, append(append([]int{}, shape[:len(shape)-1]...), y.Shape()[1])...))
}
