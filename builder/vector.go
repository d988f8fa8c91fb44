package builder

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// checkVector reports a vector's standard that does not fit the rows or their likelihood.
func (m Model) checkVector(l dist.Likelihood) error {
	s := m.Standard
	if len(m.Input) != 1 {
		return fmt.Errorf("data.vector is for rows of numbers, and these have the shape %v: leave the keys out", m.Input)
	}
	if err := s.Check(m.Width()); err != nil {
		return fmt.Errorf("data.vector.%w", err)
	}
	if len(s.Mean) > dist.MaxStandardColumns {
		return fmt.Errorf("data.vector.steps has %s for %d values: at most %d have a mean of their own: set data.vector.truncate", dist.Centre, len(s.Mean), dist.MaxStandardColumns)
	}
	if m.Binarize > 0 {
		return fmt.Errorf("data.vector is given, and rows are binarised in the graph: set data.binarize=none")
	}
	if !m.Cut.IsZero() {
		return fmt.Errorf("data.vector is given, and data.predict %d: a part of a direction is none: leave one out", m.Cut.Lines)
	}
	return CheckVector(s.Vector, m.LikelihoodName(), l)
}

// CheckVector reports a way to prepare vectors that does not fit a likelihood, with the way out.
func CheckVector(v dist.Vector, name string, l dist.Likelihood) error {
	switch directions := name == dist.VonMisesFisher; {
	case v.IsZero():
		return nil
	case directions && v.EndsCentred():
		return fmt.Errorf("data.vector.steps ends with %s, and likelihood.kind is %s, which gives directions: the mean could not be added to one: end with %s, or set likelihood.kind=%s", dist.Centre, name, dist.Normalise, dist.Gaussian)
	case !directions && !l.Standardises():
		return fmt.Errorf("data.vector is given, and values of the likelihood %s are no coordinates of a direction: set likelihood.kind to %s or %s, or leave the keys out", name, dist.Gaussian, dist.VonMisesFisher)
	}
	return nil
}

// prepared returns rows as the steps of the model's vector make them: [batch, values that are left].
func (m Model) prepared(b *Graph, x *G.Node) *G.Node {
	x = b.flat(x)
	if n := m.Standard.Vector.Truncate; n > 0 {
		x = b.Slice(x, 1, 0, 1, n)
	}
	for _, step := range m.Standard.Vector.Steps {
		if b.err != nil {
			return nil
		}
		if step == dist.Centre {
			x = b.Sub(x, m.vectorMean(b, x))
			continue
		}
		x = b.Div(x, b.ExpandLike(b.length(x, dist.RowSquare), x, 1))
	}
	return x
}

// addedMean returns rows z with the mean added that was subtracted last; z where that is no mean.
func (m Model) addedMean(b *Graph, z *G.Node) *G.Node {
	if b.err != nil || z == nil || !m.Standard.Vector.EndsCentred() {
		return z
	}
	shape := slices.Clone(z.Shape())
	return b.In("decoder", func() *G.Node {
		x := b.flat(z)
		return b.Reshape(b.Add(x, m.vectorMean(b, x)), shape...)
	})
}

// vectorMean returns the mean that is subtracted, for each of the rows x [batch, width].
func (m Model) vectorMean(b *Graph, x *G.Node) *G.Node {
	return b.ExpandLike(b.Constant(b.path("standard/mean"), m.Standard.Mean, len(m.Standard.Mean)), x, 0)
}
