package builder

import (
	"context"
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/additive"
	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A searching network is an encoder that searches codes in the decoder's codebooks: see package additive.
type searching interface {
	Network
	search() additive.Search
}

// searches returns how the model's encoder searches codes, and whether it does.
func (m Model) searches() (additive.Search, bool) {
	n, ok := m.Encoder.(searching)
	if !ok {
		return additive.Search{}, false
	}
	return n.search(), true
}

// Certain reports whether the encoder finds codes by a search, so that the posterior is certain of them: see dist.Latent.
func (m Model) Certain() bool {
	_, ok := m.searches()
	return ok
}

// codebooks returns the words of all variables, [variables·categories, width], and the bias. They are the decoder's, the parameters
// "decoder/words" and "decoder/bias": see [Graph.ofDecoder].
func (b *Graph) codebooks(count, width int) (words, bias *G.Node) {
	return b.ofDecoder("words", GlorotNormal, count, width), b.ofDecoder("bias", Zeros, width)
}

// runningNorm returns the mean norm of decoded rows, [1]: the buffer "decoder/norm".
func (b *Graph) runningNorm() *G.Node { return b.ofDecoder("norm", nil, 1) }

// ofDecoder returns a parameter of the decoder, a buffer that starts at 1 where init is nil. In a training graph all parts share it. Elsewhere
// each part has a copy under its own name, so that the graphs of a bundle can be joined.
func (b *Graph) ofDecoder(name string, init Init, shape ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	scope, shared := b.scope, b.shared
	defer func() { b.scope, b.shared = scope, shared }()
	b.scope, b.shared = []string{decoderPart}, true
	if b.learns && init != nil {
		return b.Parameter(name, init, shape...)
	}
	if init == nil {
		init = Ones
	}
	if b.learns {
		return b.Buffer(name, init, shape...)
	}
	value := b.params.Value(b.path(name))
	if value == nil {
		value = b.params.add(b.path(name), init, shape)
	}
	if !slices.Equal(value.Shape(), tensor.Shape(shape)) {
		return b.fail("parameter %q is %v in the set, this model wants %v: the weights belong to another model", b.path(name), value.Shape(), shape)
	}
	b.scope, b.shared = scope, shared
	return b.leaf(b.path(name), shape, value)
}

// checkCodebooks reports what does not fit an encoder that searches codebooks, or a decoder that has them.
func (m Model) checkCodebooks() error {
	s, ok := m.searches()
	_, has := m.Decoder.(Additive)
	switch {
	case !ok && !has:
		return nil
	case !has:
		return fmt.Errorf("encoder.kind is %s, which searches the decoder's codebooks, and decoder.kind %s has none: set decoder.kind to %s", m.Encoder.Kind(), m.Decoder.Kind(), Additive{}.Kind())
	case !ok:
		return fmt.Errorf("decoder.kind is %s, whose codebooks the encoder searches, and encoder.kind is %s: set encoder.kind to %s, or %s", m.Decoder.Kind(), m.Encoder.Kind(), Residual{}.Kind(), RQ{}.Kind())
	case m.Latent.Kind != dist.Categorical:
		return fmt.Errorf("encoder.kind is %s, which chooses a word for each variable, and latent.kind %s: set latent.kind=%s", m.Encoder.Kind(), m.Latent.Kind, dist.Categorical)
	case m.Latent.Norm == NormBatch || m.Latent.Signs:
		return fmt.Errorf("encoder.kind is %s, whose codes are no signs of logits: leave latent.norm and latent.signs out", m.Encoder.Kind())
	case m.Latent.conditional() || !m.Cut.IsZero():
		return fmt.Errorf("encoder.kind is %s, which sees whole rows and has no distribution of codes: leave data.predict out, and set latent.prior to %s", m.Encoder.Kind(), PriorUniform)
	case m.LikelihoodName() != dist.Gaussian:
		return fmt.Errorf("encoder.kind is %s, which makes the squared error least, and likelihood.kind %s: set likelihood.kind=%s", m.Encoder.Kind(), m.LikelihoodName(), dist.Gaussian)
	case m.Likelihood.Variance != dist.VarianceFixed && s.NormWeight > 0:
		return fmt.Errorf("encoder.norm is %g, whose weight is next to a squared error of one variance, and likelihood.variance is %q: set likelihood.variance=%s", s.NormWeight, m.Likelihood.Variance, dist.VarianceFixed)
	case m.Terms != (Terms{}):
		return fmt.Errorf("encoder.kind is %s, through whose codes no gradient passes: leave the terms of the objective out (contrast, redundancy, free_bits, rate, detached)", m.Encoder.Kind())
	}
	return nil
}

// fitCodebooks fits the decoder's codebooks to rows: see additive.Fit.
func (m Model) fitCodebooks(ctx context.Context, p *Params, rows Rows, s additive.Search, seed uint64) error {
	seen := m.seenRows(rows)
	c, left, err := additive.Fit(ctx, seen.Values, seen.Width, m.Latent.Variables, m.Latent.Categories, s.Beam, seed)
	if err != nil {
		return fmt.Errorf("encoder.kind is %s: %w", m.Encoder.Kind(), err)
	}
	err = p.Set(decoderPart+"/words", []int{c.Variables * c.Categories, c.Width}, converted[float64](c.Words))
	if err == nil {
		err = p.Set(decoderPart+"/bias", []int{c.Width}, converted[float64](c.Bias))
	}
	if err == nil && s.NormWeight > 0 {
		err = p.Set(decoderPart+"/norm", []int{1}, []float64{float64(c.Norm)})
	}
	if err != nil {
		return err
	}
	return m.setSpread(p, left)
}

// FitRows returns to how many rows of a width the model's networks are fitted at most.
func (m Model) FitRows(width int) int {
	if m.Certain() {
		return additive.MostRows(m.Latent.Categories)
	}
	return projection.MostRowsOf(width)
}
