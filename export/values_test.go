package export_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Values are written in row-major order, whatever their order in memory: leaves and constants, of every type.
func TestLayouts(t *testing.T) {
	t.Parallel()
	want := []float64{1, 0, 3, 4, 5, 0} // a [2,3]
	for name, data := range map[string]any{
		"float32": []float32{1, 0, 3, 4, 5, 0}, "float64": []float64{1, 0, 3, 4, 5, 0}, "int": []int{1, 0, 3, 4, 5, 0},
		"int64": []int64{1, 0, 3, 4, 5, 0}, "int32": []int32{1, 0, 3, 4, 5, 0}, "uint8": []uint8{1, 0, 3, 4, 5, 0},
		"bool": []bool{true, false, true, true, true, false},
	} {
		for layout, value := range layouts(data) {
			for _, constant := range []bool{false, true} {
				if constant && name != "float32" && name != "float64" { // gorgonia cannot hash others
					continue
				}
				trace := func(int) (export.Traced, error) {
					g := G.NewGraph()
					var c *G.Node
					if constant {
						c = g.AddNode(G.NewConstant(value))
					} else {
						c = G.NewTensor(g, value.Dtype(), 2, G.WithShape(2, 3), G.WithName("c"), G.WithValue(value))
					}
					return export.Traced{Outputs: []export.Named{named("y", c)}}, nil
				}
				model, err := export.Graph(t.Context(), trace, export.Options{})
				if err != nil {
					t.Errorf("%s, %s: %v", name, layout, err)
					continue
				}
				wanted := want
				if name == "bool" {
					wanted = []float64{1, 0, 1, 1, 1, 0}
				}
				for _, b := range []backend.Backend{purego.New()} { // onnxruntime_go runs no graph without inputs
					loaded, err := backend.Load(t.Context(), b, encoded(t, model), "layout")
					if err != nil {
						t.Fatalf("%s, %s: %v", name, layout, err)
					}
					out, err := loaded.Run(t.Context())
					if err != nil || fmt.Sprint(out[0].Floats()) != fmt.Sprint(wanted) || fmt.Sprint(out[0].Shape) != "[2 3]" {
						t.Errorf("%s, %s, constant %t, %s: %v, %v, want %v", name, layout, constant, b.Name(), out, err, wanted)
					}
					loaded.Close()
				}
			}
		}
	}
}

// layouts are tensors of shape [2,3] with the same numbers, which lie in memory in different orders.
func layouts(data any) map[string]*tensor.Dense {
	plain := func() *tensor.Dense { return tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data)) }
	turned := func() *tensor.Dense { // [3,2]
		t := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data))
		c := t.Clone().(*tensor.Dense)
		check(c.T())
		check(c.Transpose())
		return c
	}
	lazy := turned()
	check(lazy.T())
	column := tensor.New(tensor.WithShape(2, 3), tensor.Of(plain().Dtype()), tensor.AsFortran(nil))
	part := tensor.New(tensor.WithShape(3, 5), tensor.Of(plain().Dtype()))
	for i := range 6 {
		x, err := plain().At(i/3, i%3)
		check(err)
		check(column.SetAt(x, i/3, i%3))
		check(part.SetAt(x, i/3+1, i%3+1))
	}
	view, err := part.Slice(G.S(1, 3), G.S(1, 4))
	check(err)
	return map[string]*tensor.Dense{"row-major": plain(), "column-major": column, "transposed": lazy, "a part": view.(*tensor.Dense)}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// What is no plain tensor is refused, and not written as it lies.
func TestValuesThatAreRefused(t *testing.T) {
	t.Parallel()
	masked := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4}))
	masked.ResetMask(true)
	sparse := tensor.CSRFromCoord(tensor.Shape{2, 2}, []int{0, 1}, []int{0, 1}, []float32{1, 2})
	for want, value := range map[string]G.Value{"mask": masked, "*tensor.CS": sparse} {
		trace := func(batch int) (export.Traced, error) {
			g := G.NewGraph()
			x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 2), G.WithName("x"))
			w := G.NewMatrix(g, tensor.Float32, G.WithShape(2, 2), G.WithName("w"), G.WithValue(value))
			return inOut(x, must(G.Mul(x, w)))
		}
		if _, err := export.Graph(t.Context(), trace, export.Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"w"`) {
			t.Errorf("the error is %v, want one with %q that names w", err, want)
		}
	}
}

func drawnTrace(batch int) (export.Traced, error) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 3), G.WithName("x"))
	w := G.NewMatrix(g, tensor.Float32, G.WithShape(3, 2), G.WithName("w"), G.WithInit(G.GlorotU(1)))
	s := G.NewScalar(g, tensor.Float32, G.WithName("s"), G.WithValue(float32(0)))
	return inOut(x, must(G.Mul(must(G.Mul(x, w)), s)))
}

// Parameters that each trace draws anew are not written, unless that is asked for; values by name are, and a model with them passes
// verification.
func TestWithValues(t *testing.T) {
	t.Parallel()
	for _, o := range []export.Options{{}, {Batch: 4}} {
		if _, err := export.Graph(t.Context(), drawnTrace, o); err == nil || !strings.Contains(err.Error(), "export.WithValues") {
			t.Errorf("batch %d: the error is %v, want one with export.WithValues", o.Batch, err)
		}
		o.Drawn = true
		if _, err := export.Graph(t.Context(), drawnTrace, o); err != nil {
			t.Errorf("batch %d, as drawn: %v", o.Batch, err)
		}
	}
	values := []onnxtensor.Tensor{
		{Name: "w", Shape: []int64{3, 2}, Data: []float32{1, 2, 3, 4, 5, 6}}, {Name: "s", Data: []float32{2}}, {Name: "other", Shape: []int64{7}, Data: make([]float32, 7)},
	}
	trace := export.WithValues(drawnTrace, values)
	model, err := export.Graph(t.Context(), trace, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := func(batch int) []onnxtensor.Tensor {
		x := make([]float32, 3*batch)
		for i := range x {
			x[i] = float32(i)
		}
		return []onnxtensor.Tensor{{Name: "x", Shape: []int64{int64(batch), 3}, Data: x}}
	}
	if err := verifyOn(backends(t), encoded(t, model), trace, []int{1, 3}, in); err != nil {
		t.Error(err)
	}
	out, err := export.Reference(context.Background(), trace, 1, in(1))
	if err != nil || fmt.Sprint(out[0].Floats()) != "[26 32]" {
		t.Errorf("%v, %v, want 2·[0 1 2]·w = [26 32]", out, err)
	}
	for name, c := range map[string]struct {
		values []onnxtensor.Tensor
		want   string
	}{
		"another shape": {[]onnxtensor.Tensor{{Name: "w", Shape: []int64{2, 3}, Data: make([]float32, 6)}}, `"w" is`},
		"another type":  {[]onnxtensor.Tensor{{Name: "w", Shape: []int64{3, 2}, Data: make([]float64, 6)}}, `"w" is`},
		"no such name":  {[]onnxtensor.Tensor{{Name: "v", Shape: []int64{3}, Data: make([]float32, 3)}}, "no leaf of the graph"},
		"a slip":        {[]onnxtensor.Tensor{{Name: "w", Shape: []int64{3, 2}, Data: make([]float32, 6)}, {Name: "scale", Data: []float32{1}}}, `"scale"`},
		"no tensor":     {[]onnxtensor.Tensor{{Name: "w", Shape: []int64{3, 2}, Data: make([]float32, 5)}}, "5 elements"},
	} {
		if _, err := export.Graph(t.Context(), export.WithValues(drawnTrace, c.values), export.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

// A graph whose batch cannot vary is exported only where that is asked for.
func TestOneBatchSize(t *testing.T) {
	t.Parallel()
	build := func(rows int) (export.Traced, error) {
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(rows, 2), G.WithName("x"))
		return inOut(x, must(G.Exp(x)))
	}
	once, err := build(32)
	if err != nil {
		t.Fatal(err)
	}
	for name, trace := range map[string]export.Trace{
		"a graph that was built before": func(int) (export.Traced, error) { return once, nil },
		"a node added to such a graph": func(int) (export.Traced, error) {
			return inOut(once.Inputs[0].Node, must(G.Tanh(once.Inputs[0].Node)))
		},
		"a trace that heeds no batch": func(int) (export.Traced, error) { return build(32) },
	} {
		if _, err := export.Graph(t.Context(), trace, export.Options{}); err == nil || !strings.Contains(err.Error(), "Options.Batch") {
			t.Errorf("%s: the error is %v, want one with Options.Batch", name, err)
		}
		if _, err := export.Graph(t.Context(), trace, export.Options{Batch: 32}); err != nil {
			t.Errorf("%s, asked for: %v", name, err)
		}
	}
}

// An ownOp says how it is written in ONNX, wrongly.
type ownOp struct {
	G.Op
	onnx func(w builder.ONNXWriter, in []string) string
}

func (op ownOp) ONNX(w builder.ONNXWriter, in []string, _ [][]int64) (string, error) {
	return op.onnx(w, in), nil
}

// Graph checks what it has written: what an op says of itself is not believed.
func TestOutputIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		onnx func(w builder.ONNXWriter, in []string) string
		want string
	}{
		"a value that nothing computes": {func(w builder.ONNXWriter, in []string) string { return w.Node("Relu", nil, "nowhere") }, `"nowhere"`},
		"an operator of no opset":       {func(w builder.ONNXWriter, in []string) string { return w.Node("Reluu", nil, in[0]) }, `"Reluu"`},
		"an operator of a later opset":  {func(w builder.ONNXWriter, in []string) string { return w.Node("Gelu", nil, in[0]) }, "opset 17 lacks"},
		"another shape": {func(w builder.ONNXWriter, in []string) string {
			return w.Node("ReduceSum", map[string]any{"keepdims": int64(1)}, in[0], w.Ints(1))
		}, "in gorgonia"},
		"the batch as a number": {func(w builder.ONNXWriter, in []string) string { return w.Node("Expand", nil, in[0], w.Ints(1009, 4)) }, "no good model"},
		"operands that do not fit": {func(w builder.ONNXWriter, in []string) string {
			return w.Node("Add", nil, in[0], w.Numbers([]float64{1, 2, 3}, 3))
		}, "no good model"},
		"another type": {func(w builder.ONNXWriter, in []string) string {
			return w.Node("Cast", map[string]any{"to": int64(11)}, in[0])
		}, "float64"},
	} {
		trace := func(batch int) (export.Traced, error) {
			g := G.NewGraph()
			x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 4), G.WithName("x"))
			other := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithShape(1, 4), G.WithName("x"))
			tanh := must(G.Tanh(other)).Op() // of another graph: gorgonia would give the node of this one
			return inOut(x, must(G.ApplyOp(ownOp{tanh, c.onnx}, x)))
		}
		if _, err := export.Graph(t.Context(), trace, export.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

// A leaf without a name is told by its shape, and written under a name of its own.
func TestUnnamedLeaves(t *testing.T) {
	t.Parallel()
	trace := func(options ...G.NodeConsOpt) export.Trace {
		return func(batch int) (export.Traced, error) {
			g := G.NewGraph()
			x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 4), G.WithName("x"))
			w := G.NewMatrix(g, tensor.Float32, append(options, G.WithShape(4, 4))...)
			return inOut(x, must(G.Mul(x, w)))
		}
	}
	_, err := export.Graph(t.Context(), trace(), export.Options{})
	if err == nil || strings.Contains(err.Error(), "%!") || !strings.Contains(err.Error(), "a leaf without a name, of shape (4, 4)") {
		t.Errorf("the error is %v", err)
	}
	model, err := export.Graph(t.Context(), trace(G.WithValue(tensor.New(tensor.WithShape(4, 4), tensor.Of(tensor.Float32)))), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := model.WriteText(&text); err != nil || strings.Contains(text.String(), "%!") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
