package onnxcheck_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

func TestTaken(t *testing.T) {
	for name, model := range onnxtest.Odd() {
		info, err := onnxcheck.Describe(model)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		used, err := onnxpb.Unmarshal(onnxcheck.Used(model))
		if err != nil {
			t.Errorf("%s: without what no node uses: %v", name, err)
			continue
		}
		parsed, err := onnxcheck.Parse(model)
		if err != nil || !proto.Equal(used, parsed) || info.Opset != used.OpsetImport[0].GetVersion() {
			t.Errorf("%s: what a runtime is given has the opsets %v and %d functions, opset %d is told: %v", name, used.OpsetImport, len(used.Functions), info.Opset, err)
		}
	}
	if model := onnxtest.Good(); &onnxcheck.Used(model)[0] != &model[0] {
		t.Error("a model that declares nothing for nothing is copied")
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

// What another framework wrote is called what it is, with the way to a model.
func TestForeign(t *testing.T) {
	for data, words := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n": "git lfs pull",
		"PK\x03\x04m/data.pkl": "torch.onnx.export",
		"\x89HDF\r\n\x1a\n":    "model.export",
		"":                     "empty",
	} {
		if err := onnxcheck.Check([]byte(data)); !errors.Is(err, onnxcheck.ErrUnsafe) || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: the error is %v, want one with %q", data, err, words)
		}
	}
}
