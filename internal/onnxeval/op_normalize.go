package onnxeval

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
)

// batchNormalization plans y = (x - mean) / √(variance + epsilon) · scale + bias along axis 1, with the statistics given.
// Statistics of the batch, as in training, are not computed.
func batchNormalization(c *call) error {
	x := c.in[0]
	if c.node.Int("training_mode", 0) != 0 || len(c.node.Outputs) != 1 {
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
	case bundle.Float32:
		return normalize[float32](c)
	case bundle.Float64:
		return normalize[float64](c)
	}
	return c.unsupportedType(0)
}

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
