package onnxcompose

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// The ways to make one embedding of a text's tokens.
const (
	PoolMean   = "mean"   // the mean of the tokens' vectors, padding left out
	PoolCLS    = "cls"    // the first token's vector
	PoolOutput = "output" // what the model gives for a text by itself
)

// The inputs of a text model.
const (
	InputIDs      = "input_ids"
	AttentionMask = "attention_mask"
	TokenTypeIDs  = "token_type_ids"
)

// Embedding is the output of what [Pooled] returns: float32 [batch_size, width].
const Embedding = "embedding"

// pooledPrefix begins the names of what is inside of what [Pooled] returns.
const pooledPrefix = "text/"

// PoolingOf returns the way that suits a model of which nothing is said: its own where it gives one, else the mean.
func PoolingOf(model []byte) (string, error) {
	m, err := decode(model)
	if err != nil {
		return "", err
	}
	if out := find(m.Graph.Output, "sentence_embedding"); out != nil {
		return PoolOutput, nil
	}
	return PoolMean, nil
}

// Pooled returns a text model whose one output is [Embedding], and how many numbers an embedding has. The model takes int64 [rows, tokens] of tokens and their mask, and types where it
// wants them, and gives a vector for each token, or one for each text. With normalize each embedding is divided by its length:
//
//	mean:  Σ_t mask[t]·h[t] / max(Σ_t mask[t], 1e-9)
//	unit:  v / max(‖v‖, 1e-12)
func Pooled(model []byte, pooling string, normalize bool) (pooled []byte, width int, err error) {
	m, err := decode(model)
	if err != nil {
		return nil, 0, err
	}
	g := m.Graph
	g.Input = slices.DeleteFunc(g.Input, func(v *onnxpb.ValueInfoProto) bool { // constants, as all initialisers were before IR 4
		return slices.ContainsFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == v.GetName() })
	})
	for _, in := range g.Input {
		if name := in.GetName(); name != InputIDs && name != AttentionMask && name != TokenTypeIDs {
			return nil, 0, fmt.Errorf("onnxcompose: the model takes %.100q: a text model takes %s, %s and perhaps %s", name, InputIDs, AttentionMask, TokenTypeIDs)
		}
		if in.GetType().GetTensorType().GetElemType() != int32(onnxpb.TensorProto_INT64) || len(in.GetType().GetTensorType().GetShape().GetDim()) != 2 {
			return nil, 0, fmt.Errorf("onnxcompose: the model's input %q is not int64 [rows, tokens]", in.GetName())
		}
	}
	for _, name := range []string{InputIDs, AttentionMask} {
		if find(g.Input, name) == nil {
			return nil, 0, fmt.Errorf("onnxcompose: the model has no input %q: a text model takes %s and %s", name, InputIDs, AttentionMask)
		}
	}
	rank := 3
	if pooling == PoolOutput {
		rank = 2
	}
	from, err := pooledFrom(g.Output, rank)
	if err != nil {
		return nil, 0, err
	}
	prefixed(g)
	p := &pooler{graph: g, opset: opset(m)}
	v := pooledPrefix + from.GetName()
	switch pooling {
	case PoolMean:
		mask := p.axes("Unsqueeze", p.node("Cast", nil, AttentionMask), 2, false)
		sum := p.axes("ReduceSum", p.node("Mul", nil, v, mask), 1, false)
		v = p.node("Div", nil, sum, p.node("Max", nil, p.axes("ReduceSum", mask, 1, false), p.float("least", 1e-9)))
	case PoolCLS:
		v = p.node("Gather", []*onnxpb.AttributeProto{integer("axis", 1)}, v, p.zero("first"))
	case PoolOutput:
		v = p.node("Identity", nil, v)
	default:
		return nil, 0, fmt.Errorf("onnxcompose: pooling %q: use %s, %s or %s", pooling, PoolMean, PoolCLS, PoolOutput)
	}
	if normalize {
		square := p.axes("ReduceSum", p.node("Mul", nil, v, v), 1, true)
		p.node("Div", nil, v, p.node("Max", nil, p.node("Sqrt", nil, square), p.float("shortest", 1e-12)))
	}
	last := g.Node[len(g.Node)-1]
	last.Output[0], last.Name = Embedding, proto.String(Embedding)
	dims := from.GetType().GetTensorType().GetShape().GetDim()
	g.Output = []*onnxpb.ValueInfoProto{{Name: proto.String(Embedding), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
		Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
			{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch_size"}}, dims[len(dims)-1],
		}},
	}}}}}
	for _, in := range g.Input { // some exporters call both by one name
		in.GetType().GetTensorType().Shape = &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
			{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch_size"}}, {Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "tokens"}},
		}}
	}
	DropDead(g)
	pooled, err = onnxpb.Marshal(m)
	return pooled, int(dims[len(dims)-1].GetDimValue()), err
}

// pooledFrom returns the first output of floats with a number of dimensions, the last of which is known.
func pooledFrom(outputs []*onnxpb.ValueInfoProto, rank int) (*onnxpb.ValueInfoProto, error) {
	if rank == 2 {
		if out := find(outputs, "sentence_embedding"); out != nil {
			return out, nil
		}
	}
	for _, out := range outputs {
		t := out.GetType().GetTensorType()
		if dims := t.GetShape().GetDim(); t.GetElemType() == int32(onnxpb.TensorProto_FLOAT) && len(dims) == rank && dims[rank-1].GetDimValue() > 0 {
			return out, nil
		}
	}
	return nil, fmt.Errorf("onnxcompose: the model has no output of float32 with %d dimensions, the last of which is known: another pooling may suit it", rank)
}

// prefixed puts a prefix before all names of a graph, except those of its inputs.
func prefixed(g *onnxpb.GraphProto) {
	rename := func(name *string) {
		if *name != "" && find(g.Input, *name) == nil {
			*name = pooledPrefix + *name
		}
	}
	for _, t := range g.Initializer {
		rename(t.Name)
	}
	for _, n := range g.Node {
		if n.Name != nil {
			*n.Name = pooledPrefix + *n.Name
		}
		for _, names := range [][]string{n.Input, n.Output} {
			for i := range names {
				rename(&names[i])
			}
		}
	}
	g.ValueInfo = nil // which nobody needs
}

// A pooler adds nodes to a graph.
type pooler struct {
	graph *onnxpb.GraphProto
	opset int64
	nodes int
}

// poolPrefix begins the names of what a pooler adds.
const poolPrefix = "pooling/"

// node adds a node and returns its result.
func (p *pooler) node(op string, attributes []*onnxpb.AttributeProto, inputs ...string) string {
	if op == "Cast" {
		attributes = []*onnxpb.AttributeProto{integer("to", int64(onnxpb.TensorProto_FLOAT))}
	}
	p.nodes++
	name := fmt.Sprintf("%s%d/%s", poolPrefix, p.nodes, op)
	p.graph.Node = append(p.graph.Node, &onnxpb.NodeProto{Name: &name, OpType: proto.String(op), Input: inputs, Output: []string{name}, Attribute: attributes})
	return name
}

// axes adds a node that works along an axis, which is an attribute before opset 13.
func (p *pooler) axes(op, input string, axis int64, keep bool) string {
	var attributes []*onnxpb.AttributeProto
	if op == "ReduceSum" {
		kept := int64(0)
		if keep {
			kept = 1
		}
		attributes = append(attributes, integer("keepdims", kept))
	}
	if p.opset < 13 {
		attributes = append(attributes, &onnxpb.AttributeProto{Name: proto.String("axes"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{axis}})
		return p.node(op, attributes, input)
	}
	name := fmt.Sprintf("%saxis/%d", poolPrefix, axis)
	if !slices.ContainsFunc(p.graph.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == name }) {
		p.graph.Initializer = append(p.graph.Initializer, &onnxpb.TensorProto{Name: &name, Dims: []int64{1}, DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Int64Data: []int64{axis}})
	}
	return p.node(op, attributes, input, name)
}

// float adds a number.
func (p *pooler) float(name string, value float32) string {
	name = poolPrefix + name
	p.graph.Initializer = append(p.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{value}})
	return name
}

// zero adds the whole number 0.
func (p *pooler) zero(name string) string {
	name = poolPrefix + name
	p.graph.Initializer = append(p.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Int64Data: []int64{0}})
	return name
}

func integer(name string, value int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: &value}
}

// Only returns a model that gives one of its outputs, without what the others alone need.
func Only(model []byte, output string) ([]byte, error) {
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	out := find(m.Graph.Output, output)
	if out == nil {
		return nil, fmt.Errorf("onnxcompose: the model does not give %q", output)
	}
	m.Graph.Output = []*onnxpb.ValueInfoProto{out}
	DropDead(m.Graph)
	return onnxpb.Marshal(m)
}

// Embedded returns one model of three: a text model that [Pooled] returned, an encoder that takes embeddings as its input sample, and what decides by
// the encoder's outputs. It gives [Embedding] and the named outputs.
func Embedded(pooled, encoder, threshold []byte, sample string, outputs ...string) ([]byte, error) {
	first, err := decode(pooled)
	if err != nil {
		return nil, err
	}
	second, err := decode(encoder)
	if err != nil {
		return nil, err
	}
	if err := raise(first, opset(second)); err != nil {
		return nil, err
	}
	name := poolPrefix + "Identity"
	first.Graph.Node = append(first.Graph.Node, &onnxpb.NodeProto{Name: &name, OpType: proto.String("Identity"), Input: []string{Embedding}, Output: []string{sample}})
	out := proto.CloneOf(first.Graph.Output[0])
	out.Name = &sample
	first.Graph.Output = append(first.Graph.Output, out)
	text, err := onnxpb.Marshal(first)
	if err != nil {
		return nil, err
	}
	kept := []string{Embedding}
	for _, out := range second.Graph.Output {
		kept = append(kept, out.GetName())
	}
	if text, err = Chain(text, encoder, kept...); err != nil {
		return nil, err
	}
	return Chain(text, threshold, append([]string{Embedding}, outputs...)...)
}

// changed are the operators that mean something else by opset 17 than by 13: https://github.com/onnx/onnx/blob/main/docs/Changelog.md.
var changed = []string{"BatchNormalization", "RoiAlign"}

// raise declares a later opset, up to 17, where the operators mean the same by it.
func raise(m *onnxpb.ModelProto, to int64) error {
	from := opset(m)
	if from == to {
		return nil
	}
	way := "convert it by onnx.version_converter of Python's onnx"
	if from < 13 || from > to || to > 17 {
		return fmt.Errorf("onnxcompose: the text model has opset %d, the bundle's graphs %d: %s", from, to, way)
	}
	for _, n := range m.Graph.Node {
		if slices.Contains(changed, n.GetOpType()) {
			return fmt.Errorf("onnxcompose: the text model has opset %d, the bundle's graphs %d, and %s has changed between them: %s", from, to, n.GetOpType(), way)
		}
	}
	for _, o := range m.OpsetImport {
		o.Version = &to
	}
	m.IrVersion = proto.Int64(max(m.GetIrVersion(), 8)) // which goes with opset 17
	return nil
}
