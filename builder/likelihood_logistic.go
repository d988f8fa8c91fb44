package builder

import (
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func logisticLikelihood(c dist.LikelihoodConfig) likelihood {
	s := newSpread(c, "log_scale", dist.LeastLogisticLogScale, dist.LogisticLogScale)
	return likelihood{
		outputs: s.outputs,
		logP: func(b *Graph, x, outputs *G.Node) *G.Node {
			return b.LogLikelihoodLogistic(x, outputs, levelsOf(c))
		},
		mean: func(b *Graph, outputs *G.Node) *G.Node {
			return b.unitRange(b.Mul(b.Add(b.Part(outputs, 0), b.Number(1)), b.Number(0.5)))
		},
	}
}

// levelsOf returns how many whole numbers there are.
func levelsOf(c dist.LikelihoodConfig) int {
	if c.Levels == 0 {
		return 256
	}
	return c.Levels
}

// LogLikelihoodLogistic returns ln p(x | m, s) in nats, summed over the values of each row, for independent whole numbers
// v = x(levels-1) of discretised logistic distributions of location m and scale e^s, both of t = 2x - 1:
//
//	ln p = -sp(-a) - sp(b) + ln(1 - e^(-2h/e^s)),   a = (t-m+h)/e^s,   b = (t-m-h)/e^s,   h = 1/(levels-1)
//
// The lowest number leaves sp(b) and the last term out, the highest sp(-a) and the last term: see dist. x is [batch, width] within
// [0,1], outputs [batch, width, 2] of m and s. The result is [batch]. x has no part in the gradient of the ends.
func (b *Graph) LogLikelihoodLogistic(x, outputs *G.Node, levels int) *G.Node {
	h := 1 / float64(levels-1)
	inverse := b.Exp(b.Neg(b.Part(outputs, 1)))
	away := b.Sub(b.Sub(b.Mul(x, b.Number(2)), b.Number(1)), b.Part(outputs, 0))
	above := b.Softplus(b.Neg(b.Mul(b.Add(away, b.Number(h)), inverse)))
	below := b.Softplus(b.Mul(b.Sub(away, b.Number(h)), inverse))
	width := b.Mul(inverse, b.Number(2*h))
	notFirst := b.Greater(x, b.Number(0.5*h))
	notLast := b.Sub(b.Number(1), b.Greater(x, b.Number(1-0.5*h)))
	inner := b.Mul(b.Mul(notFirst, notLast), b.logOneMinusExp(width))
	return b.Sum(b.Sub(inner, b.Add(b.Mul(notLast, above), b.Mul(notFirst, below))), 1)
}

// logOneMinusExp returns ln(1 - e^-u) for u above 0, as ln tanh(u/2) + ln(1 + e^-u): no difference is taken of numbers that are
// alike, however small u is.
func (b *Graph) logOneMinusExp(u *G.Node) *G.Node {
	return b.Add(b.Log(b.Activate(Tanh, b.Mul(u, b.Number(0.5)))), b.Softplus(b.Neg(u)))
}

// unitRange returns x, cut to [0,1].
func (b *Graph) unitRange(x *G.Node) *G.Node {
	most := b.Sub(b.Number(1), b.Activate(ReLU, x))
	return b.Sub(b.Number(1), b.Activate(ReLU, most))
}
