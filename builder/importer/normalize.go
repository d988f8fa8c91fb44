package importer

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
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
	axes := append([]int{0}, axesFrom(2, x.Dims())...)
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

// layerNormalization builds (x - mean) / √(variance + epsilon) · scale + bias with mean and variance of each row from an axis on.
func layerNormalization(c *call) (operand, error) {
	x, scale, err := c.pair()
	if err != nil {
		return operand{}, err
	}
	axis, err := rowAxis(c.node.Int("axis", -1), x.Dims())
	if err != nil || len(c.node.Outputs) != 1 {
		return operand{}, fmt.Errorf("along the batch, or with statistics as results: %w", ErrUnsupported)
	}
	y := c.centred(x, axis)
	if scale, err = c.stretch(scale, x); err != nil {
		return operand{}, err
	}
	y = c.b.Mul(y, scale)
	if c.has(2) {
		bias, err := c.tensorAt(2)
		if err != nil {
			return operand{}, err
		}
		if bias, err = c.stretch(bias, x); err != nil {
			return operand{}, err
		}
		y = c.b.Add(y, bias)
	}
	return of(y)
}

// centred returns (x - mean) / √(variance + epsilon), with mean and variance of each row over the given axis and those behind it.
func (c *call) centred(x *G.Node, axis int) *G.Node {
	b := c.b
	if b.Err() != nil {
		return nil
	}
	shape := x.Shape()
	flat := append(slices.Clone(shape[:axis]), tensor.Shape(shape[axis:]).TotalSize())
	x = b.Reshape(x, flat...)
	width := b.Number(float64(flat[axis]))
	mean := func(v *G.Node) *G.Node { return b.ExpandLike(b.Div(b.Sum(v, axis), width), x, axis) }
	centred := b.Sub(x, mean(x))
	deviation := b.Sqrt(b.Add(mean(b.Square(centred)), b.Number(float64(c.node.Float("epsilon", 1e-5)))))
	return b.Reshape(b.Div(centred, deviation), shape...)
}

// instanceNormalization builds (x - mean) / √(variance + epsilon) · scale + bias with mean and variance of each channel of each row.
func instanceNormalization(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if x.Dims() < 3 {
		return operand{}, fmt.Errorf("of shape %v, whose channels have one number: %w", x.Shape(), ErrGraph)
	}
	return c.affine(c.centred(x, 2))
}

// groupNormalization is instanceNormalization with mean and variance of groups of channels. Scale and bias have a number for each
// group in opset 18, for each channel since 21.
func groupNormalization(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	groups := int(min(c.node.Int("num_groups", 0), mostElements))
	if x.Dims() < 2 || groups < 1 || x.Shape()[1]%groups != 0 {
		return operand{}, fmt.Errorf("%d groups of shape %v: %w", groups, x.Shape(), ErrGraph)
	}
	shape := x.Shape()
	grouped := append([]int{shape[0], groups, shape[1] / groups}, shape[2:]...)
	y := c.centred(c.b.Reshape(x, grouped...), 2)
	if n := c.in[1].shape(); len(n) == 1 && n[0] == groups && groups != shape[1] {
		out, err := c.affine(y)
		return operand{node: c.b.Reshape(out.node, shape...)}, err
	}
	return c.affine(c.b.Reshape(y, shape...))
}

// affine multiplies by operand 2 and adds operand 3, which have a number for each place of axis 1.
func (c *call) affine(y *G.Node) (operand, error) {
	if c.b.Err() != nil {
		return operand{}, nil
	}
	for i := 1; i < 3; i++ {
		shape := c.in[i].shape()
		if len(shape) != 1 || shape[0] != y.Shape()[1] {
			return operand{}, fmt.Errorf("operand %d of shape %v for shape %v: %w", i+1, shape, y.Shape(), ErrGraph)
		}
		v, err := c.tensorAt(i)
		if err != nil {
			return operand{}, err
		}
		if v.Dims() > 0 {
			v = c.b.ExpandLike(v, y, slices.Concat([]int{0}, axesFrom(2, y.Dims()))...)
		}
		if i == 1 {
			y = c.b.Mul(y, v)
		} else {
			y = c.b.Add(y, v)
		}
	}
	return of(y)
}

func axesFrom(first, end int) (axes []int) {
	for a := first; a < end; a++ {
		axes = append(axes, a)
	}
	return axes
}
