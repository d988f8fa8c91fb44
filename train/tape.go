package train

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// update is a parameter's place in the training graph: its value and moments, and what a step makes of them.
type update struct {
	value, m, v    *tensor.Dense
	w1, m1, v1     *G.Node
	mName, vName   string
	gradient, node *G.Node
}

// newTrainer builds the objective, its gradients and the update into one graph.
func newTrainer(model builder.Model, params *builder.Params, o Optimizer, batch int) (*trainer, error) {
	b := builder.New(params)
	t := &trainer{graph: b}
	var err error
	if t.model, err = model.Train(b, batch); err != nil {
		return nil, err
	}
	var nodes G.Nodes
	t.names, nodes = b.Parameters()
	grads, err := gradients(t.model.Loss, nodes)
	if err != nil {
		return nil, err
	}
	rule := adam{rate: b.Input(rateInput), eps: b.Input(epsilonInput)}
	for i, g := range clipByNorm(b, grads, o.Clip) {
		u := update{value: params.Value(t.names[i]), node: nodes[i], gradient: grads[i], mName: "adam.m." + t.names[i], vName: "adam.v." + t.names[i]}
		shape := u.value.Shape()
		u.m, u.v = tensor.New(tensor.WithShape(shape...), tensor.Of(params.DType())), tensor.New(tensor.WithShape(shape...), tensor.Of(params.DType()))
		u.w1, u.m1, u.v1 = rule.update(b, nodes[i], g, b.Input(u.mName, shape...), b.Input(u.vName, shape...))
		t.updates = append(t.updates, u)
	}
	return t, b.Err()
}

// gradients differentiates the loss, with gorgonia's panics as errors.
func gradients(loss *G.Node, nodes G.Nodes) (grads []*G.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("train: differentiate the objective: %v", p)
		}
	}()
	g, err := G.Grad(loss, nodes...)
	if err != nil {
		return nil, fmt.Errorf("train: differentiate the objective: %w", err)
	}
	return g, nil
}

// tapeEngine runs the training graph on gorgonia's tape machine: the reference engine.
type tapeEngine struct {
	*trainer
	optimizer Optimizer
	machine   *builder.Machine
	inputs    map[string]*tensor.Dense
	step      int
}

// NewTape returns the engine that runs on gorgonia's tape machine, for batches of one size. It moves the values of
// params, which must be float32.
func NewTape(model builder.Model, params *builder.Params, o Optimizer, batch int) (Engine, error) {
	t, err := newTrainer(model, params, o, batch)
	if err != nil {
		return nil, err
	}
	e := &tapeEngine{trainer: t, optimizer: o}
	outputs := []*G.Node{t.model.Loss, t.model.Reconstruction, t.model.KL}
	e.inputs = map[string]*tensor.Dense{}
	for _, u := range t.updates {
		outputs = append(outputs, u.w1, u.m1, u.v1)
		e.inputs[u.mName], e.inputs[u.vName] = u.m, u.v
	}
	if e.machine, err = builder.NewMachine(t.graph, outputs...); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *tapeEngine) Name() string { return "tape (gorgonia's tape machine)" }
func (e *tapeEngine) Close() error { return e.machine.Close() }

func (e *tapeEngine) Step(b Batch) (Parts, error) {
	e.step++
	rate, eps := e.optimizer.scalars(e.step)
	e.inputs[bundle.Sample] = tensor.New(tensor.WithShape(e.model.Sample.Shape()...), tensor.WithBacking(b.Rows))
	e.inputs[builder.NoiseInput] = tensor.New(tensor.WithShape(e.model.Noise.Shape()...), tensor.WithBacking(b.Noise))
	for name, x := range map[string]float64{
		builder.TemperatureInput: b.Temperature, builder.KLWeightInput: b.KLWeight, rateInput: rate, epsilonInput: eps,
	} {
		e.inputs[name] = tensor.New(tensor.FromScalar(float32(x)))
	}
	values, err := e.machine.Run(e.inputs)
	if err != nil {
		return Parts{}, fmt.Errorf("train: step %d: %w", e.step, err)
	}
	for i, u := range e.updates { // copied back: a tensor is never bound as input and output at once
		for j, to := range []*tensor.Dense{u.value, u.m, u.v} {
			if err := tensor.Copy(to, values[3+3*i+j].(*tensor.Dense)); err != nil {
				return Parts{}, fmt.Errorf("train: step %d: %s: %w", e.step, e.names[i], err)
			}
		}
	}
	number := func(i int) float64 { return builder.Floats(values[i])[0] }
	return Parts{Loss: number(0), Reconstruction: number(1), KL: number(2)}, nil
}
