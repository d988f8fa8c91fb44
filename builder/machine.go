package builder

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/catvae/catvae/internal/tape"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Machine runs a graph on gorgonia's tape machine: named inputs in, the values of chosen nodes out. It is the
// reference that everything faster is compared with. A Machine is for one goroutine.
type Machine struct {
	graph *Graph
	tape  *tape.Machine
}

// NewMachine prepares the computation of outputs, and of nothing else: gradients that nobody reads are left out. Nodes
// may not be added to the graph later.
func NewMachine(b *Graph, outputs ...*G.Node) (*Machine, error) {
	if b.err != nil {
		return nil, b.err
	}
	t, err := tape.New(b.expr, outputs...)
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return &Machine{graph: b, tape: t}, nil
}

// Run computes the outputs for inputs by name; constants and parameters have their values already. A scalar input takes
// a tensor of one element. The results are in the order of the outputs and valid until the next run: copy what you
// keep.
func (m *Machine) Run(inputs map[string]*tensor.Dense) ([]G.Value, error) {
	for name, value := range inputs {
		n, ok := m.graph.named[name]
		if !ok {
			return nil, fmt.Errorf("builder: the graph has no input %q", name)
		}
		if m.graph.fixed[name] {
			return nil, fmt.Errorf("builder: %q is a parameter or constant and has its value: use Params.Set for parameters", name)
		}
		if value == nil {
			return nil, fmt.Errorf("builder: input %q has no value", name)
		}
		if err := tape.Bind(n, value); err != nil {
			return nil, fmt.Errorf("builder: input %q: %w", name, err)
		}
	}
	values, err := m.tape.Run()
	if err != nil {
		return nil, fmt.Errorf("builder: run: %w", err)
	}
	return values, nil
}

// Close frees the machine.
func (m *Machine) Close() error { return m.tape.Close() }

// Floats returns a copy of a value's numbers in row-major order as float64, whatever their type and their order in memory; truth
// values are 0 and 1. It is nil for what has no numbers to give, such as a tensor with a mask.
func Floats(v G.Value) []float64 {
	data, err := rowmajor.Data(v)
	if err != nil {
		return nil
	}
	switch d := data.(type) {
	case []float64:
		return append([]float64(nil), d...)
	case []int:
		out := make([]float64, len(d))
		for i, x := range d {
			out[i] = float64(x)
		}
		return out
	}
	return onnxtensor.Tensor{Data: data}.Floats()
}
