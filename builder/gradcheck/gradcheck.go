// Package gradcheck compares symbolic gradients with finite differences, for a layer, a distribution, or your own op.
//
//	err := gradcheck.Check(params, inputs, func(b *builder.Graph) *gorgonia.Node {
//		x := b.Input("x", 3, 4)
//		return b.Sum(b.Square(b.Linear("layer", x, 5, builder.GlorotNormal)))
//	}, gradcheck.Options{})
//
// It works in float64 on gorgonia's tape machine, number by number, with two runs of the graph for each: for small
// graphs. A function with a kink (a ReLU) near one of its values, or a jump anywhere, has no difference to compare with:
// choose other values, or other weights. Check it at batch 1 too: gorgonia treats [1,n] and [n] as one shape in places.
package gradcheck

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/rowmajor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Options name the inputs to check as well as the parameters, and set the step and the tolerance. The zero value takes
// the defaults.
type Options struct {
	Inputs    []string // names of inputs to differentiate with respect to as well; none by default
	Step      float64  // h of the central difference; 0 means 1e-6
	Tolerance float64  // |symbolic - numeric| <= Tolerance · max(1, |numeric|); 0 means 1e-7
}

// variable is a tensor that the loss is differentiated with respect to.
type variable struct {
	name    string
	node    *G.Node
	backing []float64
}

// Check builds a scalar loss with build, differentiates it with respect to every parameter and the inputs that o names,
// and compares each number with the central difference
//
//	(f(x+h) - f(x-h)) / 2h,   whose error is O(h²) from the curve and O(1e-16/h) from rounding
//
// The error names the first parameter and index that fail, and both values. params and inputs must be float64; their
// values are the same afterwards. A loss that does not depend on a parameter is an error: gorgonia has no gradient then.
func Check(params *builder.Params, inputs map[string]*tensor.Dense, build func(b *builder.Graph) *G.Node, o Options) error {
	if o.Step == 0 {
		o.Step = 1e-6
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-7
	}
	if params.DType() != tensor.Float64 {
		return fmt.Errorf("gradcheck: the parameters are %v: finite differences need tensor.Float64", params.DType())
	}
	b := builder.New(params)
	loss := build(b)
	if b.Err() != nil {
		return b.Err()
	}
	if loss == nil || loss.Dims() != 0 {
		return fmt.Errorf("gradcheck: the loss is not a scalar: add up its elements with Sum")
	}
	variables, err := collect(b, params, inputs, o.Inputs)
	if err != nil {
		return err
	}
	nodes := make(G.Nodes, len(variables))
	for i, v := range variables {
		nodes[i] = v.node
	}
	grads, err := exprgraph.Grad(loss, nodes...)
	if err != nil {
		return fmt.Errorf("gradcheck: differentiate: %w", err)
	}
	machine, err := builder.NewMachine(b, append([]*G.Node{loss}, grads...)...)
	if err != nil {
		return fmt.Errorf("gradcheck: %w", err)
	}
	defer machine.Close()
	values, err := machine.Run(inputs)
	if err != nil {
		return fmt.Errorf("gradcheck: %w", err)
	}
	symbolic := make([][]float64, len(variables))
	for i := range variables {
		symbolic[i] = builder.Floats(values[1+i]) // a copy: the next run may use the memory again
	}
	for i, v := range variables {
		if err := v.compare(symbolic[i], machine, inputs, o); err != nil {
			return err
		}
	}
	return nil
}

// collect returns the graph's parameters and the inputs of the given names.
func collect(b *builder.Graph, params *builder.Params, inputs map[string]*tensor.Dense, names []string) ([]variable, error) {
	var variables []variable
	parameters, nodes := b.Parameters()
	for i, name := range parameters {
		variables = append(variables, variable{name, nodes[i], params.Value(name).Float64s()})
	}
	for _, name := range names {
		at := slices.IndexFunc(b.Expr().Inputs(), func(n *G.Node) bool { return n.Name() == name })
		if at < 0 || inputs[name] == nil {
			return nil, fmt.Errorf("gradcheck: the graph and the values given have no input %q", name)
		}
		if inputs[name].Dtype() != tensor.Float64 {
			return nil, fmt.Errorf("gradcheck: input %q is %v: finite differences need tensor.Float64", name, inputs[name].Dtype())
		}
		if straight, err := rowmajor.Dense(inputs[name]); err != nil || straight != inputs[name] {
			return nil, fmt.Errorf("gradcheck: input %q is a view or not in row-major order: materialise it first", name)
		}
		variables = append(variables, variable{name, b.Expr().Inputs()[at], inputs[name].Float64s()})
	}
	if len(variables) == 0 {
		return nil, fmt.Errorf("gradcheck: the graph has no parameters: make some with Parameter, or name inputs in Options.Inputs")
	}
	return variables, nil
}

// compare compares one variable's symbolic gradient with differences of the machine's first output.
func (v variable) compare(symbolic []float64, machine *builder.Machine, inputs map[string]*tensor.Dense, o Options) error {
	if len(symbolic) != len(v.backing) {
		return fmt.Errorf("gradcheck: the gradient of %s has %d numbers, %s has %d", v.name, len(symbolic), v.name, len(v.backing))
	}
	at := func(i int, x float64) (float64, error) {
		old := v.backing[i]
		v.backing[i] = x
		defer func() { v.backing[i] = old }()
		values, err := machine.Run(inputs)
		if err != nil {
			return 0, fmt.Errorf("gradcheck: %w", err)
		}
		return builder.Floats(values[0])[0], nil
	}
	for i, x := range v.backing {
		above, err := at(i, x+o.Step)
		if err != nil {
			return err
		}
		below, err := at(i, x-o.Step)
		if err != nil {
			return err
		}
		numeric := (above - below) / (2 * o.Step)
		if diff := math.Abs(numeric - symbolic[i]); !(diff <= o.Tolerance*max(1, math.Abs(numeric))) {
			return fmt.Errorf("gradcheck: %s[%d]: the symbolic gradient is %.10g, finite differences give %.10g", v.name, i, symbolic[i], numeric)
		}
	}
	return nil
}
