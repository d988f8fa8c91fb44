package train

import (
	"context"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
)

const (
	posteriorDoc = "Logits of q(z2|z1), flat: what the first layer of the code says of the second."
	priorDoc     = "Logits of p(z1|z2), flat: what the second layer of the code says of the first."
)

func (t Trained) traceLayers(batch int) (export.Traced, error) {
	b := builder.New(t.Params)
	code := b.Input(bundle.Code, t.Model.CodeShape(batch)...)
	posterior, prior := t.Model.Layers(b, code)
	outputs := []export.Named{{Name: bundle.PosteriorLogits, Doc: posteriorDoc, Node: posterior}}
	if t.Model.Cut.IsZero() {
		outputs = append(outputs, export.Named{Name: bundle.PriorLogits, Doc: priorDoc, Node: prior})
	}
	return export.Traced{
		Inputs:  []export.Named{{Name: bundle.Code, Doc: t.family().CodeDoc(), Node: code}},
		Outputs: outputs,
	}, b.Err()
}

// decisionMargin is how near to 0 a logit of the first layer may not be where graphs are compared: at 0 rounding may turn its bit, and
// then all of the second layer's logits are others.
const decisionMargin = 10 * export.Tolerance

// decided returns rows for which no bit of the first layer is near its decision, in place of those that made gives: a row that is too
// near takes the values of one that is not. Where all are near, as those of a model that has learned nothing may be, they stay.
func (t Trained) decided(made func(batch int) []onnxtensor.Tensor) func(batch int) []onnxtensor.Tensor {
	latent := t.Model.Latent.Dist()
	if !latent.Layered() {
		return made
	}
	return func(batch int) []onnxtensor.Tensor {
		tensors := made(batch)
		logits, err := export.Reference(context.Background(), t.traceEncoder, batch, tensors)
		if err != nil {
			return tensors // which the comparison itself reports
		}
		rows, _ := tensors[0].Data.([]float32)
		first, width, size := latent.Lowest(), latent.Logits(), t.Model.Width()
		near, sure := make([]bool, batch), -1
		values := logits[0].Floats()
		for i := range batch {
			for _, bit := range first.NearDecision(values[i*width:][:first.Logits()], decisionMargin) {
				near[i] = near[i] || bit
			}
			if !near[i] {
				sure = i
			}
		}
		for i := range batch {
			if near[i] && sure >= 0 {
				copy(rows[i*size:][:size], rows[sure*size:][:size])
			}
		}
		return tensors
	}
}
