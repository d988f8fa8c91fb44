package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ErrObjective is wrapped by every error about a traced objective, and ErrBatch by every error about a step's batch.
var (
	ErrObjective = errors.New("unusable objective")
	ErrBatch     = errors.New("bad batch")
)

// A Trace builds an objective for a batch of the given size into g. It may be called more than once, each time with an
// empty graph, and must do the same each time; the parameters' values are taken from the first.
type Trace func(g *G.ExprGraph, batch int) (Objective, error)

// An Objective is what training minimises, in one gorgonia graph. Leaves of the graph that are neither parameters nor
// inputs must hold a value, and are constants.
type Objective struct {
	Loss       *G.Node          // scalar, float32 or float64
	Parameters G.Nodes          // leaves with a value and a unique name, of the loss's type; scalars too
	Inputs     G.Nodes          // leaves with a unique name: each step fills them
	Metrics    []export.Named   // further scalars of the loss's type that a step returns
	Updates    []builder.Update // tensors that a step carries over to the next without a gradient, such as running means
}

// A Batch holds the numbers of [Objective].Inputs by their names: a slice each, []float32, []float64, []uint8, []int64 or
// []int32 as the node's type is, in row-major order; []int64 for gorgonia's int; a scalar is a slice of one. A step reads it and keeps nothing.
type Batch map[string]any

// Values are the loss and then the metrics of one step, from before its update.
type Values []float64

// An Engine takes steps. It is for one goroutine.
type Engine interface {
	// Name says what runs, for people: "compiled (onnxruntime 1.29.0 (cpu))".
	Name() string
	// StepsPerCall returns how many batches Step takes best at once: 1, or more where each call has a fixed cost.
	StepsPerCall() int
	// Step takes one step for each batch, in their order. After an error that is neither an [ErrBatch] nor the
	// context's, the state may be lost: Restore one, or close the engine.
	Step(ctx context.Context, batches ...Batch) ([]Values, error)
	// State returns a copy of everything that steps change.
	State() State
	// Restore continues from a state of an engine, this or another, with the same objective and optimiser.
	Restore(s State) error
	// Close frees the engine. It may be called twice.
	Close() error
}

// A State is everything that steps change.
type State struct {
	Steps   int                 // taken so far
	Tensors []onnxtensor.Tensor // parameters and buffers under their names; moments as "optimizer/m/NAME", "optimizer/v/NAME"
}

// Tensor returns a tensor of the state by its name.
func (s State) Tensor(name string) (onnxtensor.Tensor, bool) {
	i := slices.IndexFunc(s.Tensors, func(t onnxtensor.Tensor) bool { return t.Name == name })
	if i < 0 {
		return onnxtensor.Tensor{}, false
	}
	return s.Tensors[i], true
}

// Parameters returns the state without the optimiser's moments: what export.WithValues takes. Where the optimiser averages weights, they are the
// averages.
func (s State) Parameters() []onnxtensor.Tensor {
	averages := map[string]any{}
	for _, t := range s.Tensors {
		if name, ok := AverageOf(t.Name); ok {
			averages[name] = t.Data
		}
	}
	var out []onnxtensor.Tensor
	for _, t := range s.Tensors {
		if IsMoment(t.Name) {
			continue
		}
		if a, ok := averages[t.Name]; ok {
			t.Data = a
		}
		out = append(out, t)
	}
	return out
}

// check reports the first thing wrong with an objective.
func (o Objective) check(g *G.ExprGraph) error {
	switch {
	case o.Loss == nil:
		return fmt.Errorf("engine: %w: it has no loss", ErrObjective)
	case o.Loss.Graph() != g:
		return fmt.Errorf("engine: %w: the loss is not a node of the graph that was passed to the trace", ErrObjective)
	case len(o.Loss.Shape()) != 0:
		return fmt.Errorf("engine: %w: the loss has shape %v and must be a scalar: take gorgonia.Mean or Sum of it", ErrObjective, o.Loss.Shape())
	case o.Loss.Dtype() != tensor.Float32 && o.Loss.Dtype() != tensor.Float64:
		return fmt.Errorf("engine: %w: the loss is of type %v: use float32 or float64", ErrObjective, o.Loss.Dtype())
	case len(o.Parameters) == 0:
		return fmt.Errorf("engine: %w: it has no parameters to train", ErrObjective)
	}
	names := map[string]bool{}
	stored := slices.Clone(o.Parameters)
	for _, u := range o.Updates {
		stored = append(stored, u.Buffer)
	}
	for _, n := range slices.Concat(stored, o.Inputs) {
		switch {
		case n == nil || n.Graph() != g:
			return fmt.Errorf("engine: %w: a parameter, buffer or input is not a node of the graph that was passed to the trace", ErrObjective)
		case n.Op() != nil:
			return fmt.Errorf("engine: %w: %q is the result of %v: parameters, buffers and inputs are leaves", ErrObjective, n.Name(), n.Op())
		case exprgraph.Name(n) == "":
			return fmt.Errorf("engine: %w: a parameter, buffer or input of shape %v has no name: give each its own (gorgonia.WithName)", ErrObjective, n.Shape())
		case names[n.Name()]:
			return fmt.Errorf("engine: %w: the name %q is used twice: each parameter, buffer and input needs its own", ErrObjective, n.Name())
		}
		names[n.Name()] = true
	}
	for _, n := range o.Inputs {
		switch dtypeOf(n.Dtype()) {
		case onnxtensor.Float32, onnxtensor.Float64, onnxtensor.Int64, onnxtensor.Int32, onnxtensor.Uint8:
		default:
			return fmt.Errorf("engine: %w: the input %q is of type %v: use float32, float64, int64, int32 or uint8", ErrObjective, n.Name(), n.Dtype())
		}
	}
	for i, p := range stored {
		what := "parameter"
		if i >= len(o.Parameters) {
			what = "buffer"
		}
		if p.Value() == nil {
			return fmt.Errorf("engine: %w: the %s %q holds no value: give it one (gorgonia.WithValue, WithInit)", ErrObjective, what, p.Name())
		}
		if _, err := rowmajor.Data(p.Value()); err != nil {
			return fmt.Errorf("engine: %w: the %s %q: %w", ErrObjective, what, p.Name(), err)
		}
		if p.Dtype() != o.Loss.Dtype() {
			return fmt.Errorf("engine: %w: the %s %q is of type %v, the loss of %v", ErrObjective, what, p.Name(), p.Dtype(), o.Loss.Dtype())
		}
	}
	for _, u := range o.Updates {
		if u.Next == nil || u.Next.Graph() != g || !slices.Equal(u.Next.Shape(), u.Buffer.Shape()) || u.Next.Dtype() != u.Buffer.Dtype() {
			return fmt.Errorf("engine: %w: the next value of the buffer %q must be a node of the loss's graph, of shape %v and type %v", ErrObjective, u.Buffer.Name(), u.Buffer.Shape(), u.Buffer.Dtype())
		}
	}
	for _, m := range o.Metrics {
		if m.Node == nil || m.Node.Graph() != g || len(m.Node.Shape()) != 0 || m.Node.Dtype() != o.Loss.Dtype() || m.Name == "" {
			return fmt.Errorf("engine: %w: the metric %q must be a named scalar of the loss's type, in the loss's graph", ErrObjective, m.Name)
		}
	}
	return nil
}
