package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A form is one way to call a function of gorgonia, with what it must give.
type form struct {
	name    string                              // "" for a function that has one
	shapes  [][]int                             // of the operands; -1 is the batch
	signed  bool                                // operands are drawn from (-1.2, 1.2), else from (0.3, 1.7)
	build   func(in []*G.Node) (*G.Node, error) // the graph
	want    func(in []array) array              // the same in plain loops
	flat    bool                                // it has no gradient in mathematics
	wrt     []int                               // the operands that it is differentiated by; all where nil
	least   int                                 // the smallest batch; 0 is 1
	testing bool                                // its ops are in testing mode
	random  bool                                // its values are drawn: only whether it exports is measured
}

// An outcome is what one measurement found: "" for right, else what is wrong.
type outcome string

const (
	right   outcome = "yes"
	refused outcome = "refused" // with an error that names the way out
	missing outcome = "no"
	wrong   outcome = "WRONG"
	none    outcome = "-" // there is nothing to measure
)

// A measurement is what was found of a form: exported, and as gorgonia's tape machine computes it.
type measurement struct {
	values, gradient         outcome // of the exported graph
	tapeValues, tapeGradient outcome
	detail                   []string // errors and differences, for people
}

// The batches that are compared. gorgonia's machine takes tensors of one row for scalars in places, so that 1 is not
// among them.
var batches = []int{2, 3}

// measure exports a form with a varying batch, in float32 and float64, and compares values and gradients with plain loops and their
// finite differences: on each backend, and on gorgonia's tape machine in float64.
func measure(ctx context.Context, f form, on []backend.Backend) (m measurement) {
	m.values, m.gradient = m.exported(ctx, f, on, false), none
	m.tapeValues, m.tapeGradient = m.onTape(f, false), none
	if f.random {
		m.tapeValues = none
	}
	if !f.flat && !f.random {
		m.tapeGradient = m.onTape(f, true)
		m.gradient = m.exported(ctx, f, on, true)
	}
	return m
}

func (m *measurement) say(format string, values ...any) {
	m.detail = append(m.detail, fmt.Sprintf(format, values...))
}

// exported measures the exported graph.
func (m *measurement) exported(ctx context.Context, f form, on []backend.Backend, gradient bool) outcome {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		trace := func(batch int) (t export.Traced, err error) {
			return graph(f, dtype, batch, gradient)
		}
		model, err := export.Graph(ctx, trace, export.Options{Batch: f.fixed()})
		if err != nil {
			m.say("export, gradient %t, %v: %v", gradient, dtype, err)
			if errors.Is(err, export.ErrWrong) {
				return refused
			}
			return missing
		}
		if f.random {
			continue
		}
		data, err := model.Bytes()
		if err != nil {
			m.say("export: %v", err)
			return missing
		}
		for _, b := range on {
			if err := runs(ctx, b, data, f, dtype, gradient); err != nil {
				m.say("%s, gradient %t, %v: %v", b.Name(), gradient, dtype, err)
				return wrong
			}
		}
	}
	return right
}

func runs(ctx context.Context, b backend.Backend, model []byte, f form, dtype tensor.Dtype, gradient bool) error {
	loaded, err := backend.Load(ctx, b, model, "function")
	if err != nil {
		return err
	}
	defer loaded.Close()
	for _, batch := range append([]int{max(f.least, 1)}, batches...) {
		in, want := drawn(f, batch, gradient)
		var tensors []onnxtensor.Tensor
		for i, a := range in {
			tensors = append(tensors, toTensor(operand(i, len(f.shapes)), a, dtype))
		}
		got, err := loaded.Run(ctx, tensors...)
		if err != nil {
			return err
		}
		for i, g := range got {
			if err := compare(array{ints(g.Shape), g.Floats()}, want[i], dtype); err != nil {
				return fmt.Errorf("batch %d: %s: %w", batch, g.Name, err)
			}
		}
	}
	return nil
}

// onTape measures gorgonia's own machine, as it is.
func (m *measurement) onTape(f form, gradient bool) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			m.say("gorgonia, gradient %t: %v", gradient, p)
			o = missing
		}
	}()
	for _, batch := range batches {
		t, err := graph(f, tensor.Float64, batch, gradient)
		if err != nil {
			m.say("gorgonia, gradient %t: %v", gradient, err)
			return missing
		}
		if f.random {
			return none
		}
		in, want := drawn(f, batch, gradient)
		for i, n := range t.Inputs {
			var v any = tensor.New(tensor.WithShape(in[i].shape...), tensor.WithBacking(slices.Clone(in[i].data)))
			if n.Node.IsScalar() {
				v = in[i].data[0]
			}
			if err := G.Let(n.Node, v); err != nil {
				m.say("gorgonia: %v", err)
				return missing
			}
		}
		values := make([]G.Value, len(t.Outputs))
		reads := make(G.Nodes, len(t.Outputs))
		for i, n := range t.Outputs {
			reads[i] = G.Read(n.Node, &values[i])
		}
		var mode []G.VMOpt
		if f.testing {
			mode = append(mode, G.EvalMode())
		}
		machine := G.NewTapeMachine(t.Outputs[0].Node.Graph().SubgraphRoots(reads...), mode...)
		err = machine.RunAll()
		machine.Close()
		if err != nil {
			m.say("gorgonia's machine, gradient %t: %v", gradient, err)
			return missing
		}
		for i, v := range values {
			got := array{v.Shape(), nil}
			switch d := v.Data().(type) {
			case []float64:
				got.data = d
			case float64:
				got.data = []float64{d}
			case []bool:
				for _, b := range d {
					got.data = append(got.data, truth(b))
				}
			}
			err := compare(got, want[i], tensor.Float64)
			if declared := t.Outputs[i].Node.Shape(); err == nil && !slices.Equal([]int(declared), want[i].shape) {
				err = fmt.Errorf("the node's shape is %v, want %v", declared, want[i].shape)
			}
			if err != nil {
				m.say("gorgonia's machine, batch %d: %s: %v", batch, t.Outputs[i].Name, err)
				return wrong
			}
		}
	}
	return right
}

// operand names the inputs of a graph; the last of a gradient's is the weight of each result.
func operand(i, n int) string {
	if i == n {
		return "weights"
	}
	return fmt.Sprintf("x%d", i)
}

// graph builds a form: its result, or its gradients weighted by an input of the result's shape.
func graph(f form, dtype tensor.Dtype, batch int, gradient bool) (t export.Traced, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	g := G.NewGraph()
	var in G.Nodes
	for i, s := range f.shapes {
		n := leaf(g, dtype, operand(i, len(f.shapes)), at(s, batch))
		in = append(in, n)
		t.Inputs = append(t.Inputs, export.Named{Name: n.Name(), Node: n})
	}
	y, err := f.build(in)
	if err != nil {
		return t, err
	}
	if !gradient {
		t.Outputs = []export.Named{{Name: "result", Node: y}}
		return t, nil
	}
	weights := leaf(g, dtype, "weights", y.Shape())
	t.Inputs = append(t.Inputs, export.Named{Name: "weights", Node: weights})
	var wrt G.Nodes
	for _, i := range f.differentiated() {
		wrt = append(wrt, in[i])
	}
	if err := exprgraph.Mend(g); err != nil { // as export.Grad does
		return t, err
	}
	grads, err := G.Backpropagate(G.Nodes{y}, G.Nodes{weights}, wrt)
	for i, n := range grads {
		t.Outputs = append(t.Outputs, export.Named{Name: fmt.Sprintf("gradient %d", f.differentiated()[i]), Node: n})
	}
	return t, err
}

func (f form) differentiated() []int {
	if f.wrt != nil {
		return f.wrt
	}
	var all []int
	for i := range f.shapes {
		all = append(all, i)
	}
	return all
}

func leaf(g *G.ExprGraph, dtype tensor.Dtype, name string, shape []int) *G.Node {
	if len(shape) == 0 {
		return G.NewScalar(g, dtype, G.WithName(name))
	}
	return G.NewTensor(g, dtype, len(shape), G.WithShape(shape...), G.WithName(name))
}

// fixed is export.Options.Batch: 1 for a form that knows no batch.
func (f form) fixed() int {
	for _, s := range f.shapes {
		if slices.ContainsFunc(s, func(d int) bool { return d < 0 }) {
			return 0
		}
	}
	return 1
}

// at gives a shape its batch.
func at(shape []int, batch int) []int {
	s := slices.Clone(shape)
	for i, d := range s {
		if d < 0 {
			s[i] = -d * batch
		}
	}
	return s
}

// drawn returns a form's inputs, the same for every dtype, and what it must give of them.
func drawn(f form, batch int, gradient bool) (in, want []array) {
	for i, s := range f.shapes {
		a := zeros(at(s, batch)...)
		noise.Stream{Seed: 11}.Uniform64(a.data, uint32(i), uint32(batch))
		for k := range a.data {
			a.data[k] = 0.3 + 1.4*a.data[k]
			if f.signed {
				a.data[k] = (a.data[k] - 1) * 12 / 7
			}
			a.data[k] = float64(float32(a.data[k]))
		}
		in = append(in, a)
	}
	result := f.want(in)
	if !gradient {
		return in, []array{result}
	}
	weights := zeros(result.shape...)
	noise.Stream{Seed: 12}.Uniform64(weights.data, 0, uint32(batch))
	for k := range weights.data {
		weights.data[k] = float64(float32(0.5 + weights.data[k]))
	}
	for _, i := range f.differentiated() {
		want = append(want, differences(f, in, weights, i))
	}
	return append(in, weights), want
}

// differences is the gradient of the weighted sum of a form's results by one operand, by central differences.
func differences(f form, in []array, weights array, operand int) array {
	const h = 1e-5
	total := func(in []array) float64 {
		s := 0.0
		for i, y := range f.want(in).data {
			s += weights.data[i] * y
		}
		return s
	}
	moved := slices.Clone(in)
	moved[operand] = in[operand].clone()
	grad := zeros(in[operand].shape...)
	for k, x := range in[operand].data {
		moved[operand].data[k] = x + h
		up := total(moved)
		moved[operand].data[k] = x - h
		grad.data[k] = (up - total(moved)) / (2 * h)
		moved[operand].data[k] = x
	}
	return grad
}

// compare reports the first number that is not the one wanted, or another shape.
func compare(got, want array, dtype tensor.Dtype) error {
	if !slices.Equal(got.shape, want.shape) && !(len(want.shape) == 0 && len(got.data) == 1) {
		return fmt.Errorf("shape %v, want %v", got.shape, want.shape)
	}
	tolerance := 1e-7
	if dtype == tensor.Float32 {
		tolerance = 2e-4
	}
	if len(got.data) != len(want.data) {
		return fmt.Errorf("%d numbers, want %d", len(got.data), len(want.data))
	}
	for i, w := range want.data {
		if !(math.Abs(got.data[i]-w) <= tolerance*math.Max(1, math.Abs(w))) {
			return fmt.Errorf("number %d is %.7g, want %.7g", i, got.data[i], w)
		}
	}
	return nil
}

func toTensor(name string, a array, dtype tensor.Dtype) onnxtensor.Tensor {
	t := onnxtensor.Tensor{Name: name, Data: a.data}
	for _, d := range a.shape {
		t.Shape = append(t.Shape, int64(d))
	}
	if dtype == tensor.Float32 {
		narrow := make([]float32, len(a.data))
		for i, v := range a.data {
			narrow[i] = float32(v)
		}
		t.Data = narrow
	}
	return t
}

func ints(s []int64) []int {
	var r []int
	for _, d := range s {
		r = append(r, int(d))
	}
	return r
}
