package builder

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// checkStandard reports a standard that does not fit the rows or their likelihood.
func (m Model) checkStandard(l dist.Likelihood) error {
	s := m.Standard
	if s.IsZero() {
		return nil
	}
	if !s.Vector.IsZero() {
		return m.checkVector(l)
	}
	if err := s.Check(m.Width()); err != nil {
		return fmt.Errorf("data.standardise is %s: %w", s.Kind(), err)
	}
	if len(s.Mean) > dist.MaxStandardColumns {
		return fmt.Errorf("data.standardise is %s for rows of %d values: at most %d have a mean and a deviation of their own: use %s", s.Kind(), len(s.Mean), dist.MaxStandardColumns, dist.StandardAll)
	}
	if m.Binarize > 0 {
		return fmt.Errorf("data.standardise is %s, and rows are binarised in the graph: set data.binarize=none", s.Kind())
	}
	return CheckStandardise(s.Kind(), m.LikelihoodName(), l)
}

// CheckStandardise reports a way to standardise that does not fit a likelihood, with the way out.
func CheckStandardise(kind, name string, l dist.Likelihood) error {
	fits := func(l dist.Likelihood) bool { return l.Standardises() }
	what := "are not standardised"
	if kind == dist.StandardLog {
		fits, what = func(l dist.Likelihood) bool { return l.Values().Counts() }, "are no counts"
	}
	if kind == "" || kind == dist.StandardNone || fits(l) {
		return nil
	}
	out := ""
	for _, other := range dist.LikelihoodNames() {
		if o, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: other}); err == nil && fits(o) {
			out += ", or set likelihood.kind=" + other
		}
	}
	v := l.Values()
	return fmt.Errorf("data.standardise is %s: values of the likelihood %s, within [%g,%g], %s: leave the key out%s", kind, name, v.Least, v.Most, what, out)
}

// seen returns rows as the encoder's network sees them.
func (m Model) seen(b *Graph, x *G.Node) *G.Node {
	if !m.Standard.Vector.IsZero() {
		return m.prepared(b, x)
	}
	if m.Standard.Log {
		return b.Log(b.Add(x, b.Number(1)))
	}
	return m.standardised(b, m.binarized(b, x))
}

// explained returns rows as the likelihood sees them: the part that is predicted, where that is a part.
func (m Model) explained(b *Graph, x *G.Node) *G.Node {
	if !m.Standard.Vector.IsZero() {
		return b.In("target", func() *G.Node { return m.prepared(b, x) })
	}
	if len(m.Standard.Mean) == 0 {
		return m.targetPart(b, m.binarized(b, x))
	}
	return b.In("target", func() *G.Node { return m.targetPart(b, m.standardised(b, x)) })
}

// standardised returns (x - mean) / deviation, of x's shape or flat.
func (m Model) standardised(b *Graph, x *G.Node) *G.Node {
	if len(m.Standard.Mean) == 0 {
		return x
	}
	x, mean, deviation := standards(b, x, m.Standard)
	return b.Div(b.Sub(x, mean), deviation)
}

// restored returns the mean of the likelihood in the units of the rows: z·deviation + mean, of the shape of z.
func (m Model) restored(b *Graph, z *G.Node) *G.Node {
	if !m.Standard.Vector.IsZero() {
		return m.addedMean(b, z)
	}
	if len(m.Standard.Mean) == 0 || b.err != nil || z == nil {
		return z
	}
	shape := slices.Clone(z.Shape())
	return b.In("decoder", func() *G.Node {
		x, mean, deviation := standards(b, z, m.targetStandard())
		return b.Reshape(b.Add(b.Mul(x, deviation), mean), shape...)
	})
}

// standards returns rows, flat where each value has numbers of its own, with their means and deviations: numbers, or rows.
func standards(b *Graph, x *G.Node, s dist.Standard) (rows, mean, deviation *G.Node) {
	if len(s.Mean) == 1 {
		return x, b.Number(s.Mean[0]), b.Number(s.Deviation[0])
	}
	x = b.flat(x)
	each := func(name string, values []float64) *G.Node {
		return b.ExpandLike(b.Constant(b.path(name), values, len(values)), x, 0)
	}
	return x, each("standard/mean", s.Mean), each("standard/deviation", s.Deviation)
}
