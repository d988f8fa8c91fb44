package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// Score appends one number a row to dst, in nats: how badly the model explains the row through its hard code c, plus what
// the code costs under the prior,
//
//	-ln p(x|c) + KL(q(z|x) || p(z))
//
// the second term being KL(q(z1|x) ‖ p(z1|c2)) + KL(q(z2|c1) ‖ p(z2)) where variables are in layers, and -ln p(c) where the posterior is certain of
// the code (latent.posterior is "point"),
// with ln p(x|c) as the manifest's likelihood has it: for a Bernoulli one Σ x·l - sp(l), for the decoder's logits l and grey x
// in [0,1], sp(l) = max(l,0) + ln(1+e^-|l|). Of a model that standardises rows it is the likelihood of standardised rows. Nothing
// is drawn, so that a row has one score. Large scores are of rows unlike those that the model was trained on. It is no
// bound on -ln p(x): for bounds, which take codes drawn from q, see `catvae eval`. A model that predicts a part of a row from the rest says
// nothing of how likely a row is, and gives an [ErrInput]. See [Model.Logits] for rows.
func (m *Model) Score(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	if err := m.checkScores(); err != nil {
		return dst, err
	}
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	codes, err := run[float32](ctx, m.threshold, bundle.Code, nil, m.logitsTensor(logits))
	if err != nil {
		return dst, err
	}
	decoded, err := m.DecodeLogits(ctx, nil, codes)
	if err != nil {
		return dst, err
	}
	posteriors, err := m.posteriors(ctx, logits, codes)
	if err != nil {
		return dst, err
	}
	size, outputs := m.manifest.Input.RowSize(), m.outputs()
	for row, q := range posteriors {
		dst = append(dst, m.score(rows[row*size:][:size], q, decoded[row*outputs:][:outputs]))
	}
	return dst, nil
}

// checkScores reports a model without scores.
func (m *Model) checkScores() error {
	if m.manifest.Predicted != nil {
		return fmt.Errorf("runtime: %w: the model predicts a part of a row from the rest: it says nothing of how likely a row is, and has no scores", ErrInput)
	}
	return nil
}

// score is a row's cost through its code: see [Model.Score].
func (m *Model) score(row []float32, q dist.Posterior, decoded []float32) float32 {
	if m.standard.Moves() {
		z := make([]float32, m.standard.Size(len(row)))
		m.standard.Apply(z, row)
		row = z
	}
	return float32(q.KL(nil) - m.likelihood.LogP(row, decoded))
}
