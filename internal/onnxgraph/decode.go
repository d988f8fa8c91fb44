package onnxgraph

import (
	"errors"
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/visible"
	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"google.golang.org/protobuf/proto"
)

// Decode checks a model and reads it. Errors wrap onnxcheck.ErrUnsafe where the checker refuses the model, or where it
// holds what this form has no place for.
func Decode(model []byte) (*Graph, error) {
	m, err := onnxcheck.Parse(model)
	if err != nil {
		return nil, err
	}
	return Of(m)
}

// DecodeChecked is [Decode] for a model that has passed internal/onnxcheck before, which is not done again.
func DecodeChecked(model []byte) (*Graph, error) {
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, refuse("%w", err)
	}
	if m.Graph == nil {
		return nil, refuse("%w", errors.New("it holds no graph"))
	}
	return Of(m)
}

// Of is [Decode] for a model that onnxcheck.Parse gave.
func Of(m *onnxpb.ModelProto) (*Graph, error) {
	info := onnxcheck.DescribeModel(m)
	g := &Graph{Name: info.Name, Opset: info.Opset, Inputs: info.Inputs, Outputs: info.Outputs, Metadata: info.Metadata}
	for _, t := range m.Graph.Initializer {
		tensor, err := ReadTensor(t)
		if err != nil {
			return nil, refuse("%w", err)
		}
		g.Initialisers = append(g.Initialisers, tensor)
	}
	if len(m.Graph.Node) == 0 { // which onnx-go has no word for
		return g, nil
	}
	var err error
	if g.Nodes, err = decodeNodes(m.Graph.Node); err != nil {
		return nil, err
	}
	return g, nil
}

func refuse(format string, args ...any) error {
	return visible.Error(fmt.Errorf("onnxgraph: %w: %w", onnxcheck.ErrUnsafe, fmt.Errorf(format, args...)))
}

// decodeNodes gives onnx-go the nodes alone: without tensors, whose types it does not all hold, and without the types of
// values, of which it loses the dynamic dimensions.
func decodeNodes(nodes []*onnxpb.NodeProto) ([]Node, error) {
	lean := &onnxpb.ModelProto{Graph: &onnxpb.GraphProto{Name: proto.String("")}}
	for _, n := range nodes {
		l := &onnxpb.NodeProto{Name: n.Name, OpType: n.OpType, Input: n.Input, Output: n.Output}
		for _, a := range n.Attribute {
			switch a.GetType() {
			case onnxpb.AttributeProto_FLOAT, onnxpb.AttributeProto_INT, onnxpb.AttributeProto_STRING,
				onnxpb.AttributeProto_FLOATS, onnxpb.AttributeProto_INTS, onnxpb.AttributeProto_STRINGS:
				l.Attribute = append(l.Attribute, a)
			}
		}
		lean.Graph.Node = append(lean.Graph.Node, l)
	}
	lean.Graph.Output = []*onnxpb.ValueInfoProto{{Name: proto.String("")}} // it wants one
	data, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(lean)
	if err != nil {
		return nil, refuse("%w", err)
	}
	r := &recorder{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0)}
	if err := onnx.NewModel(r).UnmarshalBinary(data); err != nil {
		return nil, refuse("onnx-go: %w", err)
	}
	if len(r.nodes) != len(nodes) {
		return nil, refuse("onnx-go read %d of %d nodes", len(r.nodes), len(nodes))
	}
	for i, n := range nodes {
		if err := r.nodes[i].complete(n); err != nil {
			return nil, err
		}
	}
	return r.nodes, nil
}

// complete adds what onnx-go does not say of a node.
func (n *Node) complete(p *onnxpb.NodeProto) error {
	n.Name = p.GetName()
	if len(p.Input) == 0 {
		n.Inputs = nil // onnx-go makes up an operand
	}
	for _, a := range p.Attribute {
		switch a.GetType() {
		case onnxpb.AttributeProto_TENSOR:
			if a.T == nil {
				return refuse("%v: the attribute %.100q holds nothing", n, a.GetName())
			}
			t, err := ReadTensor(a.T)
			if err != nil {
				return refuse("%v: the attribute %.100q: %w", n, a.GetName(), err)
			}
			n.Attributes[a.GetName()] = t
		default:
			if _, ok := n.Attributes[a.GetName()]; !ok { // a subgraph and the like: no operator that is read here has one
				n.Attributes[a.GetName()] = nil
			}
		}
	}
	return nil
}

// recorder is the backend that onnx-go fills: it writes down each operation with the edges that were set for it. Values are
// vertices; an edge leads from a result to an operand, and its weight is the operand's place. (onnx-go gives a node with
// several results the same edges for each; of a graph proper, x·x would lose one of its two.)
type recorder struct {
	*simple.WeightedDirectedGraph
	edges []graph.WeightedEdge // of the operation that comes next
	nodes []Node
}

// vertex is a value by its name.
type vertex struct {
	graph.Node
	name string
}

func (v *vertex) SetName(name string) { v.name = name }
func (v *vertex) GetName() string     { return v.name }

func (r *recorder) NewNode() graph.Node { return &vertex{Node: r.WeightedDirectedGraph.NewNode()} }

func (r *recorder) SetWeightedEdge(e graph.WeightedEdge) { r.edges = append(r.edges, e) }

var errNoResult = errors.New("a node without results")

func (r *recorder) ApplyOperation(op onnx.Operation, results ...graph.Node) error {
	if len(results) == 0 {
		return errNoResult
	}
	n := Node{Op: op.Name, Attributes: op.Attributes}
	for _, v := range results {
		n.Outputs = append(n.Outputs, v.(*vertex).name)
	}
	operands := len(r.edges) / len(results)
	n.Inputs = make([]string, operands)
	for _, e := range r.edges[:operands] {
		n.Inputs[int(e.Weight())] = e.To().(*vertex).name
	}
	r.edges = r.edges[:0]
	r.nodes = append(r.nodes, n)
	return nil
}
