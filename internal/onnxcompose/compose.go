// Package onnxcompose joins several ONNX models into one: what would cross the boundary between them stays inside.
//
// A bundle's graphs chain by equal names (sample → latent_logits → packed_code) and their inner names begin with the part
// they belong to, so that nothing has to be renamed. The models are trusted to have passed internal/onnxcheck; what the
// package returns passes it too.
package onnxcompose

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Chain returns a model that runs first and then second. All inputs of second must be outputs of first. The model takes
// first's inputs and gives the named outputs of either.
func Chain(first, second []byte, outputs ...string) ([]byte, error) {
	a, err := decode(first)
	if err != nil {
		return nil, err
	}
	b, err := decode(second)
	if err != nil {
		return nil, err
	}
	if x, y := opset(a), opset(b); x != y {
		return nil, fmt.Errorf("onnxcompose: the models have opset %d and %d: they must agree", x, y)
	}
	for _, in := range b.Graph.Input {
		if find(a.Graph.Output, in.GetName()) == nil {
			return nil, fmt.Errorf("onnxcompose: the second model takes %q, which the first does not give", in.GetName())
		}
	}
	if name, ok := collision(a.Graph, b.Graph); ok {
		return nil, fmt.Errorf("onnxcompose: both models define %q", name)
	}
	g := a.Graph
	all := slices.Concat(g.Output, b.Graph.Output)
	g.Node = append(g.Node, b.Graph.Node...)
	g.Initializer = append(g.Initializer, b.Graph.Initializer...)
	g.Output = nil
	for _, name := range outputs {
		v := find(all, name)
		if v == nil {
			return nil, fmt.Errorf("onnxcompose: neither model gives %q", name)
		}
		g.Output = append(g.Output, v)
	}
	DropDead(g)
	a.MetadataProps = nil // of the first alone
	return onnxpb.Marshal(a)
}

// FromBytes returns a model that takes its input as bytes and converts them to floats, with the same bits as
// dist.Values.Byte:
//
//	x = byte/divisor, or byte·(1/divisor) where the divisor is not a whole number
//	x = (x - mean) / deviation, where the mean is not 0 or the deviation not 1
func FromBytes(model []byte, input string, divisor, mean, deviation float64) ([]byte, error) {
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	in := find(m.Graph.Input, input)
	if in == nil || in.GetType().GetTensorType().GetElemType() != int32(onnxpb.TensorProto_FLOAT) {
		return nil, fmt.Errorf("onnxcompose: the model has no float32 input %q", input)
	}
	if !(divisor > 0) || math.IsInf(divisor, 0) || !(deviation > 0) || math.IsInf(deviation, 0) || math.IsNaN(mean) || math.IsInf(mean, 0) {
		return nil, fmt.Errorf("onnxcompose: bytes into %q, divided by %g, less %g, divided by %g: use finite numbers, and divisors above 0", input, divisor, mean, deviation)
	}
	steps := arithmetic(divisor, mean, deviation)
	inner := bytesPrefix + input
	for _, n := range m.Graph.Node {
		for i, name := range n.Input {
			if name == input {
				n.Input[i] = inner
			}
		}
	}
	in.GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_UINT8))
	cast := bytesPrefix + "Cast"
	nodes := []*onnxpb.NodeProto{{Name: &cast, OpType: proto.String("Cast"), Input: []string{input}, Output: []string{cast}, Attribute: []*onnxpb.AttributeProto{
		{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(onnxpb.TensorProto_FLOAT))},
	}}}
	x := cast
	for i, s := range steps {
		out := bytesPrefix + s.constant + "/result"
		if i == len(steps)-1 {
			out = inner
		}
		constant := bytesPrefix + s.constant
		m.Graph.Initializer = append(m.Graph.Initializer, &onnxpb.TensorProto{
			Name: &constant, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{float32(s.by)},
		})
		nodes = append(nodes, &onnxpb.NodeProto{Name: &out, OpType: proto.String(s.op), Input: []string{x, constant}, Output: []string{out}})
		x = out
	}
	m.Graph.Node = slices.Insert(m.Graph.Node, 0, nodes...)
	return onnxpb.Marshal(m)
}

// bytesPrefix begins the names of what [FromBytes] adds.
const bytesPrefix = "bytes/"

// A step of [FromBytes] is one operator with a constant.
type step struct {
	op, constant string
	by           float64
}

// arithmetic lists what is done to a byte that is a float already.
func arithmetic(divisor, mean, deviation float64) []step {
	steps := []step{{"Div", "factor", divisor}}
	if divisor != math.Trunc(divisor) {
		steps[0] = step{"Mul", "factor", 1 / divisor}
	}
	if mean != 0 || deviation != 1 {
		steps = append(steps, step{"Sub", "mean", mean}, step{"Div", "deviation", deviation})
	}
	return steps
}

func decode(model []byte) (*onnxpb.ModelProto, error) {
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, fmt.Errorf("onnxcompose: %w", err)
	}
	if m.Graph == nil {
		return nil, fmt.Errorf("onnxcompose: the model holds no graph")
	}
	return m, nil
}

func opset(m *onnxpb.ModelProto) int64 {
	for _, o := range m.OpsetImport {
		if o.GetDomain() == "" || o.GetDomain() == "ai.onnx" {
			return o.GetVersion()
		}
	}
	return 0
}

func find(values []*onnxpb.ValueInfoProto, name string) *onnxpb.ValueInfoProto {
	i := slices.IndexFunc(values, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == name })
	if i < 0 {
		return nil
	}
	return values[i]
}

// collision returns a name that both graphs define.
func collision(a, b *onnxpb.GraphProto) (string, bool) {
	defined := map[string]bool{}
	for _, v := range a.Input {
		defined[v.GetName()] = true
	}
	for _, t := range a.Initializer {
		defined[t.GetName()] = true
	}
	for _, n := range a.Node {
		for _, out := range n.Output {
			defined[out] = true
		}
	}
	for _, t := range b.Initializer {
		if defined[t.GetName()] {
			return t.GetName(), true
		}
	}
	for _, n := range b.Node {
		for _, out := range n.Output {
			if defined[out] {
				return out, true
			}
		}
	}
	return "", false
}

// DropDead removes the nodes and initialisers that no output needs.
func DropDead(g *onnxpb.GraphProto) {
	needed := map[string]bool{}
	for _, o := range g.Output {
		needed[o.GetName()] = true
	}
	var nodes []*onnxpb.NodeProto
	for _, n := range slices.Backward(g.Node) {
		if !slices.ContainsFunc(n.Output, func(out string) bool { return needed[out] }) {
			continue
		}
		for _, in := range n.Input {
			needed[in] = true
		}
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	g.Node = nodes
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return !needed[t.GetName()] })
}
