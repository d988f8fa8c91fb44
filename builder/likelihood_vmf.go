package builder

import (
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func vonMisesFisher(c dist.LikelihoodConfig) likelihood {
	return likelihood{
		logP: func(b *Graph, x, outputs *G.Node) *G.Node {
			return b.LogLikelihoodVonMisesFisher(x, outputs, c.Concentration)
		},
		mean: func(b *Graph, outputs *G.Node) *G.Node {
			o := b.flat(outputs)
			direction := b.Div(o, b.ExpandLike(b.length(o, dist.OutputSquare), o, 1))
			if b.err != nil {
				return nil
			}
			return b.Reshape(direction, outputs.Shape()...)
		},
	}
}

// LogLikelihoodVonMisesFisher returns ln p(x | o) in nats a row, for the direction of x under a von Mises-Fisher distribution around
// the direction of o:
//
//	ln p = κ cos(x,o) + ln C_d(κ)
//
// see dist. x and outputs are [batch, d]; concentration is κ, 0 for d. The result is [batch].
func (b *Graph) LogLikelihoodVonMisesFisher(x, outputs *G.Node, concentration float64) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() != 2 {
		return b.fail("the von Mises-Fisher likelihood takes rows [batch, width], not %v", shapes(G.Nodes{x}))
	}
	d := x.Shape()[1]
	if concentration == 0 {
		concentration = float64(d)
	}
	cosine := b.Div(b.Sum(b.Mul(x, outputs), 1), b.Mul(b.length(x, dist.RowSquare), b.length(outputs, dist.OutputSquare)))
	return b.Add(b.Mul(cosine, b.Number(concentration)), b.Number(dist.LogVonMisesFisher(d, concentration)))
}

// length returns √(Σ x² + square) of each row of x [batch, width].
func (b *Graph) length(x *G.Node, square float64) *G.Node {
	return b.Sqrt(b.Add(b.Sum(b.Square(x), 1), b.Number(square)))
}
