// Package onnxtest holds models with which everything that reads ONNX is tested: a good one, odd ones that must be taken, hostile
// ones that must be refused.
package onnxtest

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/visible/visibletest"
	"google.golang.org/protobuf/proto"
)

// Good returns y = x + c for x [n,2].
func Good() []byte { return encode(good()) }

// Odd returns, by name, models that must be taken: onnx's own tests and PyTorch's exports have their like.
func Odd() map[string][]byte {
	models := map[string][]byte{}
	for name, change := range odd() {
		m := good()
		change(m)
		models[name] = encode(m)
	}
	return models
}

// Hostile returns, by name, functions that make models that must be refused: one for each rule by the smallest change to a good
// model, and bytes that no encoder would write. Some are of 40 MB.
func Hostile() map[string]func() []byte {
	models := wires()
	changes := spoilt()
	maps.Copy(changes, costly())
	for name, spoil := range changes {
		models[name] = func() []byte {
			m := good()
			spoil(m)
			return encode(m)
		}
	}
	return models
}

// Seed gives a fuzz target all of these models that have fewer than most bytes, and ONNX's own tests where CATVAE_ONNX_TESTS names
// their folder.
func Seed(f *testing.F, most int) {
	f.Helper()
	add := func(model []byte) {
		if len(model) < most {
			f.Add(model)
		}
	}
	add(Good())
	for _, model := range Odd() {
		add(model)
	}
	for _, model := range Hostile() {
		add(model())
	}
	SeedFiles(f, filepath.Join(os.Getenv("CATVAE_ONNX_TESTS"), "test_*", "model.onnx"), most)
}

// SeedNamed gives a fuzz target the models of [Named], for every name that steers a terminal.
func SeedNamed(f *testing.F) {
	f.Helper()
	for _, name := range visibletest.Names() {
		for _, model := range Named(name[:min(len(name), 100)]) {
			f.Add(model)
		}
	}
}

// SeedFiles gives a fuzz target the files of a pattern that have fewer than most bytes.
func SeedFiles(f *testing.F, pattern string, most int) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < most {
			f.Add(data)
		}
	}
}

// good is x [n,2] -> Add(x, c) -> y.
func good() *onnxpb.ModelProto {
	info := func(name string) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
				{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}},
				{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 2}},
			}}},
		}}}
	}
	return &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:        proto.String("g"),
			Input:       []*onnxpb.ValueInfoProto{info("x")},
			Output:      []*onnxpb.ValueInfoProto{info("y")},
			Initializer: []*onnxpb.TensorProto{{Name: proto.String("c"), DataType: proto.Int32(1), Dims: []int64{2}, RawData: make([]byte, 8)}},
			Node:        []*onnxpb.NodeProto{{Name: proto.String("add"), OpType: proto.String("Add"), Input: []string{"x", "c"}, Output: []string{"y"}}},
		},
	}
}

func encode(m *onnxpb.ModelProto) []byte {
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		panic(err) // models of this package
	}
	return data
}

// scan is y = the good graph's Add for every row of x, with a body that spoil has changed.
func scan(spoil func(body *onnxpb.GraphProto)) *onnxpb.NodeProto {
	body := good().Graph
	spoil(body)
	return &onnxpb.NodeProto{Name: proto.String("scan"), OpType: proto.String("Scan"), Input: []string{"x"}, Output: []string{"y"},
		Attribute: []*onnxpb.AttributeProto{{Name: proto.String("body"), Type: onnxpb.AttributeProto_GRAPH.Enum(), G: body}}}
}
