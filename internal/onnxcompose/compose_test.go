package onnxcompose_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"google.golang.org/protobuf/proto"
)

func info(name string) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
			{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}}, {Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 4}},
		}}},
	}}}
}

// model computes each of its nodes, "out=Op in", from its input.
func model(t *testing.T, input string, outputs []string, nodes ...string) []byte {
	t.Helper()
	g := &onnxpb.GraphProto{Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{info(input)}}
	for _, n := range nodes {
		out, call, _ := strings.Cut(n, "=")
		op, in, _ := strings.Cut(call, " ")
		g.Node = append(g.Node, &onnxpb.NodeProto{Name: proto.String(out), OpType: proto.String(op), Input: strings.Split(in, ","), Output: []string{out}})
	}
	for _, o := range outputs {
		g.Output = append(g.Output, info(o))
	}
	data, err := onnxpb.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestChain(t *testing.T) {
	t.Parallel()
	first := model(t, "x", []string{"y", "unused"}, "y=Neg x", "unused=Exp x")
	second := model(t, "y", []string{"z", "w"}, "z=Abs y", "w=Exp y")
	chain, err := onnxcompose.Chain(first, second, "z")
	if err != nil {
		t.Fatal(err)
	}
	d, err := onnxcheck.Describe(chain)
	if err != nil || len(d.Outputs) != 1 || d.Operators["Exp"] != 0 || d.Operators["Neg"] != 1 || d.Operators["Abs"] != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	bytes, err := onnxcompose.FromBytes(chain, "x", 255, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	g, err := backend.Load(t.Context(), ortest.Backend(t), bytes, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	out, err := g.Run(context.Background(), onnxtensor.Tensor{Name: "x", Shape: []int64{1, 4}, Data: []uint8{0, 1, 77, 255}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out[0].Data.([]float32), []float32{0, float32(1) / 255, float32(77) / 255, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v to the last bit", got, want)
	}
}

// A graph makes of each byte what the rule does, to the last bit, on every backend.
func TestFromBytes(t *testing.T) {
	all := make([]uint8, 256)
	for i := range all {
		all[i] = uint8(i)
	}
	plain := model(t, "x", []string{"y"}, "y=Identity x")
	for name, change := range map[string]func(v *dist.Values){
		"unit":               func(v *dist.Values) {},
		"halves":             func(v *dist.Values) { v.Bytes = 127.5 },
		"as they are":        func(v *dist.Values) { v.Bytes = 1 },
		"centred":            func(v *dist.Values) { v.Mean, v.Deviation = 0.5, 0.5 },
		"standardised":       func(v *dist.Values) { v.Mean, v.Deviation = 0.1307, 0.3081 },
		"with a mean":        func(v *dist.Values) { v.Bytes, v.Mean = 127.5, 1 },
		"with a deviation":   func(v *dist.Values) { v.Deviation = 2.75 },
		"of a small divisor": func(v *dist.Values) { v.Bytes = 1e-3 },
	} {
		v := dist.Unit()
		change(&v)
		bytes, err := onnxcompose.FromBytes(plain, "x", v.Bytes, v.Mean, v.Deviation)
		if err != nil {
			t.Fatal(err)
		}
		table := v.Table()
		for _, b := range []backend.Backend{ortest.Backend(t), purego.New()} {
			g, err := backend.Load(t.Context(), b, bytes, name)
			if err != nil {
				t.Fatal(err)
			}
			out, err := g.Run(t.Context(), onnxtensor.Tensor{Name: "x", Shape: []int64{64, 4}, Data: all})
			if err != nil {
				t.Fatal(err)
			}
			if got := out[0].Data.([]float32); !slices.Equal(got, table[:]) {
				t.Errorf("%s on %s: %v, want %v", name, b.Name(), got, table)
			}
			g.Close()
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	first := model(t, "x", []string{"y"}, "y=Neg x")
	for name, c := range map[string]struct {
		second  []byte
		outputs []string
		want    string
	}{
		"another input":  {model(t, "q", []string{"z"}, "z=Abs q"), []string{"z"}, `takes "q"`},
		"a name of both": {model(t, "y", []string{"z"}, "x=Exp y", "z=Abs y"), []string{"z"}, `both models define "x"`},
		"no such output": {model(t, "y", []string{"z"}, "z=Abs y"), []string{"v"}, `gives "v"`},
		"no model":       {[]byte("?"), []string{"z"}, "onnxcompose"},
	} {
		if _, err := onnxcompose.Chain(first, c.second, c.outputs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := onnxcompose.FromBytes(first, "y", 255, 0, 1); err == nil {
		t.Error("an output was used as an input")
	}
	if _, err := onnxcompose.FromBytes(first, "x", 0, 0, 1); err == nil {
		t.Error("a rule that divides by 0 was taken")
	}
}
