package train

import (
	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
)

// Parts are the objective of one step, in nats a row, averaged over the batch.
type Parts struct {
	Loss           float64 `json:"loss"`
	Reconstruction float64 `json:"reconstruction"`
	KL             float64 `json:"kl"`
}

// parts reads what a step of [Objective] returned.
func parts(v engine.Values) Parts { return Parts{Loss: v[0], Reconstruction: v[1], KL: v[2]} }

// Rows says in which form rows enter the training graph.
type Rows string

// The forms.
const (
	FloatRows Rows = "float" // float32 or float64 within [0,1], as the parameters are
	GreyRows  Rows = "grey"  // bytes, divided by 255 in the graph
	BitRows   Rows = "bit"   // bytes of 0 and 1
)

// rowsOf returns the form in which a set's rows are trained on: bytes stay bytes, which are a quarter of the copying.
func rowsOf(set *dataset.Set, b dataset.Binarization) Rows {
	switch {
	case set.Bytes(0) == nil:
		return FloatRows
	case b == dataset.Fixed || b == dataset.Dynamic:
		return BitRows
	}
	return GreyRows
}

// Trace returns the training objective of a model for an engine: inputs rows, noise of the latent's shape, temperature and
// the divergence's weight; the loss, with reconstruction and divergence as metrics. Initial values come from params.
func Trace(m builder.Model, params *builder.Params, rows Rows) engine.Trace {
	return func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		if err := m.Validate(); err != nil {
			return engine.Objective{}, err
		}
		b := builder.Over(g, params)
		var input, x *G.Node
		if rows == FloatRows {
			input = b.Input(bundle.Sample, m.InputShape(batch)...)
			x = input
		} else {
			input = b.InputBytes(bundle.Sample, m.InputShape(batch)...)
			x = b.Float(input)
		}
		if rows == GreyRows {
			x = b.Div(x, b.Number(255))
		}
		t, err := m.TrainOn(b, x)
		if err != nil {
			return engine.Objective{}, err
		}
		_, parameters := b.Parameters()
		return engine.Objective{
			Loss: t.Loss, Parameters: parameters,
			Inputs:  G.Nodes{input, t.Noise, t.Temperature, t.KLWeight},
			Metrics: []export.Named{{Name: "reconstruction", Node: t.Reconstruction}, {Name: "kl", Node: t.KL}},
		}, nil
	}
}
