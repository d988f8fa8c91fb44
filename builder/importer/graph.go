package importer

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// ErrUnsupported is wrapped by the error for a graph with operators, or forms of operators, that have no form in gorgonia
// here. Of operators the text names all.
var ErrUnsupported = onnxeval.ErrUnsupported

// A Graph is an ONNX graph that can be built in gorgonia.
type Graph struct {
	graph    *onnxgraph.Graph
	producer map[string]int // the node that computes a value
	weights  map[string]onnxgraph.Tensor
}

// Parse checks and decodes a model. Errors wrap onnxcheck's refusal or [ErrUnsupported].
func Parse(model []byte) (*Graph, error) {
	decoded, err := onnxgraph.Decode(model)
	if err != nil {
		return nil, err
	}
	known := onnxeval.Operators()
	err = onnxeval.Missing(decoded, "the importer", func(n onnxgraph.Node) bool {
		return lowerings[n.Op] != nil || foldedOnly[n.Op] && known[n.Op] > 0
	})
	if err != nil {
		return nil, err
	}
	g := &Graph{graph: decoded, producer: map[string]int{}, weights: map[string]onnxgraph.Tensor{}}
	for i, n := range decoded.Nodes {
		for _, out := range n.Outputs {
			g.producer[out] = i
		}
	}
	for _, t := range decoded.Initialisers {
		g.weights[t.Name] = t
	}
	return g, nil
}

// Inputs and Outputs describe the graph as its file does; dynamic dimensions are -1.
func (g *Graph) Inputs() []bundle.TensorInfo { return infos(g.graph.Inputs) }

// Outputs describes the graph's results.
func (g *Graph) Outputs() []bundle.TensorInfo { return infos(g.graph.Outputs) }

func infos(values []onnxgraph.Value) []bundle.TensorInfo {
	var list []bundle.TensorInfo
	for _, v := range values {
		list = append(list, v.TensorInfo)
	}
	return list
}

// Metadata returns what the model says of itself.
func (g *Graph) Metadata() map[string]string { return g.graph.Metadata }

// Build adds the part of the graph that leads to a value, an output or any other, to b, with the given nodes as the graph's
// inputs. Parameters are named under the part of the model that b is in: within "encoder", fc.weight becomes encoder/fc.weight,
// and encoder/1/weight stays as it is.
func (g *Graph) Build(b *builder.Graph, inputs map[string]*G.Node, output string) (*G.Node, error) {
	return g.build(b, inputs, output, "", nil)
}

// build is Build for the model's part of the given name, whose parameters do not repeat it. Nodes in skip pass their first
// operand on.
func (g *Graph) build(b *builder.Graph, inputs map[string]*G.Node, output, part string, skip map[int]bool) (*G.Node, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	s := &builds{Graph: g, b: b, part: part, values: map[string]operand{}, parameters: map[string]*G.Node{}}
	for _, in := range g.graph.Inputs {
		n := inputs[in.Name]
		if n == nil {
			return nil, fmt.Errorf("importer: the input %q is not given", in.Name)
		}
		s.values[in.Name] = operand{node: n}
	}
	for name, t := range g.weights {
		if _, given := inputs[name]; !given {
			s.values[name] = operand{known: &t}
		}
	}
	for _, i := range g.towards(output) {
		n := g.graph.Nodes[i]
		err := error(nil)
		if skip[i] {
			s.values[n.Outputs[0]] = s.values[n.Inputs[0]]
		} else {
			err = s.add(n)
		}
		if err == nil {
			err = b.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("importer: %v: %w", n, err)
		}
	}
	v, ok := s.values[output]
	switch {
	case !ok:
		return nil, fmt.Errorf("importer: the graph has no value %q: it gives %s", output, names(g.graph.Outputs))
	case v.node == nil:
		return nil, fmt.Errorf("importer: the value %q does not depend on the graph's inputs: %w", output, ErrUnsupported)
	}
	return v.node, nil
}

func names(values []onnxgraph.Value) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.Name)
	}
	return list
}

// towards returns the nodes on which a value depends, in order.
func (g *Graph) towards(output string) []int {
	wanted := map[int]bool{}
	stack := []string{output}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i, ok := g.producer[name]; ok && !wanted[i] {
			wanted[i] = true
			stack = append(stack, g.graph.Nodes[i].Inputs...)
		}
	}
	var order []int
	for i := range g.graph.Nodes {
		if wanted[i] {
			order = append(order, i)
		}
	}
	return order
}

// builds is one building of a graph.
type builds struct {
	*Graph
	b          *builder.Graph
	part       string
	values     map[string]operand
	parameters map[string]*G.Node
}

// operand is a value: a node, or numbers that are known while the graph is built.
type operand struct {
	node  *G.Node
	known *onnxgraph.Tensor
}

func (o operand) shape() []int {
	if o.node != nil {
		return o.node.Shape()
	}
	return o.known.Shape
}

// add adds one node of the ONNX graph.
func (s *builds) add(n onnxgraph.Node) error {
	var in []operand
	known := true
	for _, name := range n.Inputs {
		v, ok := s.values[name]
		if name != "" && !ok {
			return fmt.Errorf("its operand %q is not there", name)
		}
		in = append(in, v)
		known = known && v.node == nil
	}
	if known {
		return s.fold(n, in)
	}
	lower := lowerings[n.Op]
	if lower == nil {
		return fmt.Errorf("it is computed beforehand only, and its operands are not known: %w", ErrUnsupported)
	}
	out, err := lower(&call{builds: s, node: n, in: in})
	if err == nil && s.b.Err() == nil {
		s.values[n.Outputs[0]] = out
	}
	return err
}

// fold computes a node whose operands are known.
func (s *builds) fold(n onnxgraph.Node, in []operand) error {
	g := &onnxgraph.Graph{Opset: s.graph.Opset, Nodes: []onnxgraph.Node{n}}
	for i, name := range n.Inputs {
		if name != "" && !slices.ContainsFunc(g.Initialisers, func(t onnxgraph.Tensor) bool { return t.Name == name }) {
			t := *in[i].known
			t.Name = name
			g.Initialisers = append(g.Initialisers, t)
		}
	}
	for _, name := range n.Outputs {
		if name != "" {
			g.Outputs = append(g.Outputs, onnxgraph.Value{TensorInfo: bundle.TensorInfo{Name: name}})
		}
	}
	program, err := onnxeval.Load(g)
	if err != nil {
		return err
	}
	out, err := program.Evaluate(nil)
	if err != nil {
		return err
	}
	for i, t := range out {
		t.Name = g.Outputs[i].Name
		s.values[t.Name] = operand{known: &t}
	}
	return nil
}
