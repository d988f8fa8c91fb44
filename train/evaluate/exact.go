package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/elbo"
)

// MaxExactCodes is how many codes [Exact] enumerates at most: those of ten bits.
const MaxExactCodes = 1 << 10

// Exact returns the mean ELBO and the mean ln p(x) of a set's rows in nats, by enumerating every code:
//
//	ELBO = Σ q(z|x) (ln p(x|z) + ln p(z) - ln q(z|x))        ln p(x) = ln Σ p(x|z) p(z)
//
// It is what [Estimate]'s estimates are held against. More than [MaxExactCodes] codes are an error.
func Exact(ctx context.Context, c Coder, l bundle.Latent, set *dataset.Set, b dataset.Binarizer) (bound, logP float64, err error) {
	codes, err := allCodes(l)
	if err != nil {
		return 0, 0, err
	}
	bits, size := l.Bits(), set.RowSize()
	decoded, err := c.DecodeLogits(ctx, nil, codes)
	if err != nil {
		return 0, 0, err
	}
	row := make([]float32, size)
	for i := range set.Len() {
		set.Row(i, row)
		b.Apply(row, 0, uint32(i))
		logits, err := c.Logits(ctx, nil, row)
		if err != nil {
			return 0, 0, err
		}
		p := elbo.NewPosterior(l, logits)
		joint := make([]float64, 0, len(codes)/bits)
		for z := range len(codes) / bits {
			code := codes[z*bits:][:bits]
			logPrior, logQ := p.Logs(code)
			likelihood := elbo.LogLikelihood(row, decoded[z*size:][:size])
			joint = append(joint, likelihood+logPrior)
			if q := math.Exp(logQ); q > 0 {
				bound += q * (likelihood + logPrior - logQ)
			}
		}
		logP += logMeanExp(joint) + math.Log(float64(len(joint)))
	}
	n := float64(set.Len())
	return bound / n, logP / n, nil
}

// allCodes returns every code of a latent space, one after the other.
func allCodes(l bundle.Latent) ([]float32, error) {
	values := 2
	if l.Kind == bundle.Categorical {
		values = l.Categories
	}
	n := 1
	for range l.Variables {
		if n *= values; n > MaxExactCodes {
			return nil, fmt.Errorf("evaluate: exact bounds: %d variables have more than %d codes: use Estimate", l.Variables, MaxExactCodes)
		}
	}
	codes := make([]float32, n*l.Bits())
	for z := range n {
		rest := z
		for v := range l.Variables {
			if l.Kind == bundle.Categorical {
				codes[z*l.Bits()+v*values+rest%values] = 1
			} else {
				codes[z*l.Bits()+v] = float32(rest % 2)
			}
			rest /= values
		}
	}
	return codes, nil
}
