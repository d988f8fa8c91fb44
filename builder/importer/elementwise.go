package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// stretch brings x to the shape of like, as ONNX broadcasts: along axes that x lacks, or in which it has one element.
func (c *call) stretch(x, like *G.Node) (*G.Node, error) {
	if c.b.Err() != nil || x.Dims() == 0 || slices.Equal(x.Shape(), like.Shape()) {
		return x, nil
	}
	missing := like.Dims() - x.Dims()
	if missing < 0 {
		return nil, mismatch(x.Shape(), like)
	}
	var axes, kept []int
	for i, d := range like.Shape() {
		switch {
		case i < missing || x.Shape()[i-missing] == 1 && d != 1:
			axes = append(axes, i)
		case x.Shape()[i-missing] == d:
			kept = append(kept, d)
		default:
			return nil, mismatch(x.Shape(), like)
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

func mismatch(shape []int, like *G.Node) error {
	return fmt.Errorf("shapes %v and %v do not fit: %w", shape, like.Shape(), ErrGraph)
}

// binary builds operators of two operands, which are stretched to one shape.
func binary(f func(b *builder.Graph, x, y *G.Node) *G.Node) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		x, y, err := c.pair()
		if err != nil {
			return operand{}, err
		}
		nodes, err := c.align(x, y)
		if err != nil {
			return operand{}, err
		}
		return of(f(c.b, nodes[0], nodes[1]))
	}
}

// pRelu returns max(x,0) - slope max(-x,0).
func pRelu(b *builder.Graph, x, slope *G.Node) *G.Node {
	return b.Sub(b.LeakyReLU(x, 0), b.Mul(b.LeakyReLU(b.Neg(x), 0), slope))
}

// mostFactors is the largest exponent that is written as products.
const mostFactors = 8

// power builds small whole exponents, square roots and reciprocals. gorgonia has no gradient of other powers.
func power(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if t := c.in[1].known; t != nil && len(t.Shape) <= x.Dims() {
		switch exponent, _ := oneNumber(t); exponent {
		case 2:
			return of(c.b.Square(x))
		case 1:
			return of(x)
		case 0.5:
			return of(c.b.Sqrt(x))
		case -1:
			return of(c.b.Div(c.b.Number(1), x))
		case 3, 4, 5, 6, 7, mostFactors:
			y := c.b.Square(x)
			for range int(exponent) - 2 {
				y = c.b.Mul(y, x)
			}
			return of(y)
		}
	}
	return operand{}, fmt.Errorf("an exponent other than 0.5, -1 and the whole ones from 1 to %d: %w", mostFactors, ErrUnsupported)
}

// oneNumber returns the number that a tensor of one element holds, a whole one too.
func oneNumber(t *onnxgraph.Tensor) (x float64, ok bool) {
	switch d := t.Data.(type) {
	case []int64:
		if len(d) == 1 {
			return float64(d[0]), true
		}
	case []int32:
		if len(d) == 1 {
			return float64(d[0]), true
		}
	default:
		if values, err := floats(t); err == nil && len(values) == 1 {
			return values[0], true
		}
	}
	return 0, false
}

// unary builds operators of one operand.
func unary(f func(c *call, x *G.Node) *G.Node) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		x, err := c.tensorAt(0)
		if err != nil {
			return operand{}, err
		}
		return of(f(c, x))
	}
}

// plain is an operator without attributes that builder has.
func plain(f func(b *builder.Graph, x *G.Node) *G.Node) func(*call, *G.Node) *G.Node {
	return func(c *call, x *G.Node) *G.Node { return f(c.b, x) }
}

func relu(c *call, x *G.Node) *G.Node { return c.b.LeakyReLU(x, 0) }

func leakyRelu(c *call, x *G.Node) *G.Node {
	return c.b.LeakyReLU(x, float64(c.node.Float("alpha", 0.01)))
}

func tanh(c *call, x *G.Node) *G.Node { return c.b.Activate(builder.Tanh, x) }

func reciprocal(c *call, x *G.Node) *G.Node { return c.b.Div(c.b.Number(1), x) }

// clip builds min(max(x, least), most) for known bounds: attributes before opset 11, operands since. Between the bounds x stays as
// it is to the bit, however far away they are.
func clip(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	least, err := c.bound(1, "min", math.Inf(-1))
	if err != nil {
		return operand{}, err
	}
	most, err := c.bound(2, "max", math.Inf(1))
	if err != nil {
		return operand{}, err
	}
	return of(c.clamp(x, least, most))
}

// clamp returns min(max(x, least), most). Its gradient at a bound is that of x.
func (c *call) clamp(x *G.Node, least, most float64) *G.Node {
	b := c.b
	if !math.IsInf(least, 0) {
		bound := b.Number(least)
		x = b.Where(b.Greater(bound, x), bound, x)
	}
	if !math.IsInf(most, 0) {
		bound := b.Number(most)
		x = b.Where(b.Greater(x, bound), bound, x)
	}
	return x
}

// unbounded is the magnitude from which a bound of Clip is none: the largest number of float32, which exporters write for it.
const unbounded = math.MaxFloat32

// bound returns a known bound of Clip, or absent where there is none.
func (c *call) bound(i int, name string, absent float64) (float64, error) {
	x, ok := 0.0, false
	if v, is := c.node.Attributes[name].(float32); is {
		x = float64(v)
	} else {
		switch {
		case !c.has(i):
			return absent, nil
		case c.in[i].known == nil:
			return 0, fmt.Errorf("a bound that depends on the rows: %w", ErrUnsupported)
		}
		switch d := c.in[i].known.Data.(type) { // infinities too
		case []float32:
			if ok = len(d) == 1; ok {
				x = float64(d[0])
			}
		case []float64:
			if ok = len(d) == 1; ok {
				x = d[0]
			}
		}
		if !ok {
			return 0, fmt.Errorf("the bound %q is no number: %w", name, ErrGraph)
		}
	}
	switch {
	case math.IsNaN(x):
		return 0, fmt.Errorf("the bound %q is NaN: %w", name, ErrGraph)
	case absent < 0 && x <= -unbounded, absent > 0 && x >= unbounded:
		return absent, nil
	}
	return x, nil
}
