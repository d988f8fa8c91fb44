package builder

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// The elementwise expressions take operands of one shape, or a tensor and a scalar. Use [Graph.ExpandLike] to give
// operands one shape.

// Add returns x + y.
func (b *Graph) Add(x, y *G.Node) *G.Node { return b.binary("+", G.Add, x, y) }

// Sub returns x - y.
func (b *Graph) Sub(x, y *G.Node) *G.Node { return b.binary("-", G.Sub, x, y) }

// Mul returns x y, element by element.
func (b *Graph) Mul(x, y *G.Node) *G.Node { return b.binary("⊙", G.HadamardProd, x, y) }

// Div returns x / y, element by element.
func (b *Graph) Div(x, y *G.Node) *G.Node { return b.binary("÷", G.HadamardDiv, x, y) }

// Greater returns 1 where x > y and 0 elsewhere, NaN included, in the operands' type. It has no gradient.
func (b *Graph) Greater(x, y *G.Node) *G.Node {
	return b.pair("gorgonia.elemBinOp > true", func(x, y *G.Node) (*G.Node, error) { return G.Gt(x, y, true) }, x, y)
}

// Neg returns -x.
func (b *Graph) Neg(x *G.Node) *G.Node { return b.unary("neg", G.Neg, x) }

// Exp returns eˣ.
func (b *Graph) Exp(x *G.Node) *G.Node { return b.unary("exp", G.Exp, x) }

// Log returns ln x. Do not write Log(1-Sigmoid(l)): it is -∞ from l = 17 on in float32; use -Softplus(l).
func (b *Graph) Log(x *G.Node) *G.Node { return b.unary("ln", G.Log, x) }

// Sqrt returns √x.
func (b *Graph) Sqrt(x *G.Node) *G.Node { return b.unary("sqrt", G.Sqrt, x) }

// Abs returns |x|. Its gradient is 0 at 0.
func (b *Graph) Abs(x *G.Node) *G.Node { return b.unary("abs", G.Abs, x) }

// Square returns x².
func (b *Graph) Square(x *G.Node) *G.Node { return b.unary("square", G.Square, x) }

func (b *Graph) binary(symbol string, f func(x, y *G.Node) (*G.Node, error), x, y *G.Node) *G.Node {
	return b.pair("gorgonia.elemBinOp "+symbol+" false", f, x, y)
}

// pair makes a node of two operands of one shape, or a tensor and a scalar. gorgonia calls [n] and [1,n] equal.
func (b *Graph) pair(want string, f func(x, y *G.Node) (*G.Node, error), x, y *G.Node) *G.Node {
	if b.err == nil && x != nil && y != nil && x.Dims() > 0 && y.Dims() > 0 && !slices.Equal(x.Shape(), y.Shape()) {
		return b.fail("%s of shapes %v and %v: they must be equal, or one a scalar; see ExpandLike", want, x.Shape(), y.Shape())
	}
	return b.make(want, func() (*G.Node, error) { return f(x, y) }, x, y)
}

func (b *Graph) unary(name string, f func(*G.Node) (*G.Node, error), x *G.Node) *G.Node {
	return b.make("gorgonia.elemUnaryOp "+name, func() (*G.Node, error) { return f(x) }, x)
}
