package builder

import (
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// likelihoods holds the differentiable halves of the likelihoods, one row each. Package dist has the other halves under
// the same names, and a test compares the two.
var likelihoods = map[string]func(c dist.LikelihoodConfig) likelihood{
	dist.Bernoulli:      bernoulliLikelihood,
	dist.Gaussian:       gaussianLikelihood,
	dist.Laplace:        laplaceLikelihood,
	dist.Logistic:       logisticLikelihood,
	dist.Categorical:    categoricalLikelihood,
	dist.Multinomial:    multinomialLikelihood,
	dist.Poisson:        poissonLikelihood,
	dist.VonMisesFisher: vonMisesFisher,
}

// A likelihood is what a model needs to know about the distribution of a row's values.
type likelihood struct {
	// outputs returns the decoder's outputs [..., Outputs] of what its network predicts, [..., Predicted], or [...] where that
	// is 1. nil where the network predicts them all as they are.
	outputs func(b *Graph, predicted *G.Node) *G.Node
	// logP returns ln p(x|outputs) in nats a row, for x [batch, width] and outputs [batch, width, Outputs], or [batch, width]
	// where a value has one.
	logP func(b *Graph, x, outputs *G.Node) *G.Node
	// mean returns the mean of each value, the reconstruction, for outputs of [Model.OutputShape].
	mean func(b *Graph, outputs *G.Node) *G.Node
	// spread returns the parameter that all values share, and its value where the mean square of what the means leave of rows is left;
	// nil where there is none that least squares give.
	spread func(left float64) (name string, value float64)
}

// LikelihoodName returns the name of the model's likelihood.
func (m Model) LikelihoodName() string { return m.Likelihood.Name() }

// half returns the half of the model's likelihood that this package has, or nil after it has failed.
func (m Model) half(b *Graph) *likelihood {
	if _, err := m.likelihood(); err != nil {
		b.fail("%w", err)
		return nil
	}
	l := likelihoods[m.LikelihoodName()](m.Likelihood)
	return &l
}

// LogLikelihood returns ln p(x|outputs) in nats a row, [batch], for rows x of [Model.TargetShape], or flat, standardised where the
// model standardises, and outputs of [Model.OutputShape].
func (m Model) LogLikelihood(b *Graph, x, outputs *G.Node) *G.Node {
	l := m.half(b)
	if l == nil {
		return nil
	}
	if k := m.OutputShape(1); len(k) > len(m.Input)+1 {
		x = b.flat(x)
		return l.logP(b, x, b.rowOutputs(x, outputs, k[len(k)-1]))
	}
	return l.logP(b, b.flat(x), b.flat(outputs))
}

// rowOutputs returns outputs as [batch, width, k] for rows x [batch, width].
func (b *Graph) rowOutputs(x, outputs *G.Node, k int) *G.Node {
	if b.err != nil {
		return nil
	}
	if outputs == nil {
		return b.fail("the likelihood: %w", errNil)
	}
	if source, ok := b.source[outputs]; ok {
		outputs = source
	}
	return b.Reshape(outputs, append([]int(x.Shape().Clone()), k)...)
}

// Reconstruction returns the mean of a row's values given the decoder's outputs, in the units of the rows.
func (m Model) Reconstruction(b *Graph, outputs *G.Node) *G.Node {
	if l := m.half(b); l != nil {
		return m.restored(b, l.mean(b, outputs))
	}
	return nil
}
