package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/flaw"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// prefix begins the names of what this package adds to a graph, and of moments in a [State].
const prefix = "optimizer/"

// IsMoment reports whether a tensor of a [State] is an optimiser's moment, and not a parameter.
func IsMoment(name string) bool { return strings.HasPrefix(name, prefix) }

// AverageOf returns the name of the parameter of which a tensor of a [State] is the moving average.
func AverageOf(name string) (parameter string, ok bool) {
	return strings.CutPrefix(name, prefix+averageMoment+"/")
}

// program is one training step as a graph: the objective, its gradients, and the optimiser's update.
type program struct {
	graph     *G.ExprGraph
	objective Objective
	optimizer Optimizer
	rule      rule
	scalars   []*G.Node // inputs, in the order of rule.scalars
	states    []state   // parameters first, then their moments, parameter by parameter, then buffers
}

// state is a tensor that the step replaces.
type state struct {
	name    string
	in, out *G.Node
	shape   []int64
	initial any // its numbers, a slice; read only: it may be the caller's
}

// size returns the number of elements.
func (s state) size() int {
	_, n, _ := onnxtensor.DTypeOf(s.initial)
	return n
}

// newProgram traces an objective and adds the rest of a step.
func newProgram(ctx context.Context, trace Trace, o Optimizer, batch int) (*program, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Schedule == CosineRate && o.ScheduleSteps == 0 {
		return nil, fmt.Errorf("engine: optimizer.schedule is %s: optimizer.schedule_steps must say when the learning rate is 0: %w", CosineRate, ErrOptimizer)
	}
	if batch < 1 {
		return nil, fmt.Errorf("engine: a batch of %d rows: use 1 or more: %w", batch, ErrBatch)
	}
	p := &program{graph: G.NewGraph(), optimizer: o, rule: o.rule()}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	err := exprgraph.Guard(func() (err error) {
		p.objective, err = trace(p.graph, batch)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("engine: trace the objective: %w", err)
	}
	if err := p.objective.check(p.graph); err != nil {
		return nil, err
	}
	for _, n := range p.graph.AllNodes() {
		if n.Op() == nil && IsMoment(exprgraph.Name(n)) {
			return nil, fmt.Errorf("engine: %w: the name %q begins with %q, which is kept for the optimiser", ErrObjective, n.Name(), prefix)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if err := flaw.Twice(p.objective.Loss); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	grads, err := exprgraph.Grad(p.objective.Loss, p.objective.Parameters...)
	if err != nil {
		return nil, fmt.Errorf("engine: differentiate the loss (does it depend on every parameter?): %w", err)
	}
	for i, w := range p.objective.Parameters {
		if g := grads[i]; !slices.Equal(g.Shape(), w.Shape()) || g.Dtype() != w.Dtype() {
			return nil, fmt.Errorf("engine: %w: the gradient of the loss by the parameter %q is %v of shape %v, the parameter %v of shape %v: an operation that reads it differentiates wrongly (docs/operators.md lists those of gorgonia)",
				ErrObjective, w.Name(), g.Dtype(), g.Shape(), w.Dtype(), w.Shape())
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return p, p.addUpdates(grads)
}

// addUpdates adds the optimiser's nodes, and lists what a step replaces.
func (p *program) addUpdates(grads G.Nodes) error {
	params, err := builder.NewParams(p.dtype(), 0)
	if err != nil {
		return err
	}
	b := builder.Over(p.graph, params)
	for _, s := range p.rule.scalars(1) {
		p.scalars = append(p.scalars, b.Input(prefix+s.name))
	}
	var moments []state
	for i, g := range clipByNorm(b, grads, p.optimizer.Clip) {
		w := p.objective.Parameters[i]
		in := updateInputs{w: w, g: g, scalars: p.scalars}
		for _, m := range p.rule.moments {
			in.moments = append(in.moments, b.Input(prefix+m+"/"+w.Name(), w.Shape()...))
		}
		next, nextMoments := p.rule.update(b, in)
		initial, err := rowmajor.Data(w.Value())
		if err != nil {
			return fmt.Errorf("engine: parameter %q: %w", w.Name(), err)
		}
		s := state{w.Name(), w, next, int64s(w.Shape()), initial}
		p.states = append(p.states, s)
		for j, m := range in.moments {
			if b.Err() == nil {
				from := makeData(dtypeOf(p.dtype()), s.size())
				if p.rule.moments[j] == averageMoment {
					copyData(from, initial)
				}
				moments = append(moments, state{m.Name(), m, nextMoments[j], s.shape, from})
			}
		}
	}
	p.states = append(p.states, moments...)
	for _, u := range p.objective.Updates {
		initial, err := rowmajor.Data(u.Buffer.Value())
		if err != nil {
			return fmt.Errorf("engine: buffer %q: %w", u.Buffer.Name(), err)
		}
		p.states = append(p.states, state{u.Buffer.Name(), u.Buffer, u.Next, int64s(u.Buffer.Shape()), initial})
	}
	if err := b.Err(); err != nil {
		return fmt.Errorf("engine: %s update: %w", p.optimizer.Name, err)
	}
	return nil
}

func (p *program) dtype() tensor.Dtype { return p.objective.Loss.Dtype() }

// checkBatch reports a batch that does not fit the objective's inputs.
func (p *program) checkBatch(b Batch) error {
	if len(b) != len(p.objective.Inputs) {
		return fmt.Errorf("engine: %d inputs are given, the objective has %d: %w", len(b), len(p.objective.Inputs), ErrBatch)
	}
	for _, n := range p.objective.Inputs {
		data, given := b[n.Name()]
		if !given {
			return fmt.Errorf("engine: the input %q is not given: %w", n.Name(), ErrBatch)
		}
		dtype, size, ok := onnxtensor.DTypeOf(data)
		if want := dtypeOf(n.Dtype()); !ok || dtype != want {
			return fmt.Errorf("engine: input %q is a %T, the objective takes %s: %w", n.Name(), data, want, ErrBatch)
		}
		if want := max(1, n.Shape().TotalSize()); size != want {
			return fmt.Errorf("engine: input %q has %d numbers, its shape %v wants %d: %w", n.Name(), size, n.Shape(), want, ErrBatch)
		}
	}
	return nil
}

// dtypeOf returns the name of a gorgonia type. Its int is ONNX's int64.
func dtypeOf(d tensor.Dtype) onnxtensor.DType {
	if d == tensor.Int {
		return onnxtensor.Int64
	}
	return onnxtensor.DType(d.Name())
}

// checkState reports a state that belongs to another program, and returns its tensors in the order of the states.
func (p *program) checkState(s State) ([]onnxtensor.Tensor, error) {
	tensors := make([]onnxtensor.Tensor, len(p.states))
	for i, want := range p.states {
		t, ok := s.Tensor(want.name)
		if !ok {
			return nil, fmt.Errorf("engine: the state lacks %q: it belongs to another model or optimiser", want.name)
		}
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("engine: the state's %q: %w", want.name, err)
		}
		dtype, _, _ := onnxtensor.DTypeOf(t.Data)
		if !slices.Equal(t.Shape, want.shape) || dtype != dtypeOf(p.dtype()) {
			return nil, fmt.Errorf("engine: the state's %q is %s %v, this model's is %s %v: it belongs to another model", want.name, dtype, t.Shape, dtypeOf(p.dtype()), want.shape)
		}
		tensors[i] = t
	}
	if s.Steps < 0 {
		return nil, fmt.Errorf("engine: the state has taken %d steps", s.Steps)
	}
	return tensors, nil
}

func int64s(s []int) []int64 {
	r := make([]int64, len(s))
	for i, v := range s {
		r[i] = int64(v)
	}
	return r
}

// number reads a scalar result.
func number(v G.Value) float64 { return builder.Floats(v)[0] }
