package builder

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// LeastSquares is the linear decoder with the least squared error on the training rows and their codes, by a fitted encoder.
type LeastSquares struct{}

var _ FittedNetwork = LeastSquares{}

// Kind implements [Network].
func (LeastSquares) Kind() string { return "least_squares" }

// Check implements [Network].
func (n LeastSquares) Check(part string) error {
	if part == encoderPart {
		return fmt.Errorf("encoder.kind is %s, which makes rows of codes, and an encoder makes codes of rows: use hyperplanes, itq or pca, or a network that is trained such as mlp", n.Kind())
	}
	return nil
}

// Plan implements [Network].
func (LeastSquares) Plan(in []int, s NetworkSpec) ([]Layer, error) { return planLinear(in, s) }

// Build implements [Network].
func (LeastSquares) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node { return buildLinear(b, x, s) }

// Fit implements [FittedNetwork].
func (LeastSquares) Fit(_ context.Context, in, out Rows, _ NetworkSpec, _ uint64) (LinearMap, float64, error) {
	m, left, err := projection.LeastSquares(projection.Rows(in), projection.Rows(out))
	return LinearMap(m), left, err
}
