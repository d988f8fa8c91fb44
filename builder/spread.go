package builder

import (
	"math"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// A spread makes the outputs of a likelihood with a location and a spread, whose logarithm is the second output of a value.
type spread struct {
	variance string  // as dist.LikelihoodConfig has it
	name     string  // of the parameter, where it is shared
	least    float64 // of one that is trained
	fixed    float64 // the logarithm, where it is fixed
}

// newSpread returns the spread of a configuration. logarithm is of a fixed standard deviation.
func newSpread(c dist.LikelihoodConfig, name string, least float64, logarithm func(deviation float64) float64) spread {
	s := spread{variance: c.Variance, name: name, least: least}
	if c.Variance == dist.VarianceFixed {
		s.fixed = logarithm(c.Canonical().Deviation)
	}
	return s
}

// location is the first output of a value, which is its mean.
func location(b *Graph, outputs *G.Node) *G.Node { return b.Part(outputs, 0) }

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

// parameter returns the value of the shared parameter for a logarithm: the inverse of what outputs makes of it, as near as the bound lets it.
func (s spread) parameter(logarithm float64) float64 {
	above := max(logarithm-s.least, 1e-3)
	return (s.least + above + math.Log(-math.Expm1(-above))) / spreadPace // ln(eˣ - 1) = x + ln(1 - e⁻ˣ)
}

// bounded returns least + sp(x - least): see dist.Bounded.
func (b *Graph) bounded(x *G.Node, least float64) *G.Node {
	return b.Add(b.Softplus(b.Sub(x, b.Number(least))), b.Number(least))
}
