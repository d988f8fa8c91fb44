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
	statistics := append([]int{}, x.shape...)
	for i, d := range x.shape {
		if i < a {
			outer *= d
			continue
		}
		inner *= d
		statistics[i] = 1
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
	mean, err := c.result(x.dtype, statistics)
	if err != nil {
		return err
	}
	inverse, err := c.result(x.dtype, statistics)
	if err != nil || x.size == 0 {
		return err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	return c.share(outer, max(1, cheap/inner), func(from, to int) {
		for o := from; o < to; o++ {
			x, y := of[T](x)[o*inner:][:inner], of[T](y)[o*inner:][:inner]
			sum, squares := 0.0, 0.0
			for _, v := range x {
				sum += float64(v)
			}
			m := sum / float64(inner)
			for _, v := range x {
				squares += (float64(v) - m) * (float64(v) - m)
			}
			by := 1 / math.Sqrt(squares/float64(inner)+epsilon)
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
