package train

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
)

// A Plan is what a configuration makes of rows: the layers of both networks, in order. See [builder.Network].
type Plan struct {
	Input            []int // shape of a row
	Logits           int   // that the encoder gives, and
	Bits             int   // numbers of a code, which the decoder takes
	Encoder, Decoder []builder.Layer
}

// Plan works out what the configuration makes of rows of a shape. Nothing is built. What does not fit is an error that
// names the layer's key.
func (c Config) Plan(input []int) (Plan, error) {
	if err := c.Validate(); err != nil {
		return Plan{}, err
	}
	_, c, err := readNetworks("", c, c.Latent.Categories)
	if err != nil {
		return Plan{}, err
	}
	m := c.Model(input)
	if m.Standard.Vector.Centres() { // by what training rows will say
		m.Standard.Mean = make([]float64, m.Standard.Size(m.Width()))
	}
	encoder, decoder, err := m.Plan()
	if err != nil {
		return Plan{}, fmt.Errorf("%w: %w", err, ErrConfig)
	}
	return Plan{Input: m.Input, Logits: m.Latent.Dist().Logits(), Bits: m.Bits(), Encoder: encoder, Decoder: decoder}, nil
}

// RowShape returns the shape of a source's rows as training has them. It reads the training rows.
func (c Config) RowShape(ctx context.Context, source string) ([]int, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Data.Validation = 0
	set, _, err := c.loadSource(ctx, source, 0, false)
	if err != nil {
		return nil, err
	}
	return set.Shape, nil
}

// A Scope is what a run of a configuration takes of a source.
type Scope struct {
	Steps   int          // of the whole run
	HeldOut *dataset.Set // the rows held out, with labels where Options.HeldOutQueries asks for figures by them; nil where none are
}

// Scope reads the source as a run does, and takes no step.
func (c Config) Scope(ctx context.Context, o Options) (Scope, error) {
	if err := c.Validate(); err != nil {
		return Scope{}, err
	}
	r := run{config: c, options: o.withDefaults()}
	if err := r.load(ctx); err != nil {
		return Scope{}, err
	}
	s := Scope{Steps: r.steps()}
	if r.held.Len() < r.training.Len() || r.config.heldRows(r.held.Len()) > 0 {
		s.HeldOut = r.held
	}
	return s, nil
}
