package export

import (
	"fmt"
	"io"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// A Model is an exported ONNX model.
type Model struct {
	Lowered int         // nodes as they were lowered
	Nodes   int         // nodes after the passes
	Passes  []PassCount // what each pass took out

	proto *onnxpb.ModelProto
}

// Bytes returns the model as it stands in an .onnx file. Equal models give equal bytes.
func (m *Model) Bytes() ([]byte, error) {
	data, err := onnxpb.Marshal(m.proto)
	if err != nil {
		return nil, fmt.Errorf("export: encode the model: %w", err)
	}
	return data, nil
}

// Ops returns the operators that the model uses, sorted, each once.
func (m *Model) Ops() []string {
	var ops []string
	for _, n := range m.proto.Graph.Node {
		ops = append(ops, n.GetOpType())
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// WriteText prints the model for a reader: inputs, initialisers with their shapes, nodes in order, outputs.
func (m *Model) WriteText(w io.Writer) error { return writeText(w, m.proto) }
