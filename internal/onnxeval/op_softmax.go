package onnxeval

import (
	"math"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Softmax and its logarithm.

// softmax plans y = e^x / Σ e^x along an axis, or its logarithm, x - ln Σ e^x. The largest x is taken off first, so that nothing
// overflows; sums are in float64. The axis is the last by default. Before opset 13 it is 1 by default, and all axes from there on are one.
// https://onnx.ai/onnx/operators/onnx__Softmax.html, https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
func softmax(logarithm bool) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return softmaxOf[float32](c, logarithm)
		case onnxtensor.Float64:
			return softmaxOf[float64](c, logarithm)
		}
		return c.unsupportedType(0)
	}
}

// softmaxOf plans softmax for elements T.
func softmaxOf[T float](c *call, logarithm bool) error {
	x := c.in[0]
	a, err := axis(c.node.SoftmaxAxis(c.plan.opset), len(x.shape))
	if err != nil {
		return err
	}
	outer, inner := around(x.shape, a)
	d := x.shape[a]
	// All axes from this one on are one: what follows it is part of a row.
	if c.plan.opset < 13 {
		d, inner = d*inner, 1
	}
	y, err := c.result(x.dtype, x.shape)
	if err != nil || y.size == 0 {
		return err
	}
	return c.share(outer*inner, max(1, dear/d), func(from, to int) {
		x, y := of[T](x), of[T](y)
		for i := from; i < to; i++ {
			at := i/inner*d*inner + i%inner
			most := x[at]
			for k := range d {
				most = max(most, x[at+k*inner])
			}
			sum := 0.0
			for k := range d {
				e := math.Exp(float64(x[at+k*inner] - most))
				sum += e
				y[at+k*inner] = T(e)
			}
			for k := range d {
				p := &y[at+k*inner]
				if logarithm {
					*p = x[at+k*inner] - most - T(math.Log(sum))
				} else {
					*p = T(float64(*p) / sum)
				}
			}
		}
	})
}
