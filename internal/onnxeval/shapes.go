package onnxeval

import (
	"errors"
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/visible"
)

// Shapes infers types and shapes of a graph's values, by their names, for inputs of given shapes and without their numbers. What
// follows from operators that are not there, or from numbers that are not known, is left out. Operands that do not fit each other
// are an [ErrShape].
func Shapes(g *onnxgraph.Graph, inputs []onnxgraph.Tensor) (map[string]onnxgraph.Tensor, error) {
	values := map[string]*value{}
	for _, t := range g.Initialisers {
		v, err := knownValue(t)
		if err != nil {
			return nil, visible.Error(fmt.Errorf("onnxeval: initialiser %.100q: %w", t.Name, err))
		}
		values[t.Name] = v
	}
	for _, t := range inputs {
		v, err := newValue(t.Name, t.DType, t.Shape)
		if err != nil {
			return nil, visible.Error(fmt.Errorf("onnxeval: input %.100q: %w", t.Name, err))
		}
		values[t.Name] = v
	}
	pl := &planner{opset: g.Opset, values: values, limit: maxFolded}
	for _, n := range g.Nodes {
		if op, ok := operators[n.Op]; !ok || op.since > g.Opset || !pl.has(n.Inputs) {
			continue
		}
		err := pl.add(n)
		if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, errLarge) {
			return nil, visible.Error(err)
		}
	}
	shapes := map[string]onnxgraph.Tensor{}
	for name, v := range values {
		shapes[name] = onnxgraph.Tensor{Name: name, DType: v.dtype, Shape: v.shape}
	}
	return shapes, nil
}

// has reports whether something is known of every operand.
func (p *planner) has(operands []string) bool {
	for _, name := range operands {
		if name != "" && p.values[name] == nil {
			return false
		}
	}
	return true
}
