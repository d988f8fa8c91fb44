// Package tape runs gorgonia graphs on gorgonia's tape machine, with its traps kept out: only what is read is computed,
// everything is read by copy, the machine is reset between runs, and a panic is an error.
package tape

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/flaw"
	"github.com/catvae/catvae/internal/rowmajor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Machine computes chosen nodes of one graph. It is for one goroutine.
type Machine struct {
	vm     G.VM
	values []G.Value
}

// New prepares the computation of outputs, and of nothing else: the machine is built on the subgraph that leads to
// them, since gorgonia's Grad leaves gradients behind that nobody reads. Nodes may not be added to the graph later. Leaves that hold
// a tensor in another order than row-major are given a copy in that order: gorgonia's operations do not all heed it. A reshape has
// memory of its own. What the machine would compute wrongly is an error that wraps [flaw.Err].
func New(g *G.ExprGraph, outputs ...*G.Node) (*Machine, error) {
	m := &Machine{values: make([]G.Value, len(outputs))}
	for i, n := range outputs {
		if n == nil {
			return nil, fmt.Errorf("tape: output %d is nil", i)
		}
	}
	if err := exprgraph.Mend(g); err != nil {
		return nil, fmt.Errorf("tape: %w", err)
	}
	if err := exprgraph.Walk(outputs, straighten); err != nil {
		return nil, fmt.Errorf("tape: %w", err)
	}
	reached := flaw.Reached(outputs...)
	if err := flaw.Machine(reached); err != nil {
		return nil, fmt.Errorf("tape: %w", err)
	}
	mode, err := modeOf(reached)
	if err != nil {
		return nil, fmt.Errorf("tape: %w", err)
	}
	err = exprgraph.Guard(func() error {
		restore, err := separate(reached)
		defer restore()
		if err != nil {
			return err
		}
		reads := make(G.Nodes, len(outputs))
		for i, n := range outputs {
			// A node's own Value is wrong once its memory has been reused; Read copies in time.
			reads[i] = G.Read(n, &m.values[i])
		}
		m.vm = G.NewTapeMachine(g.SubgraphRoots(reads...), mode...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tape: make the machine: %w", err)
	}
	return m, nil
}

// modeOf returns gorgonia's EvalMode where BatchNorm and Dropout are in testing mode: without it the machine sets all of them to training,
// and their running statistics to 0 and 1.
func modeOf(nodes []*G.Node) ([]G.VMOpt, error) {
	modes := map[bool]*G.Node{}
	for _, n := range nodes {
		if _, ok := n.Op().(G.TrainModeOp); !ok {
			continue
		}
		v := reflect.Indirect(reflect.ValueOf(n.Op()))
		for _, name := range []string{"training", "isTraining"} {
			if v.Kind() != reflect.Struct {
				continue
			}
			if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.Bool {
				modes[f.Bool()] = n
			}
		}
	}
	switch testing, training := modes[false], modes[true]; {
	case testing == nil:
		return nil, nil
	case training != nil:
		return nil, fmt.Errorf("%s is in testing mode and %s in training, and gorgonia's machine has one mode for all: call SetTraining of both", exprgraph.Label(testing), exprgraph.Label(training))
	}
	return []G.VMOpt{G.EvalMode()}, nil
}

// straighten gives a leaf its value in row-major order.
func straighten(n *G.Node, _ []*G.Node) error {
	t, ok := n.Value().(*tensor.Dense)
	if n.Op() != nil || !ok {
		return nil
	}
	straight, err := rowmajor.Dense(t)
	if err == nil && straight != t {
		err = exprgraph.Guard(func() error { return G.Let(n, straight) })
	}
	if err != nil {
		return fmt.Errorf("%s: %w", exprgraph.Label(n), err)
	}
	return nil
}

// Bind gives an input its value: a tensor of the node's shape, or for a scalar node a tensor of one element.
func Bind(n *G.Node, value *tensor.Dense) error {
	if n.IsScalar() {
		if value.Shape().TotalSize() != 1 {
			return fmt.Errorf("tape: %q is a scalar, the value has shape %v", n.Name(), value.Shape())
		}
	} else if !slices.Equal(value.Shape(), n.Shape()) {
		return fmt.Errorf("tape: %q has shape %v, the value has %v", n.Name(), n.Shape(), value.Shape())
	}
	data, err := rowmajor.Data(value)
	if err != nil {
		return fmt.Errorf("tape: %q: %w", n.Name(), err)
	}
	return BindData(n, data)
}

// BindData gives an input its numbers: a slice, in row-major order, of the node's type and size. Nodes of type int take []int64, as
// ONNX has it, or []int.
func BindData(n *G.Node, data any) error {
	if d, ok := data.([]int64); ok && n.Dtype() == tensor.Int {
		ints := make([]int, len(d))
		for i, x := range d {
			ints[i] = int(x)
		}
		data = ints
	}
	return exprgraph.Guard(func() error {
		if n.IsScalar() { // it takes a number, not a tensor of no dimensions
			return G.Let(n, reflect.ValueOf(data).Index(0).Interface())
		}
		return G.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(data)))
	})
}

// Run computes the outputs, in their order. The results are valid until the next run, which may write into their memory.
func (m *Machine) Run() ([]G.Value, error) {
	err := exprgraph.Guard(func() error {
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
