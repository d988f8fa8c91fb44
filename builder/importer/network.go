package importer

import (
	"fmt"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	G "gorgonia.org/gorgonia"
)

// A Network is a graph of one input as a part of a model: a builder.Network.
type Network struct {
	graph  *Graph
	part   string // "encoder" or "decoder"
	output string // the value that is taken
	skip   map[int]bool
	note   string
	shape  []int // of the result, without the batch
	params []Parameter
}

var _ builder.Network = (*Network)(nil)

// Encoder makes the encoder of a model: a graph of rows that gives the latent logits. output names the value that they are; ""
// takes the graph's result (of several, ours: latent_logits). A sigmoid or softmax at the end is left out.
func Encoder(model []byte, output string) (*Network, error) {
	return network(model, "encoder", output, bundle.LatentLogits)
}

// Decoder makes the decoder of a model: a graph of codes that gives the logits of the rows' values. output is as in [Encoder];
// of several results reconstruction_logits is taken.
func Decoder(model []byte, output string) (*Network, error) {
	return network(model, "decoder", output, bundle.ReconstructionLogits)
}

func network(model []byte, part, output, ours string) (*Network, error) {
	g, err := Parse(model)
	if err != nil {
		return nil, err
	}
	n := &Network{graph: g, part: part, output: output, skip: map[int]bool{}}
	if len(g.graph.Inputs) != 1 {
		return nil, fmt.Errorf("importer: the %s takes %d inputs, %s: a part of a model takes one: %w", part, len(g.graph.Inputs), names(g.graph.Inputs), ErrUnsupported)
	}
	if _, err := fixedShape(g.graph.Inputs[0], 1); err != nil {
		return nil, err
	}
	if n.output == "" {
		for _, out := range g.graph.Outputs {
			if len(g.graph.Outputs) == 1 || out.Name == ours {
				n.output = out.Name
			}
		}
	}
	if n.output == "" {
		return nil, fmt.Errorf("importer: the %s gives %s: name the one that holds logits: %w", part, strings.Join(names(g.graph.Outputs), ", "), ErrUnsupported)
	}
	n.logits()
	params, err := builder.NewParams(G.Float32, 0)
	if err != nil {
		return nil, err
	}
	b := builder.New(params)
	const batch = 2
	y := b.In(part, func() *G.Node { return n.Build(b, b.Input("rows", batch, n.Width())) })
	if err := b.Err(); err != nil {
		return nil, err
	}
	if y.Dims() < 2 || y.Shape()[0] != batch {
		return nil, fmt.Errorf("importer: %q is of shape %v for a batch of %d rows: it has no row for each: %w", n.output, y.Shape(), batch, ErrUnsupported)
	}
	n.shape = y.Shape()[1:]
	for _, name := range params.Names() {
		n.params = append(n.params, Parameter{name, params.Value(name).Shape()})
	}
	if len(n.params) == 0 {
		return nil, fmt.Errorf("importer: %q has no parameters: there is nothing to train: %w", n.output, ErrUnsupported)
	}
	return n, nil
}

// logits looks for a sigmoid or softmax at the end, behind which only the shape changes, and leaves it out.
func (n *Network) logits() {
	name := n.output
	for {
		i, ok := n.graph.producer[name]
		if !ok {
			return
		}
		node := n.graph.graph.Nodes[i]
		switch node.Op {
		case "Sigmoid", "Softmax", "LogSoftmax":
			n.skip[i] = true
			n.note = fmt.Sprintf("%v at the end is left out: what goes into it are logits", node)
			return
		case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout":
			name = node.Inputs[0]
		default:
			n.note = fmt.Sprintf("%q is taken as logits: no sigmoid or softmax stands at the end", n.output)
			return
		}
	}
}

// Input returns the shape of the graph's input, without the batch.
func (n *Network) Input() []int {
	var shape []int
	for _, d := range n.graph.graph.Inputs[0].Shape[1:] {
		shape = append(shape, int(d))
	}
	return shape
}

// Shape returns the shape of the result, without the batch.
func (n *Network) Shape() []int { return n.shape }

// Width returns the number of values that the graph takes a row.
func (n *Network) Width() int {
	width := 1
	for _, d := range n.Input() {
		width *= d
	}
	return width
}

// Parameters returns the parameters, as the model names them.
func (n *Network) Parameters() []Parameter { return n.params }

// Note says what was found at the graph's end.
func (n *Network) Note() string { return n.note }

// Build implements builder.Network: flat rows take the shape that the graph declares.
func (n *Network) Build(b *builder.Graph, x *G.Node) *G.Node {
	if b.Err() != nil {
		return nil
	}
	if x.Dims() != 2 || x.Shape()[1] != n.Width() {
		return b.Fail(fmt.Errorf("the imported graph takes rows of %d values, not %v", n.Width(), x.Shape()))
	}
	in := n.graph.graph.Inputs[0]
	shaped := b.Reshape(x, append([]int{x.Shape()[0]}, n.Input()...)...)
	y, err := n.graph.build(b, map[string]*G.Node{in.Name: shaped}, n.output, n.part, n.skip)
	if err != nil {
		return b.Fail(err)
	}
	return y
}

// Operators lists the operators on which the result depends, with how often each occurs.
func (n *Network) Operators() map[string]int {
	count := map[string]int{}
	for _, i := range n.graph.towards(n.output) {
		if !n.skip[i] {
			count[n.graph.graph.Nodes[i].Op]++
		}
	}
	return count
}
