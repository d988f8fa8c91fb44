package builder

import (
	"cmp"
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// likelihoods holds the differentiable halves of the likelihoods, one row each. Package dist has the other halves under
// the same names, and a test compares the two.
var likelihoods = map[string]likelihood{
	dist.Bernoulli: {(*Graph).LogLikelihoodBernoulli, (*Graph).Sigmoid},
}

// A likelihood is what a model needs to know about the distribution of a row's values.
type likelihood struct {
	// logP returns ln p(x|outputs) in nats a row, for x [batch, width] and outputs [batch, width·Outputs].
	logP func(b *Graph, x, outputs *G.Node) *G.Node
	// mean returns the mean of each value, the reconstruction, for outputs of [Model.OutputShape].
	mean func(b *Graph, outputs *G.Node) *G.Node
}

// LikelihoodName returns the name of the model's likelihood.
func (m Model) LikelihoodName() string { return cmp.Or(m.Likelihood, dist.Bernoulli) }

// LogLikelihood returns ln p(x|outputs) in nats a row, [batch], for rows x of [Model.InputShape], standardised where the
// model standardises, and outputs of [Model.OutputShape].
func (m Model) LogLikelihood(b *Graph, x, outputs *G.Node) *G.Node {
	l, ok := likelihoods[m.LikelihoodName()]
	if !ok {
		_, err := m.likelihood()
		return b.fail("%w", err)
	}
	return l.logP(b, b.flat(x), b.flat(outputs))
}

// Reconstruction returns the mean of a row's values given the decoder's outputs, in the units of the rows.
func (m Model) Reconstruction(b *Graph, outputs *G.Node) *G.Node {
	l, ok := likelihoods[m.LikelihoodName()]
	if !ok {
		_, err := m.likelihood()
		return b.fail("%w", err)
	}
	return m.restored(b, l.mean(b, outputs))
}

// LogLikelihoodBernoulli returns ln p(x | l) in nats, summed over the values of each row, for independent Bernoulli
// values with logits l:
//
//	ln p = Σ x l - sp(l),   sp(l) = max(l,0) + log1p(exp(-|l|))
//
// x and logits are [batch, width], x within [0,1] (a grey value counts as the expectation over its binarisation). It is
// finite for every finite l: no logarithm of a probability is taken. The result is [batch].
func (b *Graph) LogLikelihoodBernoulli(x, logits *G.Node) *G.Node {
	return b.logLikelihood(x, logits, false)
}

// logLikelihood is [Graph.LogLikelihoodBernoulli]; mean says that x is σ(logits).
func (b *Graph) logLikelihood(x, logits *G.Node, mean bool) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || logits == nil || logits.Dims() != 2 || !slices.Equal(x.Shape(), logits.Shape()) {
		return b.fail("the Bernoulli likelihood takes values and logits of one shape [batch, width], not %v", shapes(G.Nodes{x, logits}))
	}
	return b.apply(bernoulliOp{Shape: logits.Shape(), Mean: mean}, x, logits)
}
