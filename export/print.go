package export

import (
	"fmt"
	"io"
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
)

// WriteText prints the bytes of an ONNX model for a reader, as [Model.WriteText] does.
func WriteText(w io.Writer, model []byte) error {
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if m.Graph == nil || len(m.OpsetImport) == 0 {
		return fmt.Errorf("export: the model holds no graph, or names no opset")
	}
	return writeText(w, m)
}

// writeText prints a model for a reader, and for golden files: everything but the initialisers' content.
func writeText(w io.Writer, m *onnxpb.ModelProto) error {
	var b strings.Builder
	g := m.Graph
	fmt.Fprintf(&b, "graph %s: opset %d, IR %d, producer %s\n", g.GetName(), m.OpsetImport[0].GetVersion(), m.GetIrVersion(), m.GetProducerName())
	for _, p := range m.MetadataProps {
		fmt.Fprintf(&b, "metadata %s = %s\n", p.GetKey(), p.GetValue())
	}
	for _, v := range g.Input {
		fmt.Fprintf(&b, "input  %s\n", infoText(v))
	}
	for _, t := range g.Initializer {
		fmt.Fprintf(&b, "value  %s %s%v\n", t.GetName(), typeText(t.GetDataType()), t.Dims)
	}
	for _, n := range g.Node {
		fmt.Fprintf(&b, "node   %s%s = %s(%s)%s\n", nodeName(n), strings.Join(n.Output, ", "), n.GetOpType(), strings.Join(n.Input, ", "), attributesText(n.Attribute))
	}
	for _, v := range g.Output {
		fmt.Fprintf(&b, "output %s\n", infoText(v))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// nodeName returns the name of a node with a colon, where it is not that of its first output.
func nodeName(n *onnxpb.NodeProto) string {
	if n.GetName() == "" || n.GetName() == n.Output[0] {
		return ""
	}
	return n.GetName() + ": "
}

func infoText(v *onnxpb.ValueInfoProto) string {
	t := v.GetType().GetTensorType()
	dims := make([]string, len(t.GetShape().GetDim()))
	for i, d := range t.GetShape().GetDim() {
		dims[i] = d.GetDimParam()
		if dims[i] == "" {
			dims[i] = fmt.Sprint(d.GetDimValue())
		}
	}
	return fmt.Sprintf("%s %s[%s]", v.GetName(), typeText(t.GetElemType()), strings.Join(dims, " "))
}

func typeText(t int32) string { return strings.ToLower(onnxpb.TensorProto_DataType(t).String()) }

func attributesText(attributes []*onnxpb.AttributeProto) string {
	if len(attributes) == 0 {
		return ""
	}
	parts := make([]string, len(attributes))
	for i, a := range attributes {
		var v any
		switch a.GetType() {
		case onnxpb.AttributeProto_INT:
			v = a.GetI()
		case onnxpb.AttributeProto_FLOAT:
			v = a.GetF()
		case onnxpb.AttributeProto_STRING:
			v = string(a.GetS())
		case onnxpb.AttributeProto_INTS:
			v = a.GetInts()
		}
		parts[i] = fmt.Sprintf("%s=%v", a.GetName(), v)
	}
	return " {" + strings.Join(parts, " ") + "}"
}
