package builder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
)

// An Activation is the nonlinearity between layers, by the name that configurations use.
type Activation string

// The activations. LeakyReLU has slope 0.01 below zero, as PyTorch's default.
const (
	ReLU      Activation = "relu"
	LeakyReLU Activation = "leaky_relu"
	Tanh      Activation = "tanh"
	ELU       Activation = "elu"
	GELU      Activation = "gelu"
	SiLU      Activation = "silu"
	Softplus  Activation = "softplus"
)

// activations holds the activations by their names, one row each: the function and how weights that lead into it are drawn.
var activations = map[Activation]struct {
	apply func(b *Graph, x *G.Node) *G.Node
	init  Init
}{
	ReLU:      {func(b *Graph, x *G.Node) *G.Node { return b.LeakyReLU(x, 0) }, HeNormal},
	LeakyReLU: {func(b *Graph, x *G.Node) *G.Node { return b.LeakyReLU(x, 0.01) }, HeNormal},
	Tanh:      {func(b *Graph, x *G.Node) *G.Node { return b.unary("tanh", G.Tanh, x) }, GlorotNormal},
	ELU:       {(*Graph).ELU, HeNormal},
	GELU:      {(*Graph).GELU, HeNormal},
	SiLU:      {(*Graph).SiLU, HeNormal},
	Softplus:  {(*Graph).Softplus, HeNormal},
}

// Activations returns the names of all activations, sorted.
func Activations() []string {
	var names []string
	for _, a := range slices.Sorted(maps.Keys(activations)) {
		names = append(names, string(a))
	}
	return names
}

// check reports an activation that does not exist, with those that do.
func (a Activation) check() error {
	if _, ok := activations[a]; ok {
		return nil
	}
	return fmt.Errorf("activation %q: use %s", a, strings.Join(Activations(), " or "))
}

// Init returns the initialisation of weights that lead into the activation.
func (a Activation) Init() Init {
	if row, ok := activations[a]; ok {
		return row.init
	}
	return HeNormal
}

// Activate applies an activation.
func (b *Graph) Activate(a Activation, x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("%s: %w", a, errNil)
	}
	row, ok := activations[a]
	if !ok {
		return b.fail("%w", a.check())
	}
	return row.apply(b, x)
}

// LeakyReLU returns max(x, 0) + slope·min(x, 0), for a slope of at least 0.
func (b *Graph) LeakyReLU(x *G.Node, slope float64) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("a leaky ReLU: %w", errNil)
	}
	if !(slope >= 0) {
		return b.fail("a leaky ReLU of slope %g: use a slope of 0 or more", slope)
	}
	return b.apply(reluOp{Dims: x.Dims(), Slope: slope}, x)
}
