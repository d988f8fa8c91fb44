package importer_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Weights in a file beside the model are put inside; no other file is read, whatever the model says.
func TestReadFile(t *testing.T) {
	t.Parallel()
	whole := graph(t, float, "y", "a = MatMul x w", "y = Add a v")
	// A model whose w and v are in weights.bin, which begins with 16 other bytes; change is made to the entries of w.
	write := func(change func(dir string, w *onnxpb.TensorProto)) string {
		dir, m, content := t.TempDir(), decoded(t, whole), make([]byte, 16)
		for _, tensor := range m.Graph.Initializer {
			if name := tensor.GetName(); name == "w" || name == "v" {
				entry := func(key, value string) *onnxpb.StringStringEntryProto {
					return &onnxpb.StringStringEntryProto{Key: &key, Value: &value}
				}
				tensor.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
				tensor.ExternalData = []*onnxpb.StringStringEntryProto{entry("location", "weights.bin"), entry("offset", strconv.Itoa(len(content))), entry("length", strconv.Itoa(len(tensor.RawData)))}
				content, tensor.RawData = append(content, tensor.RawData...), nil
				if name == "w" {
					change(dir, tensor)
				}
			}
		}
		path := filepath.Join(dir, "model.onnx")
		if err := errors.Join(os.WriteFile(path, encoded(t, m), 0o644), os.WriteFile(filepath.Join(dir, "other.bin"), content, 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "weights.bin")); err != nil {
			if err := os.WriteFile(filepath.Join(dir, "weights.bin"), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	data, err := importer.ReadFile(write(func(string, *onnxpb.TensorProto) {}))
	if err != nil || onnxcheck.Check(data) != nil || !proto.Equal(decoded(t, data), decoded(t, whole)) {
		t.Errorf("a model with its weights beside it is read as %d bytes: %v", len(data), err)
	}
	plain := filepath.Join(t.TempDir(), "plain.onnx")
	if err := os.WriteFile(plain, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := importer.ReadFile(plain); err != nil || !bytes.Equal(data, whole) {
		t.Errorf("a model with its weights inside changes: %v", err)
	}
	set := func(key, value string) func(string, *onnxpb.TensorProto) {
		return func(_ string, w *onnxpb.TensorProto) {
			for _, e := range w.ExternalData {
				if e.GetKey() == key {
					e.Value = &value
				}
			}
		}
	}
	for name, c := range map[string]struct {
		change func(dir string, w *onnxpb.TensorProto)
		words  string
	}{
		"another folder":       {set("location", "../weights.bin"), "stay in the folder"},
		"a path":               {set("location", "/etc/passwd"), "stay in the folder"},
		"no name":              {set("location", ""), "stay in the folder"},
		"a file that is not":   {set("location", "nothing.bin"), "nothing.bin"},
		"a folder":             {set("location", "."), "a folder"},
		"too far on":           {set("offset", "1000000000000"), "are wanted"},
		"an offset below 0":    {set("offset", "-1"), "offset"},
		"an offset of letters": {set("offset", "0x10"), "offset"},
		"another length":       {set("length", "1000000000000"), "are wanted"},
		"a huge shape":         {func(_ string, w *onnxpb.TensorProto) { w.Dims = []int64{1 << 20, 1 << 20} }, "shape"},
		"a link out of it": {func(dir string, _ *onnxpb.TensorProto) {
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "weights.bin")); err != nil {
				t.Fatal(err)
			}
		}, "escapes"},
	} {
		_, err := importer.ReadFile(write(c.change))
		if err == nil || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), "external_data=False") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.words)
		}
	}
}
