package builder

import (
	"fmt"
	"strconv"

	G "gorgonia.org/gorgonia"
)

// An MLP is a multi-layer perceptron: hidden layers of the given widths, each followed by the activation, then a linear
// layer. Rows are flattened.
type MLP struct {
	Hidden     []int      `json:"hidden" doc:"widths of the hidden layers" when:"wider, or a second layer, where the bound still falls at the end of the run; narrower for speed, or where the bound on held-out rows rises while the loss falls" range:"[1,1048576]"`
	Norm       string     `json:"norm,omitempty" doc:"normalisation of each hidden layer, before its activation; left out: none" when:"batch for deep networks and higher learning rates; layer for small batches" oneof:"norms"`
	Activation Activation `json:"activation,omitempty" doc:"between this network's layers; left out: the model's" when:"where encoder and decoder should differ" oneof:"activations"`
	Dropout    float64    `json:"dropout,omitempty" doc:"share of a hidden layer's numbers that training sets to 0; left out: none" when:"0.1 to 0.5 where the bound on held-out rows rises while the loss falls" range:"[0,1)"`
}

var _ Network = MLP{}

// Kind implements [Network].
func (MLP) Kind() string { return "mlp" }

// Check implements [Network].
func (p MLP) Check(part string) error {
	for _, width := range p.Hidden {
		if width < 1 || width > maxWidth {
			return fmt.Errorf("%s.hidden holds %d: use 1 to %d", part, width, maxWidth)
		}
	}
	if err := p.hidden().check(part); err != nil {
		return err
	}
	lines, _, err := planSteps(p.steps(), []int{1}, NetworkSpec{Out: 1}) // the least that its rows and results can be
	if err == nil {
		_, err = checkPlan(lines)
	}
	if err != nil {
		return fmt.Errorf("%s.%w", part, err)
	}
	return nil
}

// hidden is what this network's hidden layers have in common.
func (p MLP) hidden() hiddenLayers { return hiddenLayers{p.Norm, p.Activation, p.Dropout} }

func (p MLP) steps() []step {
	var steps []step
	for i, width := range p.Hidden {
		steps = append(steps, p.hidden().dense(fmt.Sprintf("hidden[%d]", i), strconv.Itoa(i+1), width)...)
	}
	return append(steps, step{"result", "logits", DenseLayer{}})
}

// Plan implements [Network].
func (p MLP) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	lines, _, err := planSteps(p.steps(), in, s)
	return lines, err
}

// Build implements [Network].
func (p MLP) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	return buildSteps(b, x, p.steps(), s)
}

// MLP returns a multi-layer perceptron's output [batch, out] for x [batch, in]: hidden layers "1", "2", … of the given
// widths, each followed by the activation, then the linear layer "logits".
func (b *Graph) MLP(x *G.Node, hidden []int, a Activation, out int) *G.Node {
	return b.mlp(x, hidden, a, out, Zeros)
}

// mlp is [Graph.MLP] with an initialiser for the last layer's bias.
func (b *Graph) mlp(x *G.Node, hidden []int, a Activation, out int, bias Init) *G.Node {
	return b.linear("logits", b.layers(x, hidden, a), out, GlorotNormal, bias)
}

// layers are the hidden layers of [Graph.MLP].
func (b *Graph) layers(x *G.Node, hidden []int, a Activation) *G.Node {
	for i, width := range hidden {
		x = b.Activate(a, b.Linear(strconv.Itoa(i+1), x, width, a.Init()))
	}
	return x
}

// flat returns the rows of x [batch, ...] as [batch, width]. Where x is itself a reshape, the result is a reshape of
// x's source.
func (b *Graph) flat(x *G.Node) *G.Node {
	batch := b.batch(x)
	if b.err != nil {
		return nil
	}
	width := x.Shape().TotalSize() / batch
	if source, ok := b.source[x]; ok {
		x = source
	}
	return b.Reshape(x, batch, width)
}
