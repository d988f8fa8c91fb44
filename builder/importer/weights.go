package importer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	G "gorgonia.org/gorgonia"
)

// constants marks, in a name, a tensor that was a constant of a model before it was exported by us: see batchNormalization.
const constants = "/constant/"

// trains reports an initialiser that is a weight: fractions, with a dimension.
func trains(t onnxgraph.Tensor) bool {
	return len(t.Shape) > 0 && (t.DType == onnxtensor.Float32 || t.DType == onnxtensor.Float64) && !strings.Contains(t.Name, constants)
}

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
	if short, ok := strings.CutPrefix(name, s.part+"/"); ok && s.part != "" {
		if _, taken := s.weights[short]; !taken {
			name = short
		}
	}
	n := s.b.Parameter(name, func(dst []float64, _ []int, _ func([]float64)) { copy(dst, values) }, t.Shape...)
	s.parameters[t.Name] = n
	return n, s.b.Err()
}

// floats returns the numbers of a tensor of fractions.
func floats(t *onnxgraph.Tensor) ([]float64, error) {
	var values []float64
	switch d := t.Data.(type) {
	case []float32:
		values = make([]float64, len(d))
		for i, x := range d {
			values[i] = float64(x)
		}
	case []float64:
		values = d
	default:
		return nil, fmt.Errorf("%.100q is of type %s where fractions are wanted: %w", t.Name, t.DType, ErrUnsupported)
	}
	for i, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("number %d of %.100q is %g: %w", i, t.Name, x, ErrGraph)
		}
	}
	return values, nil
}

// tensor returns an operand as a node: a value of the graph as it is, weights as a parameter, other numbers as a constant.
func (s *builds) tensor(o operand) (*G.Node, error) {
	switch {
	case o.node != nil:
		return o.node, nil
	case o.known == nil:
		return nil, fmt.Errorf("an operand is left out: %w", ErrGraph)
	case o.trains && len(o.known.Shape) > 0:
		return s.weight(o.known)
	}
	values, err := floats(o.known)
	if err != nil {
		return nil, err
	}
	if len(values) > 0 && !slices.ContainsFunc(values, func(x float64) bool { return x != values[0] }) { // of any shape, the batch's too
		return s.b.Number(values[0]), s.b.Err()
	}
	return s.constant(o.known)
}

// constant returns known numbers as a constant of their shape.
func (s *builds) constant(t *onnxgraph.Tensor) (*G.Node, error) {
	if n, ok := s.parameters[t.Name]; ok {
		return n, nil
	}
	values, err := floats(t)
	if err != nil {
		return nil, err
	}
	name := t.Name
	if !strings.Contains(name, constants) {
		name = s.part + constants + name
	}
	n := s.b.Constant(name, values, t.Shape...)
	s.parameters[t.Name] = n
	return n, s.b.Err()
}

// whole returns operand i as a node of its own shape, where tensorAt makes a number of elements that are all alike.
func (c *call) whole(i int) (*G.Node, error) {
	if i < len(c.in) && c.in[i].known != nil && !c.in[i].trains && len(c.in[i].known.Shape) > 0 {
		n, err := c.constant(c.in[i].known)
		if err != nil {
			return nil, fmt.Errorf("operand %d: %w", i+1, err)
		}
		return n, nil
	}
	return c.tensorAt(i)
}

// A Parameter is a tensor of a graph that trains.
type Parameter struct {
	Name  string
	Shape []int
}

// fixedShape returns an input's shape with a batch for its first dimension. Others must be fixed in the file.
func fixedShape(v onnxgraph.Value, batch int) ([]int, error) {
	if len(v.Shape) == 0 {
		return nil, fmt.Errorf("importer: the input %.100q has no batch dimension: %w", v.Name, ErrGraph)
	}
	shape := []int{batch}
	for i, d := range v.Shape[1:] {
		if d < 1 {
			return nil, fmt.Errorf("importer: dimension %d of the input %.100q is not fixed: only the first, the batch, may vary: %w", i+1, v.Name, ErrGraph)
		}
		shape = append(shape, int(d))
	}
	return shape, nil
}
