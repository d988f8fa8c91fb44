package builder

import (
	"maps"
	"slices"

	G "gorgonia.org/gorgonia"
)

// FamilyKinds and LikelihoodKinds are the keys of the halves that this package has.
func FamilyKinds() []string     { return slices.Sorted(maps.Keys(families)) }
func LikelihoodKinds() []string { return slices.Sorted(maps.Keys(likelihoods)) }

// WithEstimator adds an estimator to the table until it is called back.
func WithEstimator(name string, e Estimator) (undo func()) {
	estimators[name] = e
	return func() { delete(estimators, name) }
}

// OpOf returns the op of a node.
func OpOf(n *G.Node) G.Op { return n.Op() }
