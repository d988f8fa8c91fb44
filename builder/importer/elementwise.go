package importer

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
)

// stretch brings x to the shape of like, as ONNX broadcasts: along axes that x lacks, or in which it has one element.
func (c *call) stretch(x, like *G.Node) (*G.Node, error) {
	if c.b.Err() != nil || x.Dims() == 0 || slices.Equal(x.Shape(), like.Shape()) {
		return x, nil
	}
	missing := like.Dims() - x.Dims()
	if missing < 0 {
		return nil, c.mismatch(x, like)
	}
	var axes, kept []int
	for i, d := range like.Shape() {
		switch {
		case i < missing || x.Shape()[i-missing] == 1 && d != 1:
			axes = append(axes, i)
		case x.Shape()[i-missing] == d:
			kept = append(kept, d)
		default:
			return nil, c.mismatch(x, like)
		}
	}
	if len(kept) == 0 {
		x = c.b.Sum(x) // of one element: a number
		if c.b.Err() != nil {
			return nil, nil
		}
		return x, nil
	}
	return c.b.ExpandLike(c.b.Reshape(x, kept...), like, axes...), nil
}

func (c *call) mismatch(x, like *G.Node) error {
	return fmt.Errorf("shapes %v and %v: %w: of two operands one is stretched, to the shape of the other", x.Shape(), like.Shape(), ErrUnsupported)
}

// elementwise builds operators of two operands.
func elementwise(c *call) (operand, error) {
	x, y, err := c.pair()
	if err != nil {
		return operand{}, err
	}
	if x.Shape().TotalSize() >= y.Shape().TotalSize() && x.Dims() >= y.Dims() {
		y, err = c.stretch(y, x)
	} else {
		x, err = c.stretch(x, y)
	}
	if err != nil {
		return operand{}, err
	}
	switch c.node.Op {
	case "Add":
		return of(c.b.Add(x, y))
	case "Sub":
		return of(c.b.Sub(x, y))
	case "Mul":
		return of(c.b.Mul(x, y))
	case "Div":
		return of(c.b.Div(x, y))
	case "Less":
		return of(c.b.Greater(y, x))
	}
	return of(c.b.Greater(x, y)) // 0 and 1 stand for false and true: only a Cast may read them
}

// power builds squares, square roots and the exponents 1 and -1.
func power(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if t := c.in[1].known; t != nil {
		if values, err := floats(t); err == nil && len(values) == 1 {
			switch values[0] {
			case 2:
				return of(c.b.Square(x))
			case 1:
				return of(x)
			case 0.5:
				return of(c.b.Sqrt(x))
			case -1:
				return of(c.b.Div(c.b.Number(1), x))
			}
		}
	}
	return operand{}, fmt.Errorf("an exponent other than 2, 1, 0.5 and -1: %w", ErrUnsupported)
}

// unary builds operators of one operand.
func unary(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	b := c.b
	switch c.node.Op {
	case "Relu":
		return of(b.LeakyReLU(x, 0))
	case "LeakyRelu":
		return of(b.LeakyReLU(x, float64(c.node.Float("alpha", 0.01))))
	case "Tanh":
		return of(b.Activate("tanh", x))
	case "Sigmoid":
		return of(b.Sigmoid(x))
	case "Softplus":
		return of(b.Softplus(x))
	case "Exp":
		return of(b.Exp(x))
	case "Log":
		return of(b.Log(x))
	case "Sqrt":
		return of(b.Sqrt(x))
	case "Neg":
		return of(b.Neg(x))
	case "Reciprocal":
		return of(b.Div(b.Number(1), x))
	case "Elu": // max(x,0) + alpha (e^min(x,0) - 1), min(x,0) = -max(-x,0)
		below := b.Sub(b.Exp(b.Neg(b.LeakyReLU(b.Neg(x), 0))), b.Number(1))
		return of(b.Add(b.LeakyReLU(x, 0), b.Mul(below, b.Number(float64(c.node.Float("alpha", 1))))))
	}
	if c.node.Text("approximate", "none") != "tanh" { // Gelu
		return operand{}, fmt.Errorf("gorgonia has no error function: export it with the approximation \"tanh\": %w", ErrUnsupported)
	}
	cubed := b.Mul(b.Square(x), x)
	inner := b.Mul(b.Add(x, b.Mul(cubed, b.Number(0.044715))), b.Number(math.Sqrt(2/math.Pi)))
	return of(b.Mul(b.Mul(x, b.Number(0.5)), b.Add(b.Activate("tanh", inner), b.Number(1))))
}
