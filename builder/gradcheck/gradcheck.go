// Package gradcheck compares symbolic gradients with finite differences: of a layer, a distribution, or an op of one's
// own.
//
//	err := gradcheck.Check(params, inputs, func(b *builder.Graph) *gorgonia.Node {
//		x := b.Input("x", 3, 4)
//		return b.Sum(b.Square(b.Linear("layer", x, 5, builder.GlorotNormal)))
//	}, gradcheck.Options{})
//
// It works in float64 on gorgonia's tape machine, parameter by parameter and number by number: for small graphs.
package gradcheck

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Options are the step and the tolerance. The zero value takes the defaults.
type Options struct {
	Step      float64 // of the central difference; 0 means 1e-6
	Tolerance float64 // |symbolic - numeric| <= Tolerance · max(1, |numeric|); 0 means 1e-7
}

// Check builds a scalar loss with build, differentiates it with respect to every parameter, and compares each number
// with (f(x+h) - f(x-h)) / 2h. The error names the parameter, the index and both values. params must be float64; their
// values are the same afterwards.
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
	names, nodes := b.Parameters()
	grads, err := grad(loss, nodes)
	if err != nil {
		return err
	}
	machine, err := builder.NewMachine(b, append([]*G.Node{loss}, grads...)...)
	if err != nil {
		return err
	}
	defer machine.Close()
	values, err := machine.Run(inputs)
	if err != nil {
		return err
	}
	symbolic := make([][]float64, len(names))
	for p := range names {
		symbolic[p] = builder.Floats(values[1+p]) // a copy: the next run may use the memory again
	}
	forward := func() (float64, error) {
		v, err := machine.Run(inputs)
		if err != nil {
			return 0, err
		}
		return builder.Floats(v[0])[0], nil
	}
	for p, name := range names {
		backing := params.Value(name).Data().([]float64)
		if len(symbolic[p]) != len(backing) {
			return fmt.Errorf("gradcheck: the gradient of %s has %d numbers, the parameter %d", name, len(symbolic[p]), len(backing))
		}
		for i, x := range backing {
			backing[i] = x + o.Step
			above, err := forward()
			if err != nil {
				return err
			}
			backing[i] = x - o.Step
			below, err := forward()
			backing[i] = x
			if err != nil {
				return err
			}
			numeric := (above - below) / (2 * o.Step)
			if diff := math.Abs(numeric - symbolic[p][i]); !(diff <= o.Tolerance*max(1, math.Abs(numeric))) {
				return fmt.Errorf("gradcheck: %s[%d]: the symbolic gradient is %.10g, finite differences give %.10g", name, i, symbolic[p][i], numeric)
			}
		}
	}
	return nil
}

func grad(loss *G.Node, nodes G.Nodes) (grads []*G.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gradcheck: differentiate: %v", p)
		}
	}()
	g, err := G.Grad(loss, nodes...)
	if err != nil {
		return nil, fmt.Errorf("gradcheck: differentiate: %w", err)
	}
	return g, nil
}
