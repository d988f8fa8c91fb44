package builder

import (
	"math"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func gaussianLikelihood(c dist.LikelihoodConfig) likelihood {
	s := newSpread(c, "log_variance", dist.LeastLogVariance, func(deviation float64) float64 { return 2 * math.Log(deviation) })
	l := likelihood{outputs: s.outputs, logP: (*Graph).LogLikelihoodGaussian, mean: location}
	if c.Variance != dist.VariancePredicted && c.Variance != dist.VarianceFixed {
		l.spread = func(left float64) (string, float64) { return s.name, s.parameter(math.Log(left)) }
	}
	return l
}

// LogLikelihoodGaussian returns ln p(x | m, v) in nats, summed over the values of each row, for independent normal values of
// mean m and variance e^v:
//
//	ln p = -1/2 Σ ln 2π + v + (x-m)² e^-v
//
// x is [batch, width], outputs [batch, width, 2] of m and v. The result is [batch].
func (b *Graph) LogLikelihoodGaussian(x, outputs *G.Node) *G.Node {
	v := b.Part(outputs, 1)
	square := b.Mul(b.Square(b.Sub(x, b.Part(outputs, 0))), b.Exp(b.Neg(v)))
	return b.Mul(b.Number(-0.5), b.Sum(b.Add(b.Add(square, v), b.Number(math.Log(2*math.Pi))), 1))
}
