package onnxeval_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

func floats(name string, shape []int, x ...float32) onnxgraph.Tensor {
	return onnxgraph.Tensor{Name: name, DType: onnxtensor.Float32, Shape: shape, Data: x}
}

func cast(out, in string, to int64) onnxgraph.Node { return with(node("Cast", out, in), "to", to) }

// Memory is shared between values, and results are views of operands: each case once went wrong, or could. x is [1, 2, 3].
func TestMemory(t *testing.T) {
	t.Parallel()
	const half, single = 10, 1
	for name, c := range map[string]struct {
		nodes   []onnxgraph.Node
		outputs map[string][]float32
	}{
		"a bound that is computed, and needed while it is overwritten": {
			[]onnxgraph.Node{node("ReduceMax", "one", "x"), node("Neg", "low", "one"), node("Clip", "c", "one", "low"), node("Neg", "y", "c")},
			map[string][]float32{"y": {-3}},
		},
		"a product of a value with itself": {[]onnxgraph.Node{node("Neg", "a", "x"), node("Mul", "y", "a", "a")}, map[string][]float32{"y": {1, 4, 9}}},
		"a value that is read after its last neighbour": {
			[]onnxgraph.Node{node("Neg", "a", "x"), node("Neg", "b", "a"), node("Neg", "c", "b"), node("Sub", "y", "c", "a")}, map[string][]float32{"y": {0, 0, 0}},
		},
		"a view that outlives what it is a view of": {
			[]onnxgraph.Node{node("Neg", "a", "x"), node("Identity", "v", "a"), node("Exp", "b", "x"), node("Neg", "y", "v")}, map[string][]float32{"y": {1, 2, 3}},
		},
		"outputs that are the input, views, and read further": {
			[]onnxgraph.Node{node("Identity", "y", "x"), node("Neg", "a", "x"), node("Identity", "z", "a"), node("Neg", "w", "a")},
			map[string][]float32{"x": {1, 2, 3}, "y": {1, 2, 3}, "a": {-1, -2, -3}, "z": {-1, -2, -3}, "w": {1, 2, 3}},
		},
		"half precision through an operator that gives a view": {
			[]onnxgraph.Node{cast("h", "x", half), node("Max", "m", "h"), cast("y", "m", single)}, map[string][]float32{"y": {1, 2, 3}},
		},
		"a power whose exponent alone is of half precision": {
			[]onnxgraph.Node{cast("h", "x", half), node("Pow", "y", "x", "h")}, map[string][]float32{"y": {1, 4, 27}},
		},
	} {
		g := &onnxgraph.Graph{Opset: 17, Inputs: []onnxgraph.Value{value("x", 3)}, Nodes: c.nodes}
		for out := range c.outputs {
			g.Outputs = append(g.Outputs, value(out))
		}
		p, err := onnxeval.Load(g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := []float32{1, 2, 3}
		got, err := p.Evaluate([]onnxgraph.Tensor{floats("x", []int{3}, x...)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, out := range got {
			if want := c.outputs[g.Outputs[i].Name]; !reflect.DeepEqual(out.Data, want) {
				t.Errorf("%s: %s is %v, want %v", name, g.Outputs[i].Name, out.Data, want)
			}
		}
		if !reflect.DeepEqual(x, []float32{1, 2, 3}) {
			t.Errorf("%s: the input is %v now", name, x)
		}
	}
}

// What a graph asks for in many small parts counts as a whole, and what it declares must be so.
func TestRefused(t *testing.T) {
	restore := onnxeval.SetMaxMemory(1 << 20)
	defer restore()
	var many, deep []onnxgraph.Node
	var outputs []onnxgraph.Value
	last := "x"
	for i := range 64 {
		out := string(rune('A' + i))
		many, outputs = append(many, node("Expand", out, "x", "to")), append(outputs, value(out))
		deep = append(deep, node("Unsqueeze", out, last, "axes"))
		last = out
	}
	for name, c := range map[string]struct {
		nodes   []onnxgraph.Node
		outputs []onnxgraph.Value
	}{
		"many outputs of a moderate size": {many, outputs},
		"dimensions without end":          {deep, []onnxgraph.Value{value(last)}},
		"another type than is declared":   {[]onnxgraph.Node{cast("y", "x", 10)}, []onnxgraph.Value{value("y")}},
		"an axis that is cut twice":       {[]onnxgraph.Node{node("Slice", "y", "x", "twos", "threes", "zeros")}, []onnxgraph.Value{value("y")}},
	} {
		g := &onnxgraph.Graph{Opset: 17, Inputs: []onnxgraph.Value{value("x", 3)}, Nodes: c.nodes, Outputs: c.outputs, Initialisers: []onnxgraph.Tensor{
			int64s("to", 1<<16, 3), int64s("axes", 0, 1), int64s("twos", 1, 1), int64s("threes", 2, 2), int64s("zeros", 0, 0),
		}}
		p, err := onnxeval.Load(g)
		if err == nil {
			_, err = p.Evaluate([]onnxgraph.Tensor{floats("x", []int{3}, 1, 2, 3)})
		}
		if !errors.Is(err, onnxeval.ErrShape) {
			t.Errorf("%s: the error is %v, want ErrShape", name, err)
		}
	}
}
