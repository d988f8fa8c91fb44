package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/dataset"
)

// MaxExactCodes is how many codes [Exact] enumerates at most: those of ten bits.
const MaxExactCodes = 1 << 10

// Exact returns the mean ELBO and the mean ln p(x) of a set's rows in nats, by enumerating every code:
//
//	ELBO = Σ q(z|x) (ln p(x|z) + ln p(z) - ln q(z|x))        ln p(x) = ln Σ p(x|z) p(z)
//
// Of a model that predicts a part of a row y from the rest x, q(z|x) and p(z) are both p(z|x), and ln p(x) is ln p(y|x). Use it to judge
// [Estimate]'s estimates. More than [MaxExactCodes] codes are an error.
func Exact(ctx context.Context, c Coder, m Distributions, set *dataset.Set, b dataset.Binarizer) (bound, logP float64, err error) {
	codes, err := m.Latent.Codes(MaxExactCodes)
	if err != nil {
		return 0, 0, fmt.Errorf("evaluate: exact bounds: %w: use Estimate", err)
	}
	bits, size := m.Latent.Bits(), set.RowSize()
	decoded, err := c.DecodeLogits(ctx, nil, codes)
	if err != nil {
		return 0, 0, err
	}
	outputs := len(decoded) / (len(codes) / bits)
	var given layers
	if m.Latent.Layered() {
		if given, err = layersOf(ctx, c, m.Latent, codes); err != nil {
			return 0, 0, err
		}
	}
	row := make([]float32, size)
	for i := range set.Len() {
		set.Row(i, row)
		b.Apply(row, 0, uint32(i))
		logits, err := c.Logits(ctx, nil, row)
		if err != nil {
			return 0, 0, err
		}
		p := m.Latent.Posterior(logits)
		joint := make([]float64, 0, len(codes)/bits)
		for z := range len(codes) / bits {
			code := codes[z*bits:][:bits]
			if m.Latent.Layered() {
				p = given.posterior(z, logits)
			}
			logPrior, logQ := p.Logs(code)
			likelihood := m.LogP(row, decoded[z*outputs:][:outputs])
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
