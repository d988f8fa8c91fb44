// Package tape runs gorgonia graphs on gorgonia's tape machine, with its traps kept out: only what is read is computed,
// everything is read by copy, the machine is reset between runs, and a panic is an error.
package tape

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/flaw"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Machine computes chosen nodes of one graph. It is for one goroutine.
type Machine struct {
	vm     G.VM
	values []G.Value
}

// New prepares the computation of outputs, and of nothing else: the machine is built on the subgraph that leads to
// them, since gorgonia's Grad leaves gradients behind that nobody reads. Nodes may not be added to the graph later. A reshape has
// memory of its own. What the machine would compute wrongly is an error that wraps [flaw.Err].
func New(g *G.ExprGraph, outputs ...*G.Node) (*Machine, error) {
	m := &Machine{values: make([]G.Value, len(outputs))}
	err := Guard(func() error {
		reads := make(G.Nodes, len(outputs))
		for i, n := range outputs {
			if n == nil {
				return fmt.Errorf("output %d is nil", i)
			}
		}
		reached := flaw.Reached(outputs...)
		if err := flaw.Machine(reached); err != nil {
			return err
		}
		restore, err := separate(reached)
		defer restore()
		if err != nil {
			return err
		}
		for i, n := range outputs {
			// A node's own Value is wrong once its memory has been reused; Read copies in time.
			reads[i] = G.Read(n, &m.values[i])
		}
		m.vm = G.NewTapeMachine(g.SubgraphRoots(reads...))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tape: make the machine: %w", err)
	}
	return m, nil
}

// Bind gives an input its value: a tensor of the node's shape, or for a scalar node a tensor of one element.
func Bind(n *G.Node, value *tensor.Dense) error {
	var v any = value
	if n.IsScalar() {
		if value.Shape().TotalSize() != 1 {
			return fmt.Errorf("tape: %q is a scalar, the value has shape %v", n.Name(), value.Shape())
		}
		switch d := value.Data().(type) { // a scalar node takes a number, not a tensor of no dimensions
		case []float32:
			v = d[0]
		case []float64:
			v = d[0]
		default:
			v = d
		}
	} else if !slices.Equal(value.Shape(), n.Shape()) {
		return fmt.Errorf("tape: %q has shape %v, the value has %v", n.Name(), n.Shape(), value.Shape())
	}
	return Guard(func() error { return G.Let(n, v) })
}

// Run computes the outputs, in their order. The results are valid until the next run, which may write into their memory.
func (m *Machine) Run() ([]G.Value, error) {
	err := Guard(func() error {
		m.vm.Reset() // without it a second run silently does nothing
		return m.vm.RunAll()
	})
	if err != nil {
		return nil, fmt.Errorf("tape: %w", err)
	}
	return append([]G.Value(nil), m.values...), nil
}

// Close frees the machine.
func (m *Machine) Close() error { return m.vm.Close() }

// Guard turns gorgonia's panics into errors.
func Guard(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("gorgonia: %w", p)
		default:
			err = fmt.Errorf("gorgonia: %v", p)
		}
	}()
	return f()
}
