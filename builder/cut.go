package builder

import (
	"fmt"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// PriorConditional is p(z|x), the encoder's own distribution: the prior of models that predict a part of a row, see [Model].Cut.
const PriorConditional = dist.ConditionalPrior

// conditional reports whether the prior is the encoder's own distribution.
func (l Latent) conditional() bool { return l.Prior == PriorConditional }

// checkCut reports what makes no sense of a model that predicts a part of a row y from the rest x: its objective is -ln p(y|z), z from
// p(z|x), without a divergence.
func (m Model) checkCut() error {
	switch t := m.Terms; {
	case m.Cut.Lines < 0:
		return fmt.Errorf("data.predict is %d: use 0, or how many lines at the end of a row are predicted", m.Cut.Lines)
	case m.Cut.IsZero() && m.Latent.conditional():
		return fmt.Errorf("latent.prior is %s, the prior of models that predict a part of a row from the rest: set data.predict to how many lines, or latent.prior to %s", m.Latent.Prior, m.Latent.Dist().Priors()[0])
	case m.Cut.IsZero():
		return nil
	case !m.Latent.conditional():
		return fmt.Errorf("data.predict is %d, and latent.prior %q: a part of a row is predicted from the rest by codes drawn from p(z|x): set latent.prior=%s", m.Cut.Lines, m.Latent.Prior, PriorConditional)
	case t.FreeBits > 0:
		return fmt.Errorf("objective.free_bits is %g, and data.predict %d: such a model has no divergence of which a part could be free: leave objective.free_bits out", t.FreeBits, m.Cut.Lines)
	case t.Rate > 0:
		return fmt.Errorf("objective.rate is %g, and data.predict %d: such a model has no divergence to bring to a rate: leave objective.rate out", t.Rate, m.Cut.Lines)
	case m.LikelihoodName() == dist.VonMisesFisher:
		return fmt.Errorf("likelihood.kind is %s, and data.predict %d: a part of a direction is none: use another likelihood, such as %s", dist.VonMisesFisher, m.Cut.Lines, dist.Gaussian)
	}
	return nil
}

// SeenShape returns the shape of what the encoder's network sees of a row, TargetShape that of what the decoder gives: the whole row, what a
// vector's standard leaves of it, or a part of it each.
func (m Model) SeenShape() []int { return m.Cut.Seen(m.Standard.Shape(m.Input)) }

// TargetShape is the shape of what the decoder gives: see [Model.SeenShape].
func (m Model) TargetShape() []int { return m.Cut.Target(m.Standard.Shape(m.Input)) }

// seenPart takes what the encoder's network sees out of whole rows x, as they are or flat; targetPart takes the rest. Both give x where
// nothing is cut, else flat rows.
func (m Model) seenPart(b *Graph, x *G.Node) *G.Node {
	if m.Cut.IsZero() || b.err != nil {
		return x
	}
	_, _, seen := m.Cut.Blocks(m.Input)
	return m.part(b, x, 0, seen)
}

func (m Model) targetPart(b *Graph, x *G.Node) *G.Node {
	if m.Cut.IsZero() || b.err != nil {
		return x
	}
	_, size, seen := m.Cut.Blocks(m.Input)
	return m.part(b, x, seen, size-seen)
}

// part takes so many values out of each block of rows, from one on.
func (m Model) part(b *Graph, x *G.Node, from, count int) *G.Node {
	batch := b.batch(x)
	if b.err != nil {
		return nil
	}
	blocks, size, _ := m.Cut.Blocks(m.Input)
	if blocks == 1 {
		return b.Slice(b.flat(x), 1, from, 1, count)
	}
	return b.flat(b.Slice(b.Reshape(x, batch, blocks, size), 2, from, 1, count))
}

// targetStandard is how the values that the decoder gives are standardised.
func (m Model) targetStandard() dist.Standard { return m.Standard.TargetOf(m.Cut, m.Input) }
