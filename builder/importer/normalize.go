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
	if c.node.Int("training_mode", 0) != 0 || len(c.in) != 5 || x.Dims() < 2 || c.in[3].known == nil || c.in[4].known == nil {
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
	name := c.part + "/" + c.node.Outputs[0]
	axes := []int{0}
	for i := 2; i < x.Dims(); i++ {
		axes = append(axes, i)
	}
	spread := func(v *G.Node) *G.Node { return c.b.ExpandLike(v, x, axes...) }
	y := c.b.Sub(x, spread(c.b.Constant(name+"/mean", mean, len(mean))))
	y = c.b.Mul(y, spread(c.b.Mul(scale, c.b.Constant(name+"/inverse_deviation", inverse, len(inverse)))))
	return of(c.b.Add(y, spread(bias)))
}
