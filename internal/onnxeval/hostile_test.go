package onnxeval_test

import (
	"context"
	"errors"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

func value(name string, shape ...int64) onnxgraph.Value {
	return onnxgraph.Value{Info: onnxtensor.Info{Name: name, DType: onnxtensor.Float32, Shape: shape}}
}

func int64s(name string, x ...int64) onnxgraph.Tensor {
	return onnxgraph.Tensor{Name: name, DType: onnxtensor.Int64, Shape: []int{len(x)}, Data: x}
}

func node(op, out string, in ...string) onnxgraph.Node {
	return onnxgraph.Node{Op: op, Inputs: in, Outputs: []string{out}, Attributes: map[string]any{}}
}

func with(n onnxgraph.Node, name string, v any) onnxgraph.Node {
	n.Attributes[name] = v
	return n
}

// Graphs that pass the checker, since what they ask for follows from their inputs' shapes only, are refused before their memory
// is taken.
func TestAbsurdSizes(t *testing.T) {
	doubled := []onnxgraph.Node{node("Concat", "c0", "x", "x")}
	for i := range 40 {
		doubled = append(doubled, with(node("Concat", string(rune('A'+i)), doubled[i].Outputs[0], doubled[i].Outputs[0]), "axis", int64(0)))
	}
	for name, c := range map[string]struct {
		initialisers []onnxgraph.Tensor
		nodes        []onnxgraph.Node
	}{
		"expanded":                   {[]onnxgraph.Tensor{int64s("to", 1<<20, 1<<20, 1)}, []onnxgraph.Node{node("Expand", "y", "x", "to")}},
		"expanded, overflowing":      {[]onnxgraph.Tensor{int64s("to", 1<<62, 1<<62, 1)}, []onnxgraph.Node{node("Expand", "y", "x", "to")}},
		"doubled forty times":        {nil, doubled},
		"padded":                     {[]onnxgraph.Tensor{int64s("by", 0, 1<<40, 0, 0)}, []onnxgraph.Node{node("Pad", "y", "x", "by")}},
		"padded by less":             {[]onnxgraph.Tensor{int64s("by", 0, 1<<27, 0, 1<<27)}, []onnxgraph.Node{node("Pad", "y", "x", "by")}},
		"as many as numbers":         {[]onnxgraph.Tensor{int64s("by", 1<<31)}, []onnxgraph.Node{node("Shape", "s", "x"), node("Mul", "to", "s", "by"), node("ConstantOfShape", "y", "to")}},
		"one-hot of a great depth":   {[]onnxgraph.Tensor{int64s("depth", 1<<40), int64s("values", 0, 1)}, []onnxgraph.Node{node("OneHot", "y", "x", "depth", "values")}},
		"axes without end":           {[]onnxgraph.Tensor{int64s("axes", make([]int64, 1<<16)...)}, []onnxgraph.Node{node("Unsqueeze", "y", "x", "axes")}},
		"a reshape that overflows":   {[]onnxgraph.Tensor{int64s("to", 1<<32, 1<<32, -1)}, []onnxgraph.Node{node("Reshape", "y", "x", "to")}},
		"a slice of a step of 0":     {[]onnxgraph.Tensor{int64s("zero", 0), int64s("one", 1)}, []onnxgraph.Node{node("Slice", "y", "x", "zero", "one", "zero", "zero")}},
		"a product of great vectors": {[]onnxgraph.Tensor{int64s("to", 1<<20, 1), int64s("and", 1, 1<<20)}, []onnxgraph.Node{node("Expand", "a", "x", "to"), node("Expand", "b", "x", "and"), node("MatMul", "y", "a", "b")}},
		"a pooling of a great kernel": {[]onnxgraph.Tensor{int64s("to", 1, 1, 1)}, []onnxgraph.Node{node("Reshape", "a", "x", "to"),
			with(with(node("MaxPool", "y", "a"), "kernel_shape", []int64{1 << 27}), "pads", []int64{1 << 27, 1 << 27})}},
		"a mean of great dilations": {[]onnxgraph.Tensor{int64s("to", 1, 1, 1)}, []onnxgraph.Node{node("Reshape", "a", "x", "to"),
			with(with(node("AveragePool", "y", "a"), "kernel_shape", []int64{1 << 40}), "dilations", []int64{1 << 40})}},
		"a resize without end":       {[]onnxgraph.Tensor{int64s("to", 1<<20, 1<<20)}, []onnxgraph.Node{with(node("Resize", "y", "x", "", "", "to"), "mode", "cubic")}},
		"tiles without end":          {[]onnxgraph.Tensor{int64s("by", 1<<40, 1<<40)}, []onnxgraph.Node{node("Tile", "y", "x", "by")}},
		"an index that is not there": {[]onnxgraph.Tensor{{Name: "at", DType: onnxtensor.Int64, Shape: []int{1, 1}, Data: []int64{7}}}, []onnxgraph.Node{node("ScatterElements", "y", "x", "at", "x")}},
		"no group":                   {[]onnxgraph.Tensor{int64s("to", 1, 1, 1), int64s("s", 1)}, []onnxgraph.Node{node("Reshape", "a", "x", "to"), node("GroupNormalization", "y", "a", "x", "x")}},
		"a block of nothing":         {[]onnxgraph.Tensor{int64s("to", 1, 1, 1, 1)}, []onnxgraph.Node{node("Reshape", "a", "x", "to"), node("DepthToSpace", "y", "a")}},
	} {
		last := c.nodes[len(c.nodes)-1].Outputs[0]
		g := &onnxgraph.Graph{Opset: 18, Inputs: []onnxgraph.Value{value("x", -1, 1)}, Outputs: []onnxgraph.Value{value(last)}, Initialisers: c.initialisers, Nodes: c.nodes}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := onnxeval.Load(g)
		if err == nil {
			_, err = p.Evaluate([]onnxgraph.Tensor{{Name: "x", DType: onnxtensor.Float32, Shape: []int{1, 1}, Data: []float32{1}}})
		}
		runtime.ReadMemStats(&after)
		if !errors.Is(err, onnxeval.ErrShape) {
			t.Errorf("%s: the error is %v, want ErrShape", name, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 100<<20 {
			t.Errorf("%s: %d MB are allocated", name, allocated>>20)
		}
	}
}

// Every operator that is missing is named at once, with its nodes.
func TestMissing(t *testing.T) {
	t.Parallel()
	g := &onnxgraph.Graph{Opset: 17, Inputs: []onnxgraph.Value{value("x", -1)}, Outputs: []onnxgraph.Value{value("y")}, Nodes: []onnxgraph.Node{
		node("LSTM", "a", "x"), node("Relu", "b", "a"), node("GridSample", "c", "b"), node("GridSample", "d", "c"), node("GridSample", "e", "d"), node("GridSample", "f", "e"), node("Gelu", "y", "f"),
	}}
	_, err := onnxeval.Load(g)
	if !errors.Is(err, onnxeval.ErrUnsupported) {
		t.Fatalf("the error is %v, want ErrUnsupported", err)
	}
	for _, want := range []string{`LSTM ("a")`, `GridSample ("c", "d", "e" and 1 more)`, `Gelu ("y")`, "opset 17"} { // Gelu is there from opset 20 on
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "Relu") {
		t.Errorf("%q names what is there", err)
	}
}

// FuzzModel reads, loads and runs what bytes may say. Whatever it is, it ends in numbers or in an error of a known kind, within
// memory that is bounded. ONNX's own tests are seeds, too: the committed ones, and with CATVAE_ONNX_TESTS all.
func FuzzModel(f *testing.F) {
	onnxtest.Seed(f, 1<<12)
	committed, err := unpack(single)
	if err != nil {
		f.Fatal(err)
	}
	for name, file := range committed {
		if path.Base(name) == "model.onnx" {
			f.Add(file.Data)
		}
	}
	restore := onnxeval.SetMaxMemory(1 << 24)
	f.Cleanup(restore)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := onnxgraph.Decode(data)
		if err != nil {
			if !errors.Is(err, onnxcheck.ErrUnsafe) {
				t.Errorf("%v is no ErrUnsafe", err)
			}
			return
		}
		p, err := onnxeval.Load(g)
		if err == nil {
			err = runOnce(p, g)
		}
		if err != nil && !errors.Is(err, onnxeval.ErrShape) && !errors.Is(err, onnxeval.ErrUnsupported) && !errors.Is(err, onnxeval.ErrUnknown) {
			t.Errorf("the error is %v, want one of onnxeval's", err)
		}
	})
}

// runOnce runs a program on inputs of ones, at a batch of 2.
func runOnce(p *onnxeval.Program, g *onnxgraph.Graph) error {
	var inputs []onnxgraph.Tensor
	total := 0
	for _, v := range g.Inputs {
		t := onnxgraph.Tensor{Name: v.Name, DType: v.DType}
		size := 1
		for _, d := range v.Shape {
			if d < 0 {
				d = 2
			}
			t.Shape = append(t.Shape, int(d))
			if size *= int(d); size > 1<<16 {
				return nil
			}
		}
		if total += size; total > 1<<18 || len(t.Shape) > 8 {
			return nil
		}
		if t.Data = onnxeval.Allocate(t.DType, t.Shape); t.Data == nil {
			return nil
		}
		if x, ok := t.Data.([]float32); ok {
			for i := range x {
				x[i] = 1
			}
		}
		inputs = append(inputs, t)
	}
	plan, _, err := p.Plan(context.Background(), inputs, nil)
	if err != nil {
		return err
	}
	for i, t := range inputs {
		plan.SetInput(i, t.Data)
	}
	for i, t := range plan.Outputs() {
		plan.SetOutput(i, onnxeval.Allocate(t.DType, t.Shape))
	}
	return plan.Run(context.Background())
}
