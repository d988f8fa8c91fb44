package builder

import (
	"math"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

func gaussianLikelihood(c dist.LikelihoodConfig) likelihood {
	s := spread{name: "log_variance", least: dist.LeastLogVariance, variance: c.Variance}
	if c.Variance == dist.VarianceFixed {
		s.fixed = 2 * math.Log(c.Canonical().Deviation)
	}
	return likelihood{
		outputs: s.outputs, logP: (*Graph).LogLikelihoodGaussian,
		mean: func(b *Graph, outputs *G.Node) *G.Node { return b.Part(outputs, 0) },
	}
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

// A spread makes the outputs of a likelihood with a location and a spread, whose logarithm is the second output of a value.
type spread struct {
	variance string  // as dist.LikelihoodConfig has it
	name     string  // of the parameter, where it is shared
	least    float64 // of one that is trained
	fixed    float64 // the logarithm, where it is fixed
}

// spreadPace is by how much a shared logarithm exceeds its parameter: an optimiser such as Adam moves every parameter by about
// its learning rate a step, and a logarithm has some way to go from its start, 0.
const spreadPace = 10

// outputs adds the second output to a location, or bounds the one that the network predicts: see dist.Bounded.
func (s spread) outputs(b *Graph, predicted *G.Node) *G.Node {
	switch s.variance {
	case dist.VariancePredicted:
		return b.Pair(b.Part(predicted, 0), b.bounded(b.Part(predicted, 1), s.least))
	case dist.VarianceFixed:
		return b.Pair(predicted, b.Constant(b.path(s.name), []float64{s.fixed}, 1))
	}
	return b.Pair(predicted, b.bounded(b.Mul(b.Parameter(s.name, Zeros, 1), b.Number(spreadPace)), s.least))
}

// bounded returns least + sp(x - least): see dist.Bounded.
func (b *Graph) bounded(x *G.Node, least float64) *G.Node {
	return b.Add(b.Softplus(b.Sub(x, b.Number(least))), b.Number(least))
}
