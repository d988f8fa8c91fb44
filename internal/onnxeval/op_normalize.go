package onnxeval

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Normalisation: by statistics that the graph holds, and by those of each row.

// batchNormalization plans
//
//	y = (x - mean) / √(variance + epsilon) · scale + bias
//
// along axis 1, for x [batch, channels, ...] and four vectors [channels]. Statistics of the batch, as in training (training_mode, or more
// than one result), are not computed: a row's result would depend on its neighbours. momentum is not read. Read from opset 9 on, where
// there is no attribute "spatial" any more. https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
func batchNormalization(c *call) error {
	x := c.in[0]
	if c.node.Int("training_mode", 0) != 0 || slices.ContainsFunc(c.node.Outputs[1:], func(out string) bool { return out != "" }) {
		return fmt.Errorf("training_mode: %w", ErrUnsupported)
	}
	if len(x.shape) < 2 {
		return fmt.Errorf("rank %d: %w", len(x.shape), ErrShape)
	}
	for i, v := range c.in[1:] {
		if v.size != x.shape[1] {
			return fmt.Errorf("operand %d has %d numbers for %d channels: %w", i+2, v.size, x.shape[1], ErrShape)
		}
	}
	switch x.dtype {
	case onnxtensor.Float32:
		return normalize[float32](c)
	case onnxtensor.Float64:
		return normalize[float64](c)
	}
	return c.unsupportedType(0)
}

// normalize plans batchNormalization for elements T.
func normalize[T float](c *call) error {
	x, scale, bias, mean, variance := c.in[0], c.in[1], c.in[2], c.in[3], c.in[4]
	for i, v := range c.in {
		if v.dtype != x.dtype {
			return c.unsupportedType(i)
		}
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	y, err := c.result(x.dtype, x.shape)
	if err != nil || y.size == 0 {
		return err
	}
	outer, inner := around(x.shape, 1)
	channels := x.shape[1]
	return c.share(outer, max(1, cheap/(channels*inner)), func(from, to int) {
		scale, bias, mean, variance := of[T](scale), of[T](bias), of[T](mean), of[T](variance)
		for o := from; o < to; o++ {
			for k := range channels {
				by := T(float64(scale[k]) / math.Sqrt(float64(variance[k])+epsilon))
				at := (o*channels + k) * inner
				x, y := of[T](x)[at:][:inner], of[T](y)[at:][:inner]
				for i, v := range x {
					y[i] = (v-mean[k])*by + bias[k]
				}
			}
		}
	})
}

// groupNormalization plans
//
//	y = (x - mean) / √(variance + epsilon) · scale[c] + bias[c]
//
// with mean and variance of all elements of some channels of one picture: of one channel for InstanceNormalization, of a group's, of
// num_groups, for GroupNormalization. Before opset 21 GroupNormalization has a scale and a bias for each group, not for each channel.
// Statistics are computed in float64. x is [batch, channels, ...]. https://onnx.ai/onnx/operators/onnx__GroupNormalization.html (from opset 18)
func groupNormalization(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return groupsOf[float32](c)
	case onnxtensor.Float64:
		return groupsOf[float64](c)
	}
	return c.unsupportedType(0)
}

// groupsOf plans groupNormalization for elements T.
func groupsOf[T float](c *call) error {
	x, scale, bias := c.in[0], c.in[1], c.in[2]
	if len(x.shape) < 3 {
		return fmt.Errorf("rank %d: %w", len(x.shape), ErrShape)
	}
	channels := x.shape[1]
	groups, numbers := channels, channels
	if c.node.Op == "GroupNormalization" {
		groups = int(c.node.Int("num_groups", 0))
		if c.plan.opset < 21 {
			numbers = groups
		}
	}
	if groups < 1 || channels%groups != 0 || scale.size != numbers || bias.size != numbers || scale.dtype != x.dtype || bias.dtype != x.dtype {
		return fmt.Errorf("%d groups of %d channels: %w", groups, channels, ErrShape)
	}
	y, err := c.result(x.dtype, x.shape)
	if err != nil || x.size == 0 {
		return err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	n := x.size / (x.shape[0] * groups)
	place := n * groups / channels // elements of a channel
	share := channels / numbers    // channels that have one scale
	return c.share(x.shape[0]*groups, max(1, cheap/n), func(from, to int) {
		for g := from; g < to; g++ {
			x, y := of[T](x)[g*n:][:n], of[T](y)[g*n:][:n]
			mean, by := statistics(x, epsilon)
			for i, v := range x {
				k := (g%groups*n + i) / place / share
				y[i] = T((float64(v)-mean)*by)*of[T](scale)[k] + of[T](bias)[k]
			}
		}
	})
}

// statistics returns the mean and 1/√(variance + epsilon).
func statistics[T float](x []T, epsilon float64) (mean, by float64) {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += float64(v)
	}
	mean = sum / float64(len(x))
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(squares/float64(len(x))+epsilon)
}

// lpNormalization plans y = x / |x|, with the norm of order p (1 or 2, the default) along an axis (the last by default). Where it is 0, so
// is y. https://onnx.ai/onnx/operators/onnx__LpNormalization.html
func lpNormalization(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return lpOf[float32](c)
	case onnxtensor.Float64:
		return lpOf[float64](c)
	}
	return c.unsupportedType(0)
}

// lpOf plans lpNormalization for elements T.
func lpOf[T float](c *call) error {
	x := c.in[0]
	p := c.node.Int("p", 2)
	a, err := axis(int(c.node.Int("axis", -1)), len(x.shape))
	if err != nil || p != 1 && p != 2 {
		return fmt.Errorf("a norm of order %d along axis %d: %w", p, c.node.Int("axis", -1), ErrShape)
	}
	y, err := c.result(x.dtype, x.shape)
	if err != nil || x.size == 0 {
		return err
	}
	outer, inner := around(x.shape, a)
	d := x.shape[a]
	return c.share(outer, max(1, cheap/(d*inner)), func(from, to int) {
		for i := from * inner; i < to*inner; i++ {
			x, y := of[T](x)[i/inner*d*inner+i%inner:], of[T](y)[i/inner*d*inner+i%inner:]
			norm := 0.0
			for k := range d {
				v := float64(x[k*inner])
				if p == 1 {
					norm += math.Abs(v)
				} else {
					norm += v * v
				}
			}
			if p == 2 {
				norm = math.Sqrt(norm)
			}
			for k := range d {
				if y[k*inner] = 0; norm != 0 {
					y[k*inner] = T(float64(x[k*inner]) / norm)
				}
			}
		}
	})
}

// layerNormalization plans
//
//	y = (x - mean) / √(variance + epsilon) · scale + bias
//
// with mean and variance of all elements from an axis on (the last by default), computed in float64 whatever stash_type says. scale and
// bias have the shape of those elements. The mean and 1/√(variance + epsilon) are further results, of x's shape with 1 from the axis on.
// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html (from opset 17).
func layerNormalization(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return layersOf[float32](c)
	case onnxtensor.Float64:
		return layersOf[float64](c)
	}
	return c.unsupportedType(0)
}

// layersOf plans layerNormalization for elements T.
func layersOf[T float](c *call) error {
	x, scale, bias := c.in[0], c.in[1], c.operand(2)
	a, err := axis(int(c.node.Int("axis", -1)), len(x.shape))
	if err != nil {
		return err
	}
	outer, inner := 1, 1
	reduced := append([]int{}, x.shape...)
	for i, d := range x.shape {
		if i < a {
			outer *= d
			continue
		}
		inner *= d
		reduced[i] = 1
	}
	for i, v := range []*value{scale, bias} {
		if v != nil && (v.size != inner || v.dtype != x.dtype) {
			return fmt.Errorf("operand %d of %s%v for rows of %d: %w", i+2, v.dtype, v.shape, inner, ErrShape)
		}
	}
	y, err := c.result(x.dtype, x.shape)
	if err != nil {
		return err
	}
	mean, err := c.result(x.dtype, reduced)
	if err != nil {
		return err
	}
	inverse, err := c.result(x.dtype, reduced)
	if err != nil || x.size == 0 {
		return err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	return c.share(outer, max(1, cheap/inner), func(from, to int) {
		for o := from; o < to; o++ {
			x, y := of[T](x)[o*inner:][:inner], of[T](y)[o*inner:][:inner]
			m, by := statistics(x, epsilon)
			of[T](mean)[o], of[T](inverse)[o] = T(m), T(by)
			for i, v := range x {
				r := T((float64(v) - m) * by)
				r *= of[T](scale)[i]
				if bias != nil {
					r += of[T](bias)[i]
				}
				y[i] = r
			}
		}
	})
}
