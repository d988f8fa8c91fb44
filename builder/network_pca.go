package builder

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// PCA is an encoder whose bits are the signs of the rows' principal components, the most varied first. It has at most as many bits as a
// row has values.
type PCA struct {
	Gain float64 `json:"gain,omitempty" doc:"root mean square of the logits that the fitted map gives; the bits do not depend on it; left out or 0: 8" when:"to 2 or so where the map is trained further, so that bits can still turn" range:"[0,1e6]"`
}

var _ FittedNetwork = PCA{}

// Kind implements [Network].
func (PCA) Kind() string { return "pca" }

// Check implements [Network].
func (n PCA) Check(part string) error { return checkFitted(n.Kind(), part, n.Gain) }

// Plan implements [Network].
func (n PCA) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	if width := flattened(in); s.Out > width {
		return nil, fmt.Errorf("kind is %s: %d bits of rows of %d values, which have no more components: set latent.variables to %d or less, or encoder.kind to hyperplanes or itq", n.Kind(), s.Out, width, width)
	}
	return planLinear(in, s)
}

// Build implements [Network].
func (PCA) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node { return buildLinear(b, x, s) }

// Fit implements [FittedNetwork].
func (n PCA) Fit(ctx context.Context, in, _ Rows, s NetworkSpec, seed uint64) (LinearMap, float64, error) {
	return fitCodes(ctx, (*projection.Data).PCA, in, s.Out, n.Gain, seed)
}
