package runtime

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/noise"
)

// Sample appends n reconstructions of codes drawn from the prior. Equal seeds give equal samples.
func (m *Model) Sample(ctx context.Context, dst []float32, n int, seed uint64) ([]float32, error) {
	if n < 0 {
		return dst, fmt.Errorf("runtime: %w: %d samples", ErrInput, n)
	}
	return m.Decode(ctx, dst, PriorCodes(m.manifest.Latent, n, seed))
}

// PriorCodes draws n codes from the prior: a bit is 1 with probability σ(a), a category has probability softmax(a), for
// the prior's logits a (0 when it is uniform), by the Gumbel trick.
func PriorCodes(l bundle.Latent, n int, seed uint64) []float32 {
	bits := l.Bits()
	codes := make([]float32, n*bits)
	u := make([]float32, bits)
	logits := l.Prior.Logits
	if len(logits) == 0 {
		logits = make([]float32, bits)
	}
	for row := range n {
		noise.Stream{Seed: seed, Purpose: noise.Prior}.Uniform(u, 0, uint32(row))
		Draw(l, codes[row*bits:][:bits], logits, u)
	}
	return codes
}

// Draw writes one hard sample of latent variables with the given logits to code, for noise u uniform in the open unit
// interval, one number a bit:
//
//	Bernoulli     1 where l + ln u - ln(1-u) > 0, which has probability σ(l)
//	categorical   one-hot of the largest l + g, g = -ln(-ln u), which follows softmax(l)
func Draw(l bundle.Latent, code, logits, u []float32) {
	if l.Kind == bundle.Bernoulli {
		for i, x := range u {
			code[i] = 0
			if float64(logits[i])+math.Log(float64(x))-math.Log1p(-float64(x)) > 0 {
				code[i] = 1
			}
		}
		return
	}
	for at := 0; at < len(code); at += l.Categories {
		best, most := at, math.Inf(-1)
		for i := at; i < at+l.Categories; i++ {
			code[i] = 0
			if s := float64(logits[i]) - math.Log(-math.Log(float64(u[i]))); s > most {
				best, most = i, s
			}
		}
		code[best] = 1
	}
}
