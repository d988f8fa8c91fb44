package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible"
	G "gorgonia.org/gorgonia"
)

// These errors tell why a graph cannot be imported.
var (
	// ErrUnsupported: operators, or forms of operators, that have no form in gorgonia here. The text names all operators at once.
	ErrUnsupported = onnxeval.ErrUnsupported
	// ErrGraph: a graph that cannot be a part of a model, whatever its operators.
	ErrGraph = errors.New("unusable graph")
	// ErrOutput: the graph has no value of the name that was asked for, or has several results and none was named.
	ErrOutput = errors.New("name one of the graph's values")
)

// A File is a decoded ONNX file, of whose graph gorgonia graphs are built. Building changes nothing of it.
type File struct {
	graph    *onnxgraph.Graph
	producer map[string]int // the node that computes a value
	weights  map[string]onnxgraph.Tensor
	half     bool // the file has numbers in half precision, which are float32 here
}

// Parse checks and decodes a model. What it has in float16 or bfloat16 becomes float32. Errors wrap onnxcheck's refusal. Whether its operators can be imported is
// seen when a part of it is built.
func Parse(model []byte) (*File, error) {
	m, err := onnxcheck.Parse(model) // whose errors are visible, as those of onnxgraph are
	if err != nil {
		return nil, err
	}
	half := widen(m)
	decoded, err := onnxgraph.Of(m)
	if err != nil {
		return nil, err
	}
	f := newFile(decoded)
	f.half = half
	return f, nil
}

func newFile(graph *onnxgraph.Graph) *File {
	f := &File{graph: graph, producer: map[string]int{}, weights: map[string]onnxgraph.Tensor{}}
	for i, n := range graph.Nodes {
		for _, out := range n.Outputs {
			if out != "" { // results that nobody wants have no name
				f.producer[out] = i
			}
		}
	}
	for _, t := range graph.Initialisers {
		f.weights[t.Name] = t
	}
	return f
}

// Inputs and Outputs describe the graph as its file does; dynamic dimensions are -1.
func (f *File) Inputs() []onnxtensor.Info { return infos(f.graph.Inputs) }

// Outputs describes the graph's results.
func (f *File) Outputs() []onnxtensor.Info { return infos(f.graph.Outputs) }

func infos(values []onnxgraph.Value) []onnxtensor.Info {
	var list []onnxtensor.Info
	for _, v := range values {
		list = append(list, v.Info)
	}
	return list
}

// Metadata returns what the model says of itself.
func (f *File) Metadata() map[string]string { return f.graph.Metadata }

// Build adds the part of the graph that leads to a value, an output or any other, to b, with the given nodes as the graph's
// inputs. Parameters are named under the part of the model that b is in: within "encoder", fc.weight becomes encoder/fc.weight,
// and encoder/1/weight stays as it is.
func (f *File) Build(b *builder.Graph, inputs map[string]*G.Node, output string) (*G.Node, error) {
	return f.build(b, inputs, output, "", nil)
}

// build is Build for the model's part of the given name, which parameters' names do not repeat. look is told the shape of each node's
// first operand.
func (f *File) build(b *builder.Graph, inputs map[string]*G.Node, output, part string, look func(node int, shape []int) error) (*G.Node, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	if err := f.missing(output); err != nil {
		return nil, err
	}
	s := &builds{File: f, b: b, part: part, values: map[string]operand{}, parameters: map[string]*G.Node{}}
	for _, in := range f.graph.Inputs {
		n := inputs[in.Name]
		if n == nil {
			return nil, fmt.Errorf("importer: the input %.100q is not given: %w", in.Name, ErrGraph)
		}
		s.values[in.Name] = operand{node: n}
	}
	for name, t := range f.weights {
		if _, given := inputs[name]; !given {
			s.values[name] = operand{known: &t, trains: trains(t)}
		}
	}
	for _, i := range f.towards(output) {
		n := f.graph.Nodes[i]
		err := error(nil)
		if look != nil && len(n.Inputs) > 0 {
			err = look(i, s.values[n.Inputs[0]].shape())
		}
		if err == nil {
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
		return nil, fmt.Errorf("importer: the graph has no value %.100q: it gives %s: %w", output, strings.Join(names(f.graph.Outputs), ", "), ErrOutput)
	case v.node == nil:
		return nil, fmt.Errorf("importer: the value %.100q does not depend on the graph's inputs: %w", output, ErrOutput)
	}
	return v.node, nil
}

// names returns the values' names for an error, each on the same line whatever a file calls it.
func names(values []onnxgraph.Value) []string {
	var list []string
	for _, v := range values {
		list = append(list, visible.Name(v.Name))
	}
	return list
}

// towards returns the nodes on which a value depends, in order.
func (f *File) towards(output string) []int {
	wanted := map[int]bool{}
	stack := []string{output}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i, ok := f.producer[name]; ok && !wanted[i] {
			wanted[i] = true
			stack = append(stack, f.graph.Nodes[i].Inputs...)
		}
	}
	var order []int
	for i := range f.graph.Nodes {
		if wanted[i] {
			order = append(order, i)
		}
	}
	return order
}

// missing lists the operators that have no form in gorgonia, where their operands depend on the graph's inputs, or that onnxeval
// lacks, by which the others are computed and all are compared.
func (f *File) missing(output string) error {
	moving := map[string]bool{}
	for _, in := range f.graph.Inputs {
		moving[in.Name] = true
	}
	lacks := map[string]bool{}
	known := onnxeval.Operators()
	part := &onnxgraph.Graph{Opset: f.graph.Opset}
	for _, i := range f.towards(output) {
		n := f.graph.Nodes[i]
		part.Nodes = append(part.Nodes, n)
		moves := slices.ContainsFunc(n.Inputs, func(in string) bool { return moving[in] })
		for _, out := range n.Outputs {
			moving[out] = moves && !onnxop.Has(n.Op, onnxop.ReadsShape)
			lacks[out] = moves && lowerings[n.Op] == nil || known[n.Op] == 0 || known[n.Op] > f.graph.Opset
		}
	}
	return onnxeval.Missing(part, "importer: gorgonia", func(n onnxgraph.Node) bool { return len(n.Outputs) == 0 || !lacks[n.Outputs[0]] })
}

// takes reports a node with another number of operands than its operator has.
func (f *File) takes() error {
	for _, n := range f.graph.Nodes {
		if facts, ok := onnxop.Lookup(n.Op); ok && !facts.Takes(len(n.Inputs)) {
			return fmt.Errorf("importer: %v: %d operands: it takes %s: %w", n, len(n.Inputs), facts.Arity(), ErrGraph)
		}
	}
	return nil
}

// builds is one building of a graph.
type builds struct {
	*File
	b          *builder.Graph
	part       string
	values     map[string]operand
	parameters map[string]*G.Node
}

// operand is a value: a node, or numbers that are known while the graph is built.
type operand struct {
	node   *G.Node
	known  *onnxgraph.Tensor
	trains bool // known numbers that are weights, or follow from weights
}

func (o operand) shape() []int {
	switch {
	case o.node != nil:
		return o.node.Shape()
	case o.known != nil:
		return o.known.Shape
	}
	return nil
}

// empty reports an operand that is left out.
func (o operand) empty() bool { return o.node == nil && o.known == nil }

// add adds one node of the ONNX graph.
func (s *builds) add(n onnxgraph.Node) error {
	var in []operand
	known := true
	for _, name := range n.Inputs {
		v, ok := s.values[name]
		if name != "" && !ok {
			return fmt.Errorf("no node before it gives its operand %.100q: %w", name, ErrGraph)
		}
		in = append(in, v)
		known = known && v.node == nil
	}
	if known {
		return s.fold(n, in)
	}
	for len(in) > 0 && in[len(in)-1].empty() { // left out
		in = in[:len(in)-1]
	}
	if facts, _ := onnxop.Lookup(n.Op); !facts.Takes(len(in)) {
		return fmt.Errorf("%d operands: it takes %s: %w", len(in), facts.Arity(), ErrGraph)
	}
	out, err := lowerings[n.Op](&call{builds: s, node: n, in: in})
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
			g.Outputs = append(g.Outputs, onnxgraph.Value{Info: onnxtensor.Info{Name: name}})
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
	follows := slices.ContainsFunc(in, func(o operand) bool { return o.trains })
	for i, t := range out {
		t.Name = g.Outputs[i].Name
		s.values[t.Name] = operand{known: &t, trains: follows}
	}
	return nil
}
