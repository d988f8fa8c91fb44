package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/catvae/catvae/internal/tape"
	"github.com/catvae/catvae/runtime/backend"
	G "gorgonia.org/gorgonia"
)

// Tape is the engine that runs on gorgonia's tape machine.
type Tape struct {
	*program
	machine *tape.Machine
	values  []any // of the states: a slice each
	steps   int
	closed  bool
}

var _ Engine = (*Tape)(nil)

// NewTape returns the engine that runs on gorgonia's tape machine, for batches of one size: the reference for
// [Compile], and for graphs with operations that cannot be exported. Errors wrap [ErrObjective], [ErrOptimizer],
// [export.ErrWrong] or, where ctx is done before the engine exists, ctx.Err().
func NewTape(ctx context.Context, trace Trace, o Optimizer, batch int) (*Tape, error) {
	p, err := newProgram(ctx, trace, o, batch)
	if err != nil {
		return nil, err
	}
	e := &Tape{program: p}
	outputs := []*G.Node{p.objective.Loss}
	for _, m := range p.objective.Metrics {
		outputs = append(outputs, m.Node)
	}
	for _, s := range p.states {
		outputs = append(outputs, s.out)
		e.values = append(e.values, clone(s.initial))
	}
	if e.machine, err = tape.New(p.graph, outputs...); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return e, nil
}

// Name implements [Engine].
func (e *Tape) Name() string { return "tape (gorgonia's tape machine)" }

// StepsPerCall implements [Engine].
func (e *Tape) StepsPerCall() int { return 1 }

// Close implements [Engine].
func (e *Tape) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	return e.machine.Close()
}

// Step implements [Engine].
func (e *Tape) Step(ctx context.Context, batches ...Batch) ([]Values, error) {
	if e.closed {
		return nil, fmt.Errorf("engine: step after Close: %w", backend.ErrClosed)
	}
	out := make([]Values, 0, len(batches))
	for _, b := range batches {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		v, err := e.step(b)
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (e *Tape) step(b Batch) (Values, error) {
	if err := e.checkBatch(b); err != nil {
		return nil, err
	}
	if err := e.bind(b); err != nil {
		return nil, err
	}
	values, err := e.machine.Run()
	if err != nil {
		return nil, fmt.Errorf("engine: step %d: %w", e.steps+1, err)
	}
	e.steps++
	reported := 1 + len(e.objective.Metrics)
	for i, v := range values[reported:] { // copied back: a tensor is never bound as input and output at once
		data, err := rowmajor.Data(v)
		if err != nil {
			return nil, fmt.Errorf("engine: step %d: %s: %w", e.steps, e.states[i].name, err)
		}
		copyData(e.values[i], data)
	}
	out := make(Values, reported)
	for i := range out {
		out[i] = number(values[i])
	}
	return out, nil
}

// bind gives every input its value.
func (e *Tape) bind(b Batch) error {
	for _, n := range e.objective.Inputs {
		if err := tape.BindData(n, b[n.Name()]); err != nil {
			return fmt.Errorf("engine: input %q: %w", n.Name(), err)
		}
	}
	for i, s := range e.rule.scalars(e.steps + 1) {
		data := makeData(dtypeOf(e.dtype()), 1)
		setAt(data, 0, s.value)
		if err := tape.BindData(e.scalars[i], data); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
	}
	for i, s := range e.states {
		if err := tape.BindData(s.in, e.values[i]); err != nil {
			return fmt.Errorf("engine: %s: %w", s.name, err)
		}
	}
	return nil
}

// State implements [Engine].
func (e *Tape) State() State {
	s := State{Steps: e.steps}
	for i, v := range e.values {
		s.Tensors = append(s.Tensors, onnxtensor.Tensor{Name: e.states[i].name, Shape: slices.Clone(e.states[i].shape), Data: clone(v)})
	}
	return s
}

// Restore implements [Engine].
func (e *Tape) Restore(s State) error {
	tensors, err := e.checkState(s)
	if err != nil {
		return err
	}
	for i, t := range tensors {
		copyData(e.values[i], t.Data)
	}
	e.steps = s.Steps
	return nil
}
