package train

import (
	"context"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
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

// decided returns rows whose logits rounding does not turn into others, in place of those that made gives: a row that is too near to another
// decision takes the values of one that is not. Where all are near, as those of a model that has learned nothing may be, they stay. Only
// models that decide within the encoder have such rows: those with layers, and those that search.
func (t Trained) decided(made func(batch int) []onnxtensor.Tensor) func(batch int) []onnxtensor.Tensor {
	latent := t.Model.Latent.Dist()
	near := t.nearFirst
	switch {
	case t.Model.Certain():
		near = t.nearSearch
	case !latent.Layered():
		return made
	}
	return func(batch int) []onnxtensor.Tensor {
		tensors := made(batch)
		rows, _ := tensors[0].Data.([]float32)
		unsure, err := near(tensors[0], batch)
		if err != nil {
			return tensors // which the comparison itself reports
		}
		size, sure := t.Model.Width(), slices.Index(unsure, false)
		for i := range batch {
			if unsure[i] && sure >= 0 {
				copy(rows[i*size:][:size], rows[sure*size:][:size])
			}
		}
		return tensors
	}
}

// logitsOf computes the latent logits of rows on gorgonia.
func (t Trained) logitsOf(sample onnxtensor.Tensor, batch int) ([]float64, error) {
	logits, err := export.Reference(context.Background(), t.traceEncoder, batch, []onnxtensor.Tensor{sample})
	if err != nil {
		return nil, err
	}
	return logits[0].Floats(), nil
}

// nearFirst marks rows of which a bit of the first layer is near its decision.
func (t Trained) nearFirst(sample onnxtensor.Tensor, batch int) ([]bool, error) {
	values, err := t.logitsOf(sample, batch)
	if err != nil {
		return nil, err
	}
	first, width, near := t.Model.Latent.Dist().Lowest(), t.Model.Latent.Dist().Logits(), make([]bool, batch)
	for i := range near {
		near[i] = slices.Contains(first.NearDecision(values[i*width:][:first.Logits()], decisionMargin), true)
	}
	return near, nil
}

// nearSearch marks rows that get another code where their values are off by some 1e-5 of themselves, either way: then a step of the search
// has two choices of nearly the same cost, and which one it takes is up to rounding.
func (t Trained) nearSearch(sample onnxtensor.Tensor, batch int) ([]bool, error) {
	latent, near := t.Model.Latent.Dist(), make([]bool, batch)
	width, bits := latent.Logits(), latent.Bits()
	var codes [][]float32
	rows, _ := sample.Data.([]float32)
	for try, off := range []float64{0, 1, -1, 1, -1} {
		moved := slices.Clone(rows)
		noise.Stream{Seed: uint64(try), Purpose: noise.Evaluation}.Uniform(moved, 0, 0)
		for i, u := range moved {
			moved[i] = rows[i] * float32(1+off*float64(u)*decisionMargin/10)
		}
		values, err := t.logitsOf(onnxtensor.Tensor{Name: sample.Name, Shape: sample.Shape, Data: moved}, batch)
		if err != nil {
			return nil, err
		}
		code, narrow := make([]float32, bits*batch), make([]float32, width)
		for i := range batch {
			for j := range narrow {
				narrow[j] = float32(values[i*width+j])
			}
			latent.Harden(code[i*bits:][:bits], narrow)
			near[i] = near[i] || try > 0 && !slices.Equal(code[i*bits:][:bits], codes[0][i*bits:][:bits])
		}
		codes = append(codes, code)
	}
	return near, nil
}
