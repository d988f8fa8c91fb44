package train

import (
	"cmp"
	"math"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
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

// metrics are what a step returns after the loss; parts reads them back.
func metrics(o builder.Objective) []export.Named {
	return []export.Named{{Name: "reconstruction", Node: o.Reconstruction}, {Name: "kl", Node: o.KL}}
}

func parts(v engine.Values) Parts { return Parts{Loss: v[0], Reconstruction: v[1], KL: v[2]} }

// A RowForm says in which form rows enter the training graph.
type RowForm string

// The forms.
const (
	FloatRows RowForm = "float" // float32 or float64 in the likelihood's range, as the parameters are
	GreyRows  RowForm = "grey"  // bytes, divided in the graph: by 255, or by what the configuration says
	BitRows   RowForm = "bit"   // bytes of 0 and 1, as they are
)

// formOf returns the form in which a set's rows are trained on. Grey pixels stay bytes, which take a quarter of the
// copying.
func formOf(set *dataset.Set, c Config) RowForm {
	v := set.Values()
	if len(c.Data.Augment) > 0 && !grey(v) { // augmented values lie between those of bytes
		return FloatRows
	}
	if v.Mean != 0 || v.Deviation != 1 || !v.One && v != dist.Unit() || set.Bytes(0) == nil {
		return FloatRows
	}
	if c.Data.Binarize == dataset.Fixed || c.Data.Binarize == dataset.Dynamic || v.Bytes == 1 {
		return BitRows
	}
	return GreyRows
}

// TraceModel returns the training objective of a model for an engine: see [builder.Model.TrainOn]. Its inputs are the rows,
// "sample", in the form given, and what the model's estimator asks for; the loss has reconstruction and divergence as
// metrics. Initial values come from params.
func TraceModel(m builder.Model, params *builder.Params, form RowForm) engine.Trace {
	return (&tracer{model: m, params: params, form: form}).trace
}

// A tracer builds training graphs, and remembers which inputs they have and what for.
type tracer struct {
	model  builder.Model
	params *builder.Params
	form   RowForm
	clean  bool // rows are augmented, and the decoder explains them as they were

	divisor float64 // of grey rows, 0 for 255

	inputs []builder.Input // of the last trace
}

func (t *tracer) trace(g *G.ExprGraph, batch int) (engine.Objective, error) {
	if err := t.model.Validate(); err != nil {
		return engine.Objective{}, err
	}
	b := builder.Over(g, t.params)
	training, err := t.model.TrainFrom(b, func(name string) (leaf, rows *G.Node) { return t.rows(b, name, batch) }, t.clean)
	if err != nil {
		return engine.Objective{}, err
	}
	t.inputs = training.Inputs
	o := engine.Objective{Loss: training.Loss, Metrics: metrics(training.Objective)}
	for _, in := range t.inputs {
		o.Inputs = append(o.Inputs, in.Node)
	}
	_, o.Parameters = b.Parameters()
	o.Updates = b.Updates()
	return o, nil
}

// rows returns an input that rows enter by, and the rows as the model takes them.
func (t *tracer) rows(b *builder.Graph, name string, batch int) (input, x *G.Node) {
	shape := t.model.InputShape(batch)
	if t.form == FloatRows {
		input = b.Input(name, shape...)
		return input, input
	}
	input = b.InputBytes(name, shape...)
	if x = b.Float(input); t.form == GreyRows {
		x = divided(b, x, cmp.Or(t.divisor, 255))
	}
	return input, x
}

// divided returns bytes by a divisor, with the same bits as dist.Values.Byte.
func divided(b *builder.Graph, x *G.Node, divisor float64) *G.Node {
	if divisor != math.Trunc(divisor) {
		return b.Mul(x, b.Number(1/divisor))
	}
	return b.Div(x, b.Number(divisor))
}
