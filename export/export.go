package export

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The versions that exported models carry: opset 17 and IR 8 are understood by onnxruntime 1.13 and later, by
// onnxruntime-web, and by every recent reader in other languages.
const (
	Opset     = 17
	IRVersion = 8
	Producer  = "catvae"
)

// ErrUnsupportedOp is wrapped by the error for an operation that the table lacks.
var ErrUnsupportedOp = errors.New("unsupported operation")

// A Traced is one gorgonia graph, built at one batch size, and what of it is exported. Inputs are bound at run time;
// every other node without an operation must hold a value and becomes an initialiser under its own name.
type Traced struct {
	Inputs  []Named
	Outputs []Named
}

// Named is a node with the name and documentation that it has in the exported graph.
type Named struct {
	Name string
	Doc  string // meaning, range and layout; Markdown
	Node *G.Node
}

// A Trace builds the graph for a batch size. It is called twice, at two batch sizes, and must otherwise do the same:
// what differs between the calls is the batch axis.
type Trace func(batch int) (Traced, error)

// Options say how a model describes itself. The zero value works.
type Options struct {
	Name      string            // graph name, "graph" when empty
	Doc       string            // what the graph computes; Markdown
	Prefix    string            // put before the names of inner values that belong to no part of the model
	BatchAxis string            // name of the dynamic dimension, "batch_size" when empty
	Metadata  map[string]string // metadata_props, written in the order of their keys
}

// Graph exports the function that trace builds as an ONNX model.
//
// Nodes are lowered one by one in topological order from one table (docs/operators.md lists it), then cleaned up by
// passes that change no result. Equal graphs with equal values give equal bytes. Errors name the node and what to do;
// an operation outside the table wraps [ErrUnsupportedOp].
func Graph(trace Trace, o Options) (*Model, error) {
	first, err := traced(trace, firstBatch)
	if err != nil {
		return nil, err
	}
	second, err := traced(trace, secondBatch)
	if err != nil {
		return nil, err
	}
	order, outputs, err := pair(nodesOf(first.Outputs), nodesOf(second.Outputs))
	if err != nil {
		return nil, err
	}
	if o.BatchAxis == "" {
		o.BatchAxis = "batch_size"
	}
	e := newEmitter(o.BatchAxis, o.Prefix)
	if err := e.inputs(first, second, order); err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := e.lower(n); err != nil {
			return nil, err
		}
	}
	if err := e.outputs(first.Outputs, outputs); err != nil {
		return nil, err
	}
	before := len(e.graph.Node)
	e.simplify()
	e.graph.Name = proto.String(o.Name)
	if o.Name == "" {
		e.graph.Name = proto.String("graph")
	}
	if o.Doc != "" {
		e.graph.DocString = proto.String(o.Doc)
	}
	return &Model{proto: wrap(e.graph, o), Lowered: before, Nodes: len(e.graph.Node)}, nil
}

func traced(trace Trace, batch int) (t Traced, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("export: tracing at batch %d: %v", batch, p)
		}
	}()
	if t, err = trace(batch); err != nil {
		return t, fmt.Errorf("export: tracing at batch %d: %w", batch, err)
	}
	if len(t.Outputs) == 0 {
		return t, fmt.Errorf("export: the graph has no outputs")
	}
	for _, n := range slices.Concat(t.Inputs, t.Outputs) {
		if n.Node == nil || n.Name == "" {
			return t, fmt.Errorf("export: input or output %q has no node or no name", n.Name)
		}
	}
	return t, nil
}

func nodesOf(named []Named) []*G.Node {
	nodes := make([]*G.Node, len(named))
	for i, n := range named {
		nodes[i] = n.Node
	}
	return nodes
}

func wrap(g *onnxpb.GraphProto, o Options) *onnxpb.ModelProto {
	m := &onnxpb.ModelProto{
		IrVersion: proto.Int64(IRVersion), ProducerName: proto.String(Producer), ModelVersion: proto.Int64(1), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(Opset)}},
	}
	if o.Doc != "" {
		m.DocString = proto.String(o.Doc)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		m.MetadataProps = append(m.MetadataProps, &onnxpb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(o.Metadata[key])})
	}
	return m
}

// inputs declares the graph's inputs, used or not, and names them. A node may be an input of the graph and hold a value:
// the value is then not written.
func (e *emitter) inputs(first, second Traced, order []*node) error {
	if len(first.Inputs) != len(second.Inputs) {
		return fmt.Errorf("export: the graph has %d inputs at batch %d and %d at batch %d", len(first.Inputs), firstBatch, len(second.Inputs), secondBatch)
	}
	used := map[*G.Node]*node{}
	for _, n := range order {
		used[n.first] = n
		if d := n.dtype(); d == tensor.Float64 || (d == tensor.Float32 && e.float != tensor.Float64) {
			e.float = d
		}
	}
	for i, input := range first.Inputs {
		shape, err := dims(input.Node.Shape(), second.Inputs[i].Node.Shape())
		if err != nil {
			return fmt.Errorf("export: input %q: %w", input.Name, err)
		}
		if e.taken[input.Name] > 0 {
			return fmt.Errorf("export: two inputs are called %q", input.Name)
		}
		e.unique(input.Name)
		e.graph.Input = append(e.graph.Input, e.info(input.Name, input.Doc, onnxType(input.Node.Dtype()), shape))
		e.shapes[input.Name] = shape
		n, ok := used[input.Node]
		if !ok {
			continue
		}
		if n.op() != nil {
			return fmt.Errorf("export: input %q is the result of %v: inputs are nodes without an operation", input.Name, n.op())
		}
		e.names[n] = input.Name
		e.scopes[n] = e.scope
		if e.source == nil && slices.Contains(shape, dim{n: 1, byBatch: true}) {
			e.source = n
		}
	}
	return nil
}

// outputs declares the graph's outputs. A value takes the output's name; where it cannot (it is an input, an
// initialiser, or two outputs at once) an Identity does.
func (e *emitter) outputs(named []Named, outputs []*node) error {
	renamed := map[string]bool{}
	for i, n := range outputs {
		name := named[i].Name
		if e.taken[name] > 0 {
			return fmt.Errorf("export: the output's name %q is taken by another value", name)
		}
		value := e.names[n]
		producer := slices.IndexFunc(e.graph.Node, func(p *onnxpb.NodeProto) bool { return p.Output[0] == value })
		if producer < 0 || renamed[value] {
			e.scope = e.scopes[n]
			e.graph.Node = append(e.graph.Node, &onnxpb.NodeProto{
				Name: proto.String(e.unique(e.scope + "Identity")), OpType: proto.String("Identity"), Input: []string{value}, Output: []string{name},
			})
		} else {
			e.rename(value, name)
			e.names[n] = name
			value = name
		}
		e.unique(name)
		renamed[value] = true
		e.shapes[name] = n.shape
		e.graph.Output = append(e.graph.Output, e.info(name, named[i].Doc, onnxType(n.dtype()), n.shape))
	}
	return nil
}

// rename gives a value another name wherever it stands; its node keeps its own.
func (e *emitter) rename(from, to string) {
	for _, n := range e.graph.Node {
		for i := range n.Input {
			if n.Input[i] == from {
				n.Input[i] = to
			}
		}
		if n.Output[0] == from {
			n.Output[0] = to
		}
	}
	e.shapes[to] = e.shapes[from]
	for n, name := range e.names {
		if name == from {
			e.names[n] = to
		}
	}
}

func (e *emitter) info(name, doc string, dtype onnxpb.TensorProto_DataType, shape []dim) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		p := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d.n}}
		if d.byBatch {
			axis := e.axis
			if d.n != 1 {
				axis = fmt.Sprintf("%s_x%d", e.axis, d.n)
			}
			p.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: axis}
		}
		s.Dim = append(s.Dim, p)
	}
	v := &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{
		Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype)), Shape: s}},
	}}
	if doc != "" {
		v.DocString = proto.String(doc)
	}
	return v
}

// lower writes one node: an initialiser for a node with a value, a row of the table, or the op's own way to be written.
func (e *emitter) lower(n *node) error {
	if _, done := e.names[n]; done {
		return nil
	}
	if n.op() == nil || isConstant(n.first) {
		return e.leaf(n)
	}
	e.scope = e.scopeOf(n)
	e.scopes[n] = e.scope
	name, err := e.lowerOp(n)
	if err != nil {
		return err
	}
	e.names[n] = name
	e.shapes[name] = n.shape
	return nil
}

// leaf writes a node that has a value as an initialiser under its name.
func (e *emitter) leaf(n *node) error {
	v := n.first.Value()
	if v == nil {
		return fmt.Errorf("export: %s has neither an operation nor a value: list it among the inputs, or give it a value", label(n.first))
	}
	dtype, shape, raw, err := value(v)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, label(n.first))
	}
	for _, d := range n.shape {
		if d.byBatch {
			return fmt.Errorf("export: %s holds a value whose shape varies with the batch: list it among the inputs", label(n.first))
		}
	}
	if n.op() != nil {
		e.names[n] = e.constant("number", dtype, shape, v.Data())
		return nil
	}
	if v2 := n.second.Value(); v2 == nil {
		return fmt.Errorf("export: %s has a value at one batch size only", label(n.first))
	}
	name := e.unique(n.first.Name())
	e.initialiser(name, dtype, shape, raw)
	e.names[n] = name
	e.scopes[n] = parent(name)
	return nil
}

// scopeOf finds the part of the model that a node belongs to: that of the parameter it uses, or of its first operand
// that has one. So a product with "encoder/1/weight" becomes "encoder/1/Gemm", and so does the ReLU behind it.
func (e *emitter) scopeOf(n *node) string {
	for _, in := range n.in {
		if in.op() == nil && in.first.Value() != nil && strings.Contains(in.first.Name(), "/") {
			return parent(in.first.Name())
		}
	}
	for _, in := range n.in {
		if s := e.scopes[in]; s != "" {
			return s
		}
	}
	return ""
}

func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir + "/"
	}
	return ""
}
