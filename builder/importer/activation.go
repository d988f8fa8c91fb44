package importer

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// abs returns max(x,0) + max(-x,0), whose gradient at 0 is 0.
func abs(b *builder.Graph, x *G.Node) *G.Node {
	return b.Add(b.LeakyReLU(x, 0), b.LeakyReLU(b.Neg(x), 0))
}

// elu returns max(x,0) + alpha (e^min(x,0) - 1).
func elu(c *call, x *G.Node) *G.Node { return c.elu(x, c.node.Float("alpha", 1)) }

// selu returns gamma times elu. The constants are those of the operator's page: https://onnx.ai/onnx/operators/onnx__Selu.html
func selu(c *call, x *G.Node) *G.Node {
	y := c.elu(x, c.node.Float("alpha", seluAlpha))
	return c.b.Mul(y, c.b.Number(float64(c.node.Float("gamma", seluGamma))))
}

const (
	seluAlpha = 1.67326319217681884765625
	seluGamma = 1.05070102214813232421875
)

// elu takes min(x,0) as -max(-x,0).
func (c *call) elu(x *G.Node, alpha float32) *G.Node {
	b := c.b
	below := b.Sub(b.Exp(b.Neg(relu(c, b.Neg(x)))), b.Number(1))
	return b.Add(relu(c, x), b.Mul(below, b.Number(float64(alpha))))
}

// gelu returns x Φ(x) = x/2 (1 + gate), where gate is erf(x/√2), or near it tanh(√(2/π) (x + 0.044715 x³)).
func gelu(c *call, x *G.Node) *G.Node {
	b, gate := c.b, (*G.Node)(nil)
	switch how := c.node.Text("approximate", "none"); how {
	case "none":
		gate = b.Erf(b.Mul(x, b.Number(1/math.Sqrt2)))
	case "tanh":
		cubed := b.Mul(b.Square(x), x)
		gate = tanh(c, b.Mul(b.Add(x, b.Mul(cubed, b.Number(0.044715))), b.Number(math.Sqrt(2/math.Pi))))
	default:
		return b.Fail(fmt.Errorf("the approximation %q: %w", how, ErrUnsupported))
	}
	return b.Mul(b.Mul(x, b.Number(0.5)), b.Add(gate, b.Number(1)))
}

// celu returns max(x,0) + alpha (e^min(x/alpha,0) - 1).
func celu(c *call, x *G.Node) *G.Node {
	b, alpha := c.b, c.node.Float("alpha", 1)
	if alpha == 0 {
		return b.Fail(fmt.Errorf("alpha is 0: %w", ErrGraph))
	}
	scaled := b.Div(x, b.Number(float64(alpha)))
	below := b.Sub(b.Exp(b.Neg(relu(c, b.Neg(scaled)))), b.Number(1))
	return b.Add(relu(c, x), b.Mul(below, b.Number(float64(alpha))))
}

// hardSigmoid returns min(max(alpha x + beta, 0), 1).
func hardSigmoid(c *call, x *G.Node) *G.Node {
	return c.ramp(x, float64(c.node.Float("alpha", 0.2)), float64(c.node.Float("beta", 0.5)))
}

func (c *call) ramp(x *G.Node, slope, offset float64) *G.Node {
	return c.clamp(c.b.Add(c.b.Mul(x, c.b.Number(slope)), c.b.Number(offset)), 0, 1)
}

// hardSwish returns x min(max(x/6 + 1/2, 0), 1).
func hardSwish(c *call, x *G.Node) *G.Node { return c.b.Mul(x, c.ramp(x, 1./6, 0.5)) }

// mish returns x tanh(ln(1 + eˣ)).
func mish(c *call, x *G.Node) *G.Node { return c.b.Mul(x, tanh(c, c.b.Softplus(x))) }

// softsign returns x / (1 + |x|).
func softsign(c *call, x *G.Node) *G.Node {
	return c.b.Div(x, c.b.Add(abs(c.b, x), c.b.Number(1)))
}

// thresholdedRelu returns x where it is greater than alpha, and 0 elsewhere.
func thresholdedRelu(c *call, x *G.Node) *G.Node {
	return c.b.Where(c.b.Greater(x, c.b.Number(float64(c.node.Float("alpha", 1)))), x, c.b.Number(0))
}
