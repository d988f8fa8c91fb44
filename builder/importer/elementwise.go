package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
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
	case "PRelu": // max(x,0) - slope max(-x,0)
		return of(c.b.Sub(c.b.LeakyReLU(x, 0), c.b.Mul(c.b.LeakyReLU(c.b.Neg(x), 0), y)))
	}
	return of(c.b.Greater(x, y)) // 0 and 1 stand for false and true: only a Cast may read them
}

// power builds squares, square roots and the exponents 1 and -1.
func power(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if len(c.in) < 2 {
		return operand{}, fmt.Errorf("the exponent is missing: %w", ErrGraph)
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
		return of(b.Activate(builder.Tanh, x))
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
	case "Elu":
		return of(c.elu(x, float64(c.node.Float("alpha", 1))))
	case "Selu":
		return of(b.Mul(c.elu(x, float64(c.node.Float("alpha", 1.67326319217681884765625))), b.Number(float64(c.node.Float("gamma", 1.05070102214813232421875)))))
	case "Abs":
		return of(b.Add(b.LeakyReLU(x, 0), b.LeakyReLU(b.Neg(x), 0)))
	case "Erf":
		return of(b.Erf(x))
	}
	return of(b.Mul(b.Mul(x, b.Number(0.5)), b.Add(c.gate(x), b.Number(1)))) // Gelu
}

// elu returns max(x,0) + alpha (e^min(x,0) - 1), with min(x,0) = -max(-x,0).
func (c *call) elu(x *G.Node, alpha float64) *G.Node {
	b := c.b
	below := b.Sub(b.Exp(b.Neg(b.LeakyReLU(b.Neg(x), 0))), b.Number(1))
	return b.Add(b.LeakyReLU(x, 0), b.Mul(below, b.Number(alpha)))
}

// gate returns what Gelu weighs x by, 2Φ(x) - 1: erf(x/√2), or tanh(√(2/π) (x + 0.044715 x³)) near it.
func (c *call) gate(x *G.Node) *G.Node {
	b := c.b
	if c.node.Text("approximate", "none") == "none" {
		return b.Erf(b.Mul(x, b.Number(1/math.Sqrt2)))
	}
	cubed := b.Mul(b.Square(x), x)
	return b.Activate(builder.Tanh, b.Mul(b.Add(x, b.Mul(cubed, b.Number(0.044715))), b.Number(math.Sqrt(2/math.Pi))))
}

// clip builds min(max(x, least), most) for known bounds: attributes before opset 11, operands since.
func clip(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	b, y := c.b, x
	least, given, err := c.bound(1, "min")
	if err != nil {
		return operand{}, err
	}
	if given {
		y = b.Add(b.LeakyReLU(b.Sub(x, b.Number(least)), 0), b.Number(least))
	}
	most, given, err := c.bound(2, "max")
	if err != nil {
		return operand{}, err
	}
	if given {
		y = b.Sub(y, b.LeakyReLU(b.Sub(y, b.Number(most)), 0))
	}
	return of(y)
}

// bound returns a known bound of Clip, and whether there is one.
func (c *call) bound(i int, name string) (x float64, given bool, err error) {
	if v, ok := c.node.Attributes[name].(float32); ok {
		return float64(v), true, nil
	}
	if !c.has(i) {
		return 0, false, nil
	}
	if c.in[i].known == nil {
		return 0, false, fmt.Errorf("a bound that depends on the rows: %w", ErrUnsupported)
	}
	values, err := floats(c.in[i].known)
	if err == nil && len(values) != 1 {
		err = fmt.Errorf("a bound of %d numbers: %w", len(values), ErrGraph)
	}
	if err != nil {
		return 0, false, err
	}
	return values[0], true, nil
}
