package builder

import (
	"context"

	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// Hyperplanes is an encoder of random hyperplanes through the mean of the training rows: the bits of two rows, seen from the mean at an
// angle of θ, differ with probability θ/π. Charikar 2002, "Similarity estimation techniques from rounding algorithms", section 3.
type Hyperplanes struct {
	Gain float64 `json:"gain,omitempty" doc:"root mean square of the logits that the fitted map gives; the bits do not depend on it; left out or 0: 8" when:"to 2 or so where the map is trained further, so that bits can still turn" range:"[0,1e6]"`
}

var _ FittedNetwork = Hyperplanes{}

// Kind implements [Network].
func (Hyperplanes) Kind() string { return "hyperplanes" }

// Check implements [Network].
func (n Hyperplanes) Check(part string) error { return checkFitted(n.Kind(), part, n.Gain) }

// Plan implements [Network].
func (Hyperplanes) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	return planLinear(in, s)
}

// Build implements [Network].
func (Hyperplanes) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node { return buildLinear(b, x, s) }

// Fit implements [FittedNetwork].
func (n Hyperplanes) Fit(ctx context.Context, in, _ Rows, s NetworkSpec, seed uint64) (LinearMap, float64, error) {
	return fitCodes(ctx, (*projection.Data).Hyperplanes, in, s.Out, n.Gain, seed)
}
