package evaluate_test

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/train/evaluate"
)

// fair is a model that knows nothing: every bit and every pixel is a fair coin.
type fair struct{ bits, pixels int }

func (f fair) Logits(_ context.Context, dst, rows []float32) ([]float32, error) {
	return append(dst, make([]float32, len(rows)/f.pixels*f.bits)...), nil
}

func (f fair) DecodeLogits(_ context.Context, dst, codes []float32) ([]float32, error) {
	return append(dst, make([]float32, len(codes)/f.bits*f.pixels)...), nil
}

// The estimate of a model and the exact value, which differ by the noise of one sample a row: here by nothing, since all codes
// explain a row alike.
func Example() {
	ctx := context.Background()
	set, err := dataset.Load(ctx, "glyphs", dataset.Options{Rows: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	latent, err := dist.NewLatent(dist.Bernoulli, 3, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	likelihood, err := dist.LikelihoodOf(dist.LikelihoodConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	coder, model := fair{bits: 3, pixels: set.RowSize()}, evaluate.Distributions{Latent: latent, Likelihood: likelihood}
	e, err := evaluate.Estimate(ctx, coder, model, set, evaluate.Options{Binarize: dataset.None, Seed: 1, Samples: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	bound, logP, err := evaluate.Exact(ctx, coder, model, set, dataset.Binarizer{Rule: dataset.None})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("-ELBO %.2f, -IWAE %.2f, exact %.2f and %.2f nats; %d active bits\n", -e.ELBO, -e.IWAE, -bound, -logP, e.ActiveBits)
	// Output: -ELBO 543.43, -IWAE 543.43, exact 543.43 and 543.43 nats; 0 active bits
}
