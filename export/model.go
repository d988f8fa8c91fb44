package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
)

// A Model is an exported ONNX model.
type Model struct {
	Lowered int         // nodes as they were lowered
	Nodes   int         // nodes after the passes
	Passes  []PassCount // what each pass took out

	proto *onnxpb.ModelProto
}

// Bytes returns the content of an .onnx file. Equal models give equal bytes.
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

// Summary says in one line what the passes did: "169 nodes as traced, 152 after the passes (equal nodes 3, ...)".
func (m *Model) Summary() string {
	var parts []string
	for _, p := range m.Passes {
		if p.Removed != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", p.Pass, p.Removed))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	return fmt.Sprintf("%d nodes as traced, %d after the passes (removed: %s)", m.Lowered, m.Nodes, strings.Join(parts, ", "))
}

// WriteText prints the model for a reader: inputs, initialisers with their shapes, nodes in order, outputs.
func (m *Model) WriteText(w io.Writer) error { return writeText(w, m.proto) }
