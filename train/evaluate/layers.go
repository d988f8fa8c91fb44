package evaluate

import (
	"context"
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
)

// A Layerer is a [Coder] whose latent variables may be in layers: runtime.Model is one, and so must be the model of such variables. Layers
// returns, for codes, the logits of q(z2|z1) and those of p(z1|z2).
type Layerer interface {
	Layers(ctx context.Context, codes []float32) (posterior, prior []float32, err error)
}

// layers are what the layers of codes say of each other.
type layers struct {
	latent       dist.Latent
	above, below []float32 // logits of q(z2|z1) and of p(z1|z2), code by code
}

func layersOf(ctx context.Context, c Coder, l dist.Latent, codes []float32) (layers, error) {
	layerer, ok := c.(Layerer)
	if !ok {
		return layers{}, fmt.Errorf("evaluate: the variables are in layers, and %T has no method Layers", c)
	}
	above, below, err := layerer.Layers(ctx, codes)
	return layers{l, above, below}, err
}

// second returns the second layer, with its logits of the i-th code.
func (y layers) second(i int) (dist.Part, []float32) {
	p := y.latent.Parts()[1]
	return p, y.above[i*p.Logits():][:p.Logits()]
}

// posterior returns q(z|x) next to p(z) at the i-th code, for the encoder's logits of a row.
func (y layers) posterior(i int, logits []float32) dist.Posterior {
	second, above := y.second(i)
	first := second.LogitsFrom // how many the first layer has
	if y.latent.Conditional {
		return y.latent.Given(slices.Concat(logits[:first], above), nil)
	}
	return y.latent.Given(slices.Concat(logits[:first], above), y.below[i*first:][:first])
}

// drawLayers is the second half of a draw from layers: z2 takes the place of what the code of a row has there, drawn from q(z2|z1) for noise u,
// as many numbers a row as the variables have logits. It returns the posteriors at the codes.
func drawLayers(ctx context.Context, c Coder, l dist.Latent, codes, logits, u []float32) ([]dist.Posterior, error) {
	y, err := layersOf(ctx, c, l, codes)
	if err != nil {
		return nil, err
	}
	bits, width := l.Bits(), l.Logits()
	posteriors := make([]dist.Posterior, len(codes)/bits)
	for i := range posteriors {
		second, above := y.second(i)
		second.Draw(codes[i*bits+second.CodeFrom:][:second.Bits()], above, u[i*width+second.LogitsFrom:][:second.Logits()])
	}
	if !l.Conditional { // else there is no p(z1|z2)
		if y, err = layersOf(ctx, c, l, codes); err != nil {
			return nil, err
		}
	}
	for i := range posteriors {
		posteriors[i] = y.posterior(i, logits[i*width:][:width])
	}
	return posteriors, nil
}
