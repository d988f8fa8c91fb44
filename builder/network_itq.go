package builder

import (
	"context"

	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// ITQ is an encoder of the rows' principal components, turned so that they are most like their own signs: iterative quantisation, Gong and
// Lazebnik, CVPR 2011. With more bits than a row has values the rotation becomes a tight frame. It is fitted to 10,000 rows at most.
type ITQ struct {
	Gain float64 `json:"gain,omitempty" doc:"root mean square of the logits that the fitted map gives; the bits do not depend on it; left out or 0: 8" when:"to 2 or so where the map is trained further, so that bits can still turn" range:"[0,1e6]"`
}

var _ FittedNetwork = ITQ{}

// Kind implements [Network].
func (ITQ) Kind() string { return "itq" }

// Check implements [Network].
func (n ITQ) Check(part string) error { return checkFitted(n.Kind(), part, n.Gain) }

// Plan implements [Network].
func (ITQ) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	return planLinear(in, s)
}

// Build implements [Network].
func (ITQ) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node { return buildLinear(b, x, s) }

// Fit implements [FittedNetwork].
func (n ITQ) Fit(ctx context.Context, in, _ Rows, s NetworkSpec, seed uint64) (LinearMap, float64, error) {
	return fitCodes(ctx, (*projection.Data).ITQ, in, s.Out, n.Gain, seed)
}
