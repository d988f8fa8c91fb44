package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible"
	G "gorgonia.org/gorgonia"
)

// A Network is a graph of one input as a part of a model: a builder.ImportedNetwork.
type Network struct {
	file   *File
	part   string // "encoder" or "decoder"
	output string // the value that is taken
	ending int    // the sigmoid or softmax at the end that is left out, -1 for none
	logits string // the value that goes into it, or the output
	note   string
	shape  []int // of the result, without the batch
	params []Parameter

	categories int // of each variable, where shape or a softmax at the end says; 0 for Bernoulli variables
}

var _ builder.ImportedNetwork = (*Network)(nil)

// Encoder makes the encoder of a model: a graph of rows that gives the latent logits. output names the value that they are; ""
// takes the graph's result (of several, ours: latent_logits). A sigmoid or softmax at the end is left out.
func Encoder(model []byte, output string) (*Network, error) {
	n, err := network(model, "encoder", output, ourLogits)
	return n, visible.Error(err)
}

// Decoder makes the decoder of a model: a graph of codes that gives the logits of the rows' values. output is as in [Encoder];
// of several results reconstruction_logits is taken.
func Decoder(model []byte, output string) (*Network, error) {
	n, err := network(model, "decoder", output, ourOutputs)
	return n, visible.Error(err)
}

// The names of the logits in our own bundles' graphs, which are known without being told.
const (
	ourLogits  = "latent_logits"
	ourOutputs = "reconstruction_logits"
)

func network(model []byte, part, output, ours string) (*Network, error) {
	f, err := Parse(model)
	if err != nil {
		return nil, err
	}
	n := &Network{file: f, part: part, output: output}
	if len(f.graph.Inputs) != 1 {
		return nil, fmt.Errorf("importer: the graph takes %d inputs, %s: a part of a model takes one: %w", len(f.graph.Inputs), strings.Join(names(f.graph.Inputs), ", "), ErrGraph)
	}
	in := f.graph.Inputs[0]
	if in.DType != onnxtensor.Float32 && in.DType != onnxtensor.Float64 {
		return nil, fmt.Errorf("importer: the input %.100q is %s: models take rows of float32 within [0,1]: export the graph without what turns bytes into them: %w", in.Name, in.DType, ErrGraph)
	}
	if _, err := fixedShape(in, 1); err != nil {
		return nil, err
	}
	if n.output == "" {
		for _, out := range f.graph.Outputs {
			if len(f.graph.Outputs) == 1 || out.Name == ours {
				n.output = out.Name
			}
		}
	}
	if n.output == "" {
		return nil, fmt.Errorf("importer: the %s gives %s, which of them are its logits? %w", part, strings.Join(names(f.graph.Outputs), ", "), ErrOutput)
	}
	if err := n.findLogits(); err != nil {
		return nil, err
	}
	for _, batch := range []int{2, 3} { // two: a batch that was written into the file fits one of them at most
		if err := n.try(batch); err != nil {
			return nil, err
		}
	}
	if len(n.params) == 0 {
		return nil, fmt.Errorf("importer: %.100q has no parameters: there is nothing to train: %w", n.output, ErrGraph)
	}
	return n, n.findCategories()
}

// try builds the network once, and keeps what is seen then.
func (n *Network) try(batch int) error {
	params, err := builder.NewParams(G.Float32, 0)
	if err != nil {
		return err
	}
	b := builder.New(params)
	y := b.In(n.part, func() *G.Node { return n.Build(b, b.Input("rows", batch, n.Width())) })
	if err := b.Err(); err != nil {
		if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrOutput) || errors.Is(err, ErrGraph) {
			return err
		}
		return fmt.Errorf("%w: %w", err, ErrGraph)
	}
	if y.Dims() < 2 || y.Shape()[0] != batch {
		return fmt.Errorf("importer: %.100q is of shape %v for a batch of %d rows: it has no row for each: %w", n.output, y.Shape(), batch, ErrGraph)
	}
	before := n.params // at another batch
	n.shape, n.params = y.Shape()[1:], nil
	for i, name := range params.Names() {
		shape := params.Value(name).Shape()
		if i < len(before) && !slices.Equal(before[i].Shape, shape) {
			return fmt.Errorf("importer: the parameter %.100q grows with the batch, from shape %v to %v: export the model without expanding weights to the batch: %w", name, before[i].Shape, shape, ErrGraph)
		}
		n.params = append(n.params, Parameter{name, shape})
	}
	return nil
}

// findLogits looks for a sigmoid or softmax at the end, behind which only the shape changes, and leaves it out.
func (n *Network) findLogits() error {
	n.ending, n.logits = -1, n.output
	for name := n.output; ; {
		i, ok := n.file.producer[name]
		if !ok {
			return nil
		}
		node := n.file.graph.Nodes[i]
		if len(node.Inputs) == 0 {
			return nil
		}
		switch {
		case node.Op == "Softmax" || node.Op == "LogSoftmax":
			if n.part == "decoder" {
				return fmt.Errorf("importer: the decoder ends in %v: the values of a row are Bernoulli variables here, which end in a sigmoid or in logits: %w", node, ErrGraph)
			}
			fallthrough
		case node.Op == "Sigmoid":
			n.ending, n.logits = i, node.Inputs[0]
			n.note = fmt.Sprintf("%v at the end is left out: what goes into it are logits", node)
			return nil
		case onnxop.Has(node.Op, onnxop.KeepsOrder):
			name = node.Inputs[0]
		default:
			n.note = fmt.Sprintf("%.100q is taken as logits: there is no sigmoid or softmax at the end", n.output)
			return nil
		}
	}
}

// pass leaves the ending out; of a softmax it keeps the width.
func (n *Network) pass(i int, shape []int) (bool, error) {
	if i != n.ending {
		return false, nil
	}
	node := n.file.graph.Nodes[i]
	if node.Op == "Sigmoid" {
		return true, nil
	}
	last := len(shape) - 1
	if a := node.SoftmaxAxis(n.file.graph.Opset); last < 1 || a != -1 && a != last {
		return false, fmt.Errorf("a softmax at the end along axis %d of rank %d: categories are the last axis: %w", a, last+1, ErrGraph)
	}
	n.categories = shape[last]
	return true, nil
}

// findCategories settles how many categories a variable has.
func (n *Network) findCategories() error {
	size := n.Size()
	last := n.shape[len(n.shape)-1]
	if len(n.shape) == 2 && last > 1 {
		if n.ending >= 0 && n.categories == 0 && n.part == "encoder" {
			return fmt.Errorf("importer: the encoder ends in a sigmoid, and its result of shape %v reads as variables of %d categories: is it a decoder, and the files in the wrong order? %w", n.shape, last, ErrGraph)
		}
		if n.categories > 0 && n.categories != last {
			return fmt.Errorf("importer: the softmax at the end is over %d categories, the result has %v: %w", n.categories, n.shape, ErrGraph)
		}
		n.categories = last
	}
	if n.categories == 1 || n.categories > 0 && size%n.categories != 0 {
		return fmt.Errorf("importer: %d logits a row are no variables of %d categories: %w", size, n.categories, ErrGraph)
	}
	return nil
}

// Input returns the shape of the graph's input, without the batch.
func (n *Network) Input() []int {
	var shape []int
	for _, d := range n.file.graph.Inputs[0].Shape[1:] {
		shape = append(shape, int(d))
	}
	return shape
}

// Shape returns the shape of the result, without the batch.
func (n *Network) Shape() []int { return n.shape }

// Size returns the number of logits a row.
func (n *Network) Size() int {
	size := 1
	for _, d := range n.shape {
		size *= d
	}
	return size
}

// Categories returns how many categories each variable has of whose logits an encoder's result is made, as its last axis or a
// softmax at the end says; 0 where nothing does.
func (n *Network) Categories() int { return n.categories }

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

// Build implements builder.ImportedNetwork: flat rows take the shape that the graph declares.
func (n *Network) Build(b *builder.Graph, x *G.Node) *G.Node {
	if b.Err() != nil {
		return nil
	}
	if x.Dims() != 2 || x.Shape()[1] != n.Width() {
		return b.Fail(fmt.Errorf("the imported graph takes rows of %d values, not %v: %w", n.Width(), x.Shape(), ErrGraph))
	}
	in := n.file.graph.Inputs[0]
	shaped := b.Reshape(x, append([]int{x.Shape()[0]}, n.Input()...)...)
	y, err := n.file.build(b, map[string]*G.Node{in.Name: shaped}, n.output, n.part, n.pass)
	if err != nil {
		return b.Fail(visible.Error(err))
	}
	return y
}

// Operators lists the operators on which the result depends, with how often each occurs.
func (n *Network) Operators() map[string]int {
	count := map[string]int{}
	for _, i := range n.file.towards(n.output) {
		if op := n.file.graph.Nodes[i].Op; i != n.ending && op != "Constant" {
			count[op]++
		}
	}
	return count
}

// Reference computes the logits of rows by the ONNX graph itself, in pure Go, with the weights of the file: what a model that was
// imported and not trained yet must give.
func (n *Network) Reference(rows []float32) ([]float32, error) {
	g := *n.file.graph
	g.Nodes = nil
	for _, i := range n.file.towards(n.logits) {
		g.Nodes = append(g.Nodes, n.file.graph.Nodes[i])
	}
	g.Outputs = []onnxgraph.Value{{Info: onnxtensor.Info{Name: n.logits}}}
	program, err := onnxeval.Load(&g)
	if err != nil {
		return nil, err
	}
	shape, err := fixedShape(g.Inputs[0], len(rows)/n.Width())
	if err != nil {
		return nil, err
	}
	in := onnxgraph.Tensor{Name: g.Inputs[0].Name, DType: g.Inputs[0].DType, Shape: shape, Data: rows}
	if in.DType == onnxtensor.Float64 {
		in.Data = convert[float64](rows)
	}
	out, err := program.Evaluate([]onnxgraph.Tensor{in})
	if err != nil {
		return nil, err
	}
	switch d := out[0].Data.(type) {
	case []float32:
		return d, nil
	case []float64:
		return convert[float32](d), nil
	}
	return nil, fmt.Errorf("importer: the logits are %s: %w", out[0].DType, ErrGraph)
}

func convert[T, F float32 | float64](x []F) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}
