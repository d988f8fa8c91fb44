// Package onnxcheck looks at an ONNX model before native code does.
//
// [Check] refuses what a bundle's graphs never hold and what has made runtimes crash or read files before: external
// data, functions, subgraphs (but for a Scan's body, checked alike), unknown domains, undefined or doubly defined names, cycles, initialisers whose bytes are
// not what their shape says. It allocates in proportion to the bytes that it is given, whatever they declare. [Describe]
// reads what a model says of itself.
package onnxcheck

import (
	"errors"
	"fmt"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/encoding/protowire"
)

// ErrUnsafe is wrapped by every refusal.
var ErrUnsafe = errors.New("model refused")

// The bounds of a model that is taken. ONNX itself ends at 2 GiB.
const (
	maxBytes = 2<<30 - 1
	maxNodes = 100_000
	maxDepth = 32 // of nested messages; a model without subgraphs needs 8
	minOpset = 7
	maxOpset = 21
	maxIR    = 10
)

// Check reports the first thing that makes a model unfit to be loaded, as an [ErrUnsafe] that names it.
func Check(model []byte) error {
	_, err := Parse(model)
	return err
}

// Parse is [Check] that returns the decoded model.
func Parse(model []byte) (*onnxpb.ModelProto, error) {
	if len(model) == 0 || len(model) > maxBytes {
		return nil, refuse("it has %d bytes", len(model))
	}
	if err := checkDepth(model, 0); err != nil {
		return nil, err
	}
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, refuse("it is no ONNX model: %v", err)
	}
	if err := checkModel(m); err != nil {
		return nil, err
	}
	return m, nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("onnxcheck: %w: "+format, append([]any{ErrUnsafe}, args...)...)
}

// checkDepth bounds nesting before the decoder recurses. A field of bytes that happens to look like a message costs a
// walk over it and no more, since only a walk that succeeds all the way down counts as nesting.
func checkDepth(data []byte, depth int) error {
	if depth > maxDepth {
		return refuse("its messages are nested deeper than %d", maxDepth)
	}
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil
		}
		data = data[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, data); n < 0 {
				return nil
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return nil
		}
		if len(value) < 1<<16 || depth < 2 { // weights are long, and nested messages outside the graph are short
			if err := checkDepth(value, depth+1); err != nil {
				return err
			}
		}
		data = data[n:]
	}
	return nil
}

func checkModel(m *onnxpb.ModelProto) error {
	if m.GetIrVersion() < 3 || m.GetIrVersion() > maxIR {
		return refuse("its IR version is %d: 3 to %d are known", m.GetIrVersion(), maxIR)
	}
	if len(m.Functions) > 0 || len(m.TrainingInfo) > 0 {
		return refuse("it holds functions or training information")
	}
	opset := int64(0)
	for _, o := range m.OpsetImport {
		if d := o.GetDomain(); d != "" && d != "ai.onnx" {
			return refuse("it uses the operator domain %q: only ONNX's own is taken", d)
		}
		opset = o.GetVersion()
	}
	if opset < minOpset || opset > maxOpset {
		return refuse("its opset is %d: %d to %d are known", opset, minOpset, maxOpset)
	}
	if m.Graph == nil {
		return refuse("it holds no graph")
	}
	return checkGraph(m.Graph, false)
}

// checkGraph checks a graph; body says that it is the body of a Scan, which reads nothing but its own values.
func checkGraph(g *onnxpb.GraphProto, body bool) error {
	if len(g.Node) > maxNodes {
		return refuse("it has %d nodes: at most %d are taken", len(g.Node), maxNodes)
	}
	if len(g.SparseInitializer) > 0 || len(g.Output) == 0 {
		return refuse("it has sparse initialisers, or no output")
	}
	defined := map[string]bool{"": true} // the name of an optional operand that is left out
	for _, t := range g.Initializer {
		if defined[t.GetName()] {
			return refuse("the initialiser %q stands twice, or has no name", t.GetName())
		}
		if err := checkTensor(t); err != nil {
			return err
		}
		defined[t.GetName()] = true
	}
	inputs := map[string]bool{}
	for _, v := range g.Input {
		if inputs[v.GetName()] || v.GetName() == "" {
			return refuse("the input %q stands twice, or has no name", v.GetName())
		}
		inputs[v.GetName()], defined[v.GetName()] = true, true
	}
	for _, n := range g.Node {
		if err := checkNode(n, defined, body); err != nil {
			return err
		}
	}
	for _, o := range g.Output {
		if !defined[o.GetName()] || o.GetName() == "" {
			return refuse("nothing computes the output %q", o.GetName())
		}
	}
	return nil
}

// checkNode wants operands that are defined before: the order is topological, and there is no cycle.
func checkNode(n *onnxpb.NodeProto, defined map[string]bool, body bool) error {
	if d := n.GetDomain(); d != "" && d != "ai.onnx" {
		return refuse("node %q is of the domain %q: only ONNX's own is taken", n.GetName(), d)
	}
	for _, in := range n.Input {
		if !defined[in] {
			return refuse("node %q (%s) reads %q, which nothing before it defines", n.GetName(), n.GetOpType(), in)
		}
	}
	for _, a := range n.Attribute {
		if a.G != nil && n.GetOpType() == "Scan" && a.GetName() == "body" && !body {
			if err := checkGraph(a.G, true); err != nil {
				return err
			}
		} else if a.G != nil || len(a.Graphs) > 0 {
			return refuse("node %q (%s) holds a graph", n.GetName(), n.GetOpType())
		}
		if a.SparseTensor != nil || len(a.SparseTensors) > 0 {
			return refuse("node %q (%s) holds a sparse tensor", n.GetName(), n.GetOpType())
		}
		for _, t := range append(a.Tensors, a.T) {
			if t != nil {
				if err := checkTensor(t); err != nil {
					return err
				}
			}
		}
	}
	for _, out := range n.Output {
		if out != "" && defined[out] {
			return refuse("%q is defined twice, again by node %q (%s)", out, n.GetName(), n.GetOpType())
		}
		defined[out] = true
	}
	return nil
}

// widths holds the bytes of an element in raw_data, by type. Types that it lacks (strings among them) are refused.
var widths = map[onnxpb.TensorProto_DataType]int{
	onnxpb.TensorProto_FLOAT: 4, onnxpb.TensorProto_UINT8: 1, onnxpb.TensorProto_INT8: 1, onnxpb.TensorProto_UINT16: 2,
	onnxpb.TensorProto_INT16: 2, onnxpb.TensorProto_INT32: 4, onnxpb.TensorProto_INT64: 8, onnxpb.TensorProto_BOOL: 1,
	onnxpb.TensorProto_FLOAT16: 2, onnxpb.TensorProto_DOUBLE: 8, onnxpb.TensorProto_UINT32: 4,
	onnxpb.TensorProto_UINT64: 8, onnxpb.TensorProto_BFLOAT16: 2,
}

// checkTensor wants exactly the bytes that the shape and type ask for.
func checkTensor(t *onnxpb.TensorProto) error {
	if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL || len(t.ExternalData) > 0 {
		return refuse("tensor %q keeps its data in another file", t.GetName())
	}
	width, ok := widths[onnxpb.TensorProto_DataType(t.GetDataType())]
	if !ok || t.Segment != nil || len(t.StringData) > 0 {
		return refuse("tensor %q is of type %v, which is not taken", t.GetName(), onnxpb.TensorProto_DataType(t.GetDataType()))
	}
	size := int64(1)
	for _, d := range t.Dims {
		if d < 0 || (d > 0 && size > maxBytes/d) {
			return refuse("tensor %q declares the shape %v", t.GetName(), t.Dims)
		}
		size *= d
	}
	raw := int64(len(t.RawData))
	typed := int64(len(t.FloatData) + len(t.Int32Data) + len(t.Int64Data) + len(t.DoubleData) + len(t.Uint64Data))
	if typed > 0 && raw > 0 || typed > 0 && typed != size || typed == 0 && raw != size*int64(width) {
		return refuse("tensor %q of shape %v holds %d bytes and %d numbers: %d elements of %d bytes are declared", t.GetName(), t.Dims, raw, typed, size, width)
	}
	return nil
}
