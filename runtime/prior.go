package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
)

// Sample appends n reconstructions of codes drawn from the prior. Equal seeds give equal samples.
func (m *Model) Sample(ctx context.Context, dst []float32, n int, seed uint64) ([]float32, error) {
	codes, err := m.SampleCodes(ctx, n, seed)
	if err != nil {
		return dst, err
	}
	return m.Decode(ctx, dst, codes)
}

// SampleCodes returns n codes drawn from the prior, one after the other, as [Model.Decode] takes them: by the Gumbel trick,
// see dist.Latent.Draw. Where variables are in layers, the second is drawn first, and the first from p(z1|z2). A model that predicts a part
// of a row has no such prior: an [ErrInput]. Equal seeds give equal codes.
func (m *Model) SampleCodes(ctx context.Context, n int, seed uint64) ([]float32, error) {
	if n < 0 {
		return nil, fmt.Errorf("runtime: %w: %d samples", ErrInput, n)
	}
	if m.latent.Conditional {
		return nil, fmt.Errorf("runtime: %w: the model predicts a part of a row from the rest, and has no prior of codes without a row: encode a row (infer --mode reconstruct) in place of sampling", ErrInput)
	}
	bits, first, top := m.latent.Bits(), m.latent.Lowest(), dist.Part{Latent: m.latent} // top has the prior
	if m.latent.Layered() {
		parts := m.latent.Parts()
		top = parts[len(parts)-1]
	}
	codes, u, logits := make([]float32, n*bits), make([]float32, m.latent.Logits()), m.latent.PriorLogits()
	uniform := func(row int) { noise.Stream{Seed: seed, Purpose: noise.Prior}.Uniform(u, 0, uint32(row)) }
	for row := range n {
		uniform(row)
		top.Draw(codes[row*bits+top.CodeFrom:][:top.Bits()], logits, u[top.LogitsFrom:])
	}
	if !m.latent.Layered() {
		return codes, nil
	}
	_, prior, err := m.Layers(ctx, codes)
	if err != nil {
		return nil, err
	}
	for row := range n {
		uniform(row)
		first.Draw(codes[row*bits:][:first.Bits()], prior[row*first.Logits():][:first.Logits()], u[:first.Logits()])
	}
	return codes, nil
}
