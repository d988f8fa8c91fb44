package runtime

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
)

// Score appends one number a row to dst, in nats: how badly the model explains the row through its hard code c, plus what
// the code costs under the prior,
//
//	-ln p(x|c) + KL(q(z|x) || p(z))
//
// with ln p(x|c) = Σ x·l - sp(l) for the decoder's logits l and grey x in [0,1], sp(l) = max(l,0) + ln(1+e^-|l|). Nothing
// is drawn, so that a row has one score. Large scores are of rows unlike those that the model was trained on. It is no
// bound on -ln p(x): for bounds, which take codes drawn from q, see `catvae eval`. See [Model.Logits] for rows.
func (m *Model) Score(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	if m.manifest.Likelihood != "bernoulli" {
		return dst, fmt.Errorf("runtime: the likelihood %q has no score here: %w", m.manifest.Likelihood, bundle.ErrFormat)
	}
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	codes, err := run[float32](ctx, m.threshold, bundle.Code, nil, m.latent(bundle.LatentLogits, logits))
	if err != nil {
		return dst, err
	}
	decoded, err := m.DecodeLogits(ctx, nil, codes)
	if err != nil {
		return dst, err
	}
	size, bits := m.manifest.Input.RowSize(), m.manifest.Latent.Bits()
	for row := range len(rows) / size {
		cost := divergence(m.manifest.Latent, logits[row*bits:][:bits])
		for i, x := range rows[row*size:][:size] {
			l := float64(decoded[row*size+i])
			cost += softplus(l) - float64(x)*l
		}
		dst = append(dst, float32(cost))
	}
	return dst, nil
}

// divergence returns KL(q||p) in nats for one row of posterior logits l, with the prior's logits a, 0 where it is uniform:
//
//	Bernoulli     Σ σ(l)·(l-a) - sp(l) + sp(a)
//	categorical   Σ q·(ln q - ln p), ln q and ln p being the log-softmax of l and a
func divergence(latent bundle.Latent, l []float32) (kl float64) {
	a := latent.Prior.Logits
	if len(a) == 0 {
		a = make([]float32, len(l))
	}
	if latent.Kind == bundle.Bernoulli {
		for i := range l {
			x, p := float64(l[i]), float64(a[i])
			kl += (x-p)/(1+math.Exp(-x)) - softplus(x) + softplus(p)
		}
		return kl
	}
	for at := 0; at < len(l); at += latent.Categories {
		lq, lp := l[at:at+latent.Categories], a[at:at+latent.Categories]
		q, p := logSum(lq), logSum(lp)
		for k := range lq {
			logQ := float64(lq[k]) - q
			kl += math.Exp(logQ) * (logQ - float64(lp[k]) + p)
		}
	}
	return kl
}

// logSum returns ln Σ e^x.
func logSum(x []float32) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// softplus returns ln(1+e^x).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
