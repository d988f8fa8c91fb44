package importer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible"
	G "gorgonia.org/gorgonia"
)

// A Network is a graph of one input as a part of a model: a builder.ImportedNetwork.
type Network struct {
	file   *File        // with logits as its result
	logits string       // the value of file that they are
	ending int          // the node of file that reads what went into a softmax or the like, -1 for none
	left   map[int]bool // nodes of file in the place of others, which change nothing
	given  *File        // as it was given
	output string       // the value of given that is taken
	gives  Gives        // what it is
	part   string       // "encoder" or "decoder"
	note   string
	shape  []int // of the result, without the batch
	params []Parameter

	softmax    bool // whether the ending is one, over the categories, along axis
	axis       int
	log        bool // whether output holds logarithms of probabilities
	categories int  // of each variable, where shape, a softmax at the end or the caller says; 0 for Bernoulli variables
}

var _ builder.ImportedNetwork = (*Network)(nil)

// Options say what of a graph is taken, where its end does not tell.
type Options struct {
	Output     string // the value that is taken; "" means the graph's result, and of several that of our bundles' name
	Gives      Gives  // what it is; "" means what the graph's end tells, and logits where it tells nothing
	Categories int    // of each variable, where an encoder gives those of all variables in one axis
}

// Encoder makes the encoder of a model: a graph of rows that gives the latent logits, or probabilities, which it makes logits. Of several
// results it takes latent_logits.
func Encoder(model []byte, o Options) (*Network, error) {
	n, err := network(model, "encoder", o, ourLogits)
	return n, visible.Error(err)
}

// Decoder makes the decoder of a model: a graph of codes that gives the logits of the rows' values, or probabilities. Of several results it
// takes reconstruction_logits.
func Decoder(model []byte, o Options) (*Network, error) {
	n, err := network(model, "decoder", o, ourOutputs)
	return n, visible.Error(err)
}

// The names of the logits in our own bundles' graphs, which are known without being told.
const (
	ourLogits  = "latent_logits"
	ourOutputs = "reconstruction_logits"
)

func network(model []byte, part string, o Options, ours string) (*Network, error) {
	if o.Gives != "" && o.Gives != Logits && o.Gives != Probabilities {
		return nil, fmt.Errorf("importer: the %s gives %q: use %s: %w", part, o.Gives, strings.Join(AllGives(), " or "), ErrGives)
	}
	f, err := Parse(model)
	if err != nil {
		return nil, err
	}
	if err := f.takes(); err != nil {
		return nil, err
	}
	n := &Network{given: f, part: part, output: o.Output, gives: o.Gives}
	if len(f.graph.Inputs) != 1 {
		return nil, fmt.Errorf("importer: the graph takes %d inputs, %s: a part of a model takes one: %w", len(f.graph.Inputs), strings.Join(names(f.graph.Inputs), ", "), ErrGraph)
	}
	in := f.graph.Inputs[0]
	if in.DType != onnxtensor.Float32 && in.DType != onnxtensor.Float64 {
		return nil, fmt.Errorf("importer: the input %.100q is %s: models take rows of fractions within [0,1]: export the graph without what turns %[2]s into them: %w", in.Name, in.DType, ErrGraph)
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
	if err := n.tryAll(); err != nil {
		return nil, err
	}
	if len(n.params) == 0 {
		return nil, fmt.Errorf("importer: %.100q has no parameters: there is nothing to train: %w", n.output, ErrGraph)
	}
	if err := n.findCategories(); err != nil {
		return nil, err
	}
	return n, n.settle(max(n.categories, o.Categories))
}

// tryAll builds the network twice: a batch that was written into the file fits one of the two at most.
func (n *Network) tryAll() error {
	n.params = nil
	for _, batch := range []int{2, 3} {
		if err := n.try(batch); err != nil {
			return err
		}
	}
	return nil
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

// findLogits looks for what makes probabilities at the end, behind which there are only other shapes, clamps and the like, and replaces it
// by what gives their logits.
func (n *Network) findLogits() error {
	n.file, n.logits, n.ending = n.given, n.output, -1
	if n.gives == Logits {
		n.note = fmt.Sprintf("%.100q is taken as logits, as was said", n.output)
		return nil
	}
	e, ok := n.given.endingOf(n.output)
	if ok && e.softmax && n.part == "decoder" && n.gives == "" {
		return fmt.Errorf("importer: the decoder ends in %v: the values of a row are Bernoulli variables here, which end in a sigmoid or in logits: %w", n.given.graph.Nodes[e.node], ErrGraph)
	}
	logits, known := ending{}, false
	if ok && !(e.softmax && n.part == "decoder") {
		logits, known = e.asLogits()
	}
	if !known {
		if ok && n.gives == "" && e.smoothed() {
			n.gives, n.note = Probabilities, fmt.Sprintf("%v and the numbers around it give probabilities: their logits are taken", n.given.graph.Nodes[e.node])
			return nil
		}
		n.note = fmt.Sprintf("%.100q is taken as logits: there is no sigmoid or softmax at the end", n.output)
		if n.gives == Probabilities {
			n.note = fmt.Sprintf("%.100q are probabilities, as was said: their logits are taken", n.output)
		}
		return nil
	}
	n.file, n.ending, n.left = n.given.without(logits)
	at := n.given.graph.Nodes[e.node]
	n.softmax, n.axis, n.log, n.gives = e.softmax, at.SoftmaxAxis(n.given.graph.Opset), e.log, Probabilities
	switch {
	case len(e.behind) == 0 && (at.Op == "Sigmoid" || e.softmax):
		n.note = fmt.Sprintf("%v at the end is left out: what goes into it are logits", at)
	case logits.clamped():
		n.note = fmt.Sprintf("%v and what is behind it give probabilities: their logits are taken, clamped alike: %s", at, logits.bounds())
	default:
		n.note = fmt.Sprintf("%v and the numbers around it give probabilities: their logits are taken", at)
	}
	return nil
}

// reach is how far from 0, on both sides, logits must be able to get: at 2, a bit is still sure to 88 % only. Logits of categories must be
// able to lie twice as far apart.
const reach = 2

// settle decides what a value is that no sigmoid or softmax tells: logits, where nothing speaks against it.
func (n *Network) settle(categories int) error {
	if n.ending >= 0 || n.gives == Logits {
		return nil
	}
	if n.gives == Probabilities {
		n.file, n.logits = n.given.ofProbabilities(n.output, categories > 0)
		return n.tryAll()
	}
	v := n.given.intervalOf(n.output)
	narrow := v.least > -reach || v.most < reach
	if categories > 0 {
		narrow = v.least >= 0 || v.most-v.least < 2*reach
	}
	if !narrow {
		n.gives = Logits
		return nil
	}
	last := "its end"
	if i, ok := n.given.producer[n.output]; ok {
		last = n.given.graph.Nodes[i].String()
	}
	return fmt.Errorf("importer: the %s gives %.100q, which lies %s whatever the rows are, by %s: logits lie on both sides of 0, probabilities between 0 and 1: %w", n.part, n.output, v, last, ErrGives)
}

// look keeps the width of a softmax at the end.
func (n *Network) look(i int, shape []int) error {
	if i != n.ending || !n.softmax {
		return nil
	}
	last := len(shape) - 1
	if a := n.axis; last < 1 || a != -1 && a != last {
		return fmt.Errorf("a softmax at the end along axis %d of rank %d: categories are the last axis: %w", a, last+1, ErrGraph)
	}
	n.categories = shape[last]
	return nil
}

// findCategories settles how many categories each variable of an encoder has.
func (n *Network) findCategories() error {
	if n.part != "encoder" {
		return nil
	}
	size := n.Size()
	last := n.shape[len(n.shape)-1]
	if len(n.shape) == 2 && last > 1 {
		if n.ending >= 0 && n.categories == 0 {
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

// Note says what was found at the graph's end, and where the file's numbers are of half precision.
func (n *Network) Note() string {
	if n.given.half {
		return n.note + "; its numbers of half precision are computed as float32, and without its roundings"
	}
	return n.note
}

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
	y, err := n.file.build(b, map[string]*G.Node{in.Name: shaped}, n.logits, n.part, n.look)
	if err != nil {
		return b.Fail(visible.Error(err))
	}
	return y
}

// Operators lists the operators on which the result depends, with how often each occurs.
func (n *Network) Operators() map[string]int {
	count := map[string]int{}
	for _, i := range n.file.towards(n.logits) {
		if op := n.file.graph.Nodes[i].Op; !n.left[i] && op != "Constant" {
			count[op]++
		}
	}
	return count
}

// Gives says what the file's own result is: logits, or probabilities that this network makes logits.
func (n *Network) Gives() Gives { return n.gives }

// Reference computes the logits of rows by the ONNX graph itself, in pure Go, with the weights of the file: what a model that was
// imported and not trained yet must give.
func (n *Network) Reference(rows []float32) ([]float32, error) {
	return n.file.evaluate(n.logits, rows)
}

// Result computes what the file gives for rows, as it is, in pure Go. What [Network.Gives] calls probabilities are that: their logarithms,
// where a file gives those, are turned.
func (n *Network) Result(rows []float32) ([]float32, error) {
	y, err := n.given.evaluate(n.output, rows)
	if n.log {
		for i, x := range y {
			y[i] = float32(math.Exp(float64(x)))
		}
	}
	return y, err
}

// CheckResult reports numbers of [Network.Result] that are not what the file was said to give: probabilities below 0 or above 1.
func (n *Network) CheckResult(y []float32) error {
	const rounding = 1e-5
	for _, p := range y {
		if n.gives == Probabilities && !(p >= -rounding && p <= 1+rounding) {
			return fmt.Errorf("importer: %.100q was said to hold probabilities, and one of them is %g: %w", n.output, p, ErrGives)
		}
	}
	return nil
}

// evaluate computes a value for rows.
func (f *File) evaluate(output string, rows []float32) ([]float32, error) {
	g := *f.graph
	g.Nodes = nil
	for _, i := range f.towards(output) {
		g.Nodes = append(g.Nodes, f.graph.Nodes[i])
	}
	g.Outputs = []onnxgraph.Value{{Info: onnxtensor.Info{Name: output}}}
	program, err := onnxeval.Load(&g)
	if err != nil {
		return nil, err
	}
	shape, err := fixedShape(g.Inputs[0], 1)
	if err != nil {
		return nil, err
	}
	width := 1
	for _, d := range shape {
		width *= d
	}
	shape[0] = len(rows) / width
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
	return nil, fmt.Errorf("importer: the value %.100q is %s: %w", output, out[0].DType, ErrGraph)
}

func convert[T, F float32 | float64](x []F) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}
