package builder

import (
	G "gorgonia.org/gorgonia"
)

// Linear returns x W + b for x of [batch, in]: the result is [batch, out]. W [in, out] is the parameter
// "<name>/weight", drawn with init; b [out] is "<name>/bias" and starts at zero.
func (b *Graph) Linear(name string, x *G.Node, out int, init Init) *G.Node {
	return b.linear(name, x, out, init, Zeros)
}

// linear is [Graph.Linear] with an initialiser for the bias.
func (b *Graph) linear(name string, x *G.Node, out int, init, bias Init) *G.Node {
	return b.In(name, func() *G.Node { return b.product(x, out, init, bias) })
}

// product is [Graph.Linear] of the part under construction; bias is nil for none.
func (b *Graph) product(x *G.Node, out int, init, bias Init) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() != 2 {
		return b.fail("a linear layer takes [batch, width], not %v", shapes(G.Nodes{x}))
	}
	w := b.Parameter("weight", init, x.Shape()[1], out)
	if bias == nil {
		return b.MatMul(x, w)
	}
	offset := b.Parameter("bias", bias, out)
	xw := b.MatMul(x, w)
	return b.Add(xw, b.ExpandLike(offset, xw, 0))
}

// MatMul returns the matrix product of x [m, k] and y [k, n].
func (b *Graph) MatMul(x, y *G.Node) *G.Node {
	if b.err == nil && (x == nil || y == nil || x.Dims() != 2 || y.Dims() != 2) { // gorgonia has other products for them
		return b.fail("a matrix product takes [m, k] and [k, n], not %v", shapes(G.Nodes{x, y}))
	}
	return b.make("gorgonia.linAlgBinOp A × B", func() (*G.Node, error) { return G.Mul(x, y) }, x, y)
}
