package importer

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// batchNormalization builds
//
//	y = (x - mean) / √(variance + epsilon) · scale + bias
//
// along axis 1, with scale and bias as parameters. Mean and variance stay what the file says: they are not those of a batch, so
// that a row's result does not depend on its neighbours.
func batchNormalization(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if c.node.Int("training_mode", 0) != 0 || x.Dims() < 2 || c.in[3].known == nil || c.in[4].known == nil {
		return operand{}, fmt.Errorf("statistics of the batch: export the model in evaluation mode: %w", ErrUnsupported)
	}
	mean, err := floats(c.in[3].known)
	if err != nil {
		return operand{}, err
	}
	variance, err := floats(c.in[4].known)
	if err != nil {
		return operand{}, err
	}
	inverse := make([]float64, len(variance))
	for i, v := range variance {
		if v < 0 {
			return operand{}, fmt.Errorf("variance %d is %g: %w", i, v, ErrGraph)
		}
		inverse[i] = 1 / math.Sqrt(v+float64(c.node.Float("epsilon", 1e-5)))
	}
	scale, err := c.tensorAt(1)
	if err != nil {
		return operand{}, err
	}
	bias, err := c.tensorAt(2)
	if err != nil {
		return operand{}, err
	}
	for i, o := range c.in[1:] {
		if shape := o.shape(); len(shape) != 1 || shape[0] != x.Shape()[1] {
			return operand{}, fmt.Errorf("operand %d of shape %v for %d channels: %w", i+2, shape, x.Shape()[1], ErrGraph)
		}
	}
	name := c.part + constants + c.node.Outputs[0]
	axes := []int{0}
	for i := 2; i < x.Dims(); i++ {
		axes = append(axes, i)
	}
	spread := func(v *G.Node) *G.Node {
		if v != nil && v.Dims() == 0 { // all channels alike
			return v
		}
		return c.b.ExpandLike(v, x, axes...)
	}
	y := c.b.Sub(x, spread(c.b.Constant(name+"/mean", mean, len(mean))))
	y = c.b.Mul(y, spread(c.b.Mul(scale, c.b.Constant(name+"/inverse_deviation", inverse, len(inverse)))))
	return of(c.b.Add(y, spread(bias)))
}

// layerNormalization builds (x - mean) / √(variance + epsilon) · scale + bias with mean and variance of each row along the last axis.
func layerNormalization(c *call) (operand, error) {
	x, scale, err := c.pair()
	if err != nil {
		return operand{}, err
	}
	last := x.Dims() - 1
	if a := int(c.node.Int("axis", -1)); a != -1 && a != last || last < 1 || len(c.node.Outputs) != 1 {
		return operand{}, fmt.Errorf("along more than the last axis, or with statistics as results: %w", ErrUnsupported)
	}
	b, width := c.b, c.b.Number(float64(x.Shape()[last]))
	mean := func(v *G.Node) *G.Node { return b.ExpandLike(b.Div(b.Sum(v, last), width), x, last) }
	centred := b.Sub(x, mean(x))
	deviation := b.Sqrt(b.Add(mean(b.Square(centred)), b.Number(float64(c.node.Float("epsilon", 1e-5)))))
	if scale, err = c.stretch(scale, x); err != nil {
		return operand{}, err
	}
	y := b.Mul(b.Div(centred, deviation), scale)
	if c.has(2) {
		bias, err := c.tensorAt(2)
		if err != nil {
			return operand{}, err
		}
		if bias, err = c.stretch(bias, x); err != nil {
			return operand{}, err
		}
		y = b.Add(y, bias)
	}
	return of(y)
}
