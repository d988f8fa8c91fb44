package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Machine runs a graph on gorgonia's tape machine: named inputs in, the values of chosen nodes out. It is the
// reference that everything faster is compared with. A Machine is for one goroutine.
type Machine struct {
	tape   G.VM
	graph  *Graph
	values []G.Value
}

// NewMachine prepares the computation of outputs, and of nothing else: the machine is built on the subgraph that leads
// to them, since gorgonia's Grad leaves gradients behind that nobody reads. Nodes may not be added to the graph later.
func NewMachine(b *Graph, outputs ...*G.Node) (*Machine, error) {
	if b.err != nil {
		return nil, b.err
	}
	m := &Machine{graph: b, values: make([]G.Value, len(outputs))}
	err := guard(func() error {
		reads := make(G.Nodes, len(outputs))
		for i, n := range outputs {
			if n == nil {
				return errNil
			}
			// A node's own Value lies once its memory has been used again; Read copies in time.
			reads[i] = G.Read(n, &m.values[i])
		}
		m.tape = G.NewTapeMachine(b.expr.SubgraphRoots(reads...))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("builder: make the tape machine: %w", err)
	}
	return m, nil
}

// Run computes the outputs for inputs by name; constants and parameters have their values already. The results are in
// the order of the outputs and stay valid: the next run makes new ones.
func (m *Machine) Run(inputs map[string]*tensor.Dense) ([]G.Value, error) {
	err := guard(func() error {
		for name, value := range inputs {
			n, ok := m.graph.named[name]
			if !ok {
				return fmt.Errorf("there is no input %q", name)
			}
			var v any = value
			if n.IsScalar() {
				v = value.Data() // a scalar node takes a number, not a tensor of no dimensions
				if s, err := scalar(v); err == nil {
					v = s
				}
			} else if !value.Shape().Eq(n.Shape()) {
				return fmt.Errorf("input %q has shape %v, the graph wants %v", name, value.Shape(), n.Shape())
			}
			if err := G.Let(n, v); err != nil {
				return fmt.Errorf("input %q: %w", name, err)
			}
		}
		m.tape.Reset()
		return m.tape.RunAll()
	})
	if err != nil {
		return nil, fmt.Errorf("builder: run: %w", err)
	}
	return append([]G.Value(nil), m.values...), nil
}

// Close frees the machine.
func (m *Machine) Close() error { return m.tape.Close() }

func scalar(v any) (any, error) {
	switch s := v.(type) {
	case float32, float64:
		return s, nil
	case []float32:
		if len(s) == 1 {
			return s[0], nil
		}
	case []float64:
		if len(s) == 1 {
			return s[0], nil
		}
	}
	return nil, fmt.Errorf("builder: %T is no scalar", v)
}

// Floats returns a value's numbers in row-major order as float64, whatever their type.
func Floats(v G.Value) []float64 {
	switch d := v.Data().(type) {
	case float32:
		return []float64{float64(d)}
	case float64:
		return []float64{d}
	case []float32:
		return widen(d)
	case []float64:
		return append([]float64(nil), d...)
	case []uint8:
		return widen(d)
	}
	return nil
}

func widen[T float32 | uint8](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
