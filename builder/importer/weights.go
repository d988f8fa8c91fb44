package importer

import (
	"fmt"
	"strings"

	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// weight returns known numbers as a parameter of the model, named as the ONNX graph does; the same node for the same name.
func (s *builds) weight(t *onnxgraph.Tensor) (*G.Node, error) {
	values, err := floats(t)
	if err != nil {
		return nil, err
	}
	if n, ok := s.parameters[t.Name]; ok {
		return n, nil
	}
	name := t.Name
	if s.part != "" {
		name = strings.TrimPrefix(name, s.part+"/")
	}
	n := s.b.Parameter(name, func(dst []float64, _ []int, _ func([]float64)) { copy(dst, values) }, t.Shape...)
	s.parameters[t.Name] = n
	return n, nil
}

// floats returns the numbers of a tensor of fractions.
func floats(t *onnxgraph.Tensor) ([]float64, error) {
	switch d := t.Data.(type) {
	case []float32:
		values := make([]float64, len(d))
		for i, x := range d {
			values[i] = float64(x)
		}
		return values, nil
	case []float64:
		return d, nil
	}
	return nil, fmt.Errorf("%q is of type %s where fractions are wanted: %w", t.Name, t.DType, ErrUnsupported)
}

// tensor returns an operand as a node: a value of the graph as it is, a known tensor as a parameter, a known number without
// dimensions as a constant.
func (s *builds) tensor(o operand) (*G.Node, error) {
	switch {
	case o.node != nil:
		return o.node, nil
	case o.known == nil:
		return nil, fmt.Errorf("an operand is left out")
	case len(o.known.Shape) == 0:
		values, err := floats(o.known)
		if err != nil {
			return nil, err
		}
		return s.b.Number(values[0]), nil
	}
	return s.weight(o.known)
}

// A Parameter is a tensor of a graph that trains.
type Parameter struct {
	Name  string
	Shape []int
}

// fixedShape returns an input's shape with a batch for its first dimension. Others must be fixed in the file.
func fixedShape(v onnxgraph.Value, batch int) ([]int, error) {
	if len(v.Shape) == 0 {
		return nil, fmt.Errorf("importer: the input %q has no batch dimension: %w", v.Name, ErrUnsupported)
	}
	shape := []int{batch}
	for i, d := range v.Shape[1:] {
		if d < 1 {
			return nil, fmt.Errorf("importer: dimension %d of the input %q is not fixed: only the first, the batch, may vary: %w", i+1, v.Name, ErrUnsupported)
		}
		shape = append(shape, int(d))
	}
	return shape, nil
}
