package builder

import (
	"fmt"
	"strconv"

	G "gorgonia.org/gorgonia"
)

// Linear returns x W + b for x of [batch, in]: the result is [batch, out]. W [in, out] is the parameter
// "<name>/weight", drawn with init; b [out] is "<name>/bias" and starts at zero.
func (b *Graph) Linear(name string, x *G.Node, out int, init Init) *G.Node {
	return b.In(name, func() *G.Node {
		if b.err != nil {
			return nil
		}
		if x == nil || x.Dims() != 2 {
			return b.fail("a linear layer takes [batch, width], not %v", shapes(G.Nodes{x}))
		}
		w := b.Parameter("weight", init, x.Shape()[1], out)
		bias := b.Parameter("bias", Zeros, out)
		xw := b.MatMul(x, w)
		return b.Add(xw, b.ExpandLike(bias, xw, 0))
	})
}

// MatMul returns the matrix product of x [m, k] and y [k, n].
func (b *Graph) MatMul(x, y *G.Node) *G.Node {
	if b.err == nil && (x == nil || y == nil || x.Dims() != 2 || y.Dims() != 2) { // gorgonia has other products for them
		return b.fail("a matrix product takes [m, k] and [k, n], not %v", shapes(G.Nodes{x, y}))
	}
	return b.make("gorgonia.linAlgBinOp A × B", func() (*G.Node, error) { return G.Mul(x, y) }, x, y)
}

// An Activation is the nonlinearity between layers, by the name that configurations use.
type Activation string

// The activations. LeakyReLU has slope 0.01 below zero, as PyTorch's default.
const (
	ReLU      Activation = "relu"
	LeakyReLU Activation = "leaky_relu"
	Tanh      Activation = "tanh"
)

// Validate reports an activation that does not exist, with those that do.
func (a Activation) Validate() error {
	switch a {
	case ReLU, LeakyReLU, Tanh:
		return nil
	}
	return fmt.Errorf("builder: activation %q: use %q, %q or %q", a, ReLU, LeakyReLU, Tanh)
}

// Init returns the initialisation of weights that lead into the activation.
func (a Activation) Init() Init {
	if a == Tanh {
		return GlorotNormal
	}
	return HeNormal
}

// Activate applies an activation.
func (b *Graph) Activate(a Activation, x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("%s: %w", a, errNil)
	}
	switch a {
	case ReLU:
		return b.LeakyReLU(x, 0)
	case LeakyReLU:
		return b.LeakyReLU(x, 0.01)
	case Tanh:
		return b.unary("tanh", G.Tanh, x)
	}
	return b.fail("%w", a.Validate())
}

// LeakyReLU returns max(x, 0) + slope·min(x, 0), for a slope of at least 0.
func (b *Graph) LeakyReLU(x *G.Node, slope float64) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("a leaky ReLU: %w", errNil)
	}
	if !(slope >= 0) {
		return b.fail("a leaky ReLU of slope %g: its gradient is there for slopes from 0", slope)
	}
	return b.apply(reluOp{Dims: x.Dims(), Slope: slope}, x)
}

// MLP returns a multi-layer perceptron's output [batch, out] for x [batch, in]: hidden layers "1", "2", … of the given
// widths, each followed by the activation, then the linear layer "logits".
func (b *Graph) MLP(x *G.Node, hidden []int, a Activation, out int) *G.Node {
	for i, width := range hidden {
		x = b.Activate(a, b.Linear(strconv.Itoa(i+1), x, width, a.Init()))
	}
	return b.Linear("logits", x, out, GlorotNormal)
}
