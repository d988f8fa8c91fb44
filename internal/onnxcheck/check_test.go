package onnxcheck_test

import (
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

func TestTaken(t *testing.T) {
	for name, model := range onnxtest.Odd() {
		if err := onnxcheck.Check(model); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	m, err := onnxpb.Unmarshal(onnxtest.Good())
	if err != nil {
		t.Fatal(err)
	}
	m.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: proto.String("role"), Value: proto.String("test")}}
	data, err := onnxpb.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	info, err := onnxcheck.Describe(data)
	if err != nil {
		t.Fatal(err)
	}
	if info.Opset != 17 || info.Parameters != 2 || info.Operators["Add"] != 1 || info.Metadata["role"] != "test" ||
		info.Inputs[0].Name != "x" || info.Inputs[0].Shape[0] != -1 || info.Inputs[0].Axes[0] != "n" || info.Outputs[0].Shape[1] != 2 {
		t.Errorf("%+v", info)
	}
}
