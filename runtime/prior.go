package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/noise"
)

// Sample appends n reconstructions of codes drawn from the prior. Equal seeds give equal samples.
func (m *Model) Sample(ctx context.Context, dst []float32, n int, seed uint64) ([]float32, error) {
	if n < 0 {
		return dst, fmt.Errorf("runtime: %w: %d samples", ErrInput, n)
	}
	return m.Decode(ctx, dst, m.SampleCodes(n, seed))
}

// SampleCodes returns n codes drawn from the prior, one after the other, as [Model.Decode] takes them: by the Gumbel trick,
// see dist.Latent.Draw. Equal seeds give equal codes.
func (m *Model) SampleCodes(n int, seed uint64) []float32 {
	bits, logits := m.latent.Bits(), m.latent.PriorLogits()
	codes, u := make([]float32, n*bits), make([]float32, len(logits))
	for row := range n {
		noise.Stream{Seed: seed, Purpose: noise.Prior}.Uniform(u, 0, uint32(row))
		m.latent.Draw(codes[row*bits:][:bits], logits, u)
	}
	return codes
}
