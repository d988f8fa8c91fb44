package onnxeval

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Poolings over any number of spatial axes: the largest number, or the mean, of what lies under a kernel, of each channel on its own.

// pooling reads the kernel, strides, dilations and pads of MaxPool and AveragePool.
func (c *call) pooling() (w window, ends []int, err error) {
	kernel := toInts(c.node.Ints("kernel_shape"))
	if spatial := len(c.in[0].shape) - 2; spatial < 1 || len(kernel) != spatial || c.in[0].size == 0 {
		return w, nil, fmt.Errorf("a kernel of shape %v: %w", kernel, ErrShape)
	}
	if w, ends, err = c.slide(kernel); err != nil {
		return w, nil, err
	}
	if err := w.place(c, ends, c.node.Int("ceil_mode", 0) != 0); err != nil {
		return w, nil, err
	}
	return w, ends, w.finish(c)
}

// maxPool plans
//
//	y[b, c, p] = max_k x[b, c, p·stride + k·dilation - pad]
//
// of what lies within x; NaN where one is NaN. Places are those of a convolution, rounded up with ceil_mode. The second result says where in
// x, as one list, the largest is (the first of equals); with storage_order 1 the spatial axes are counted first axis first.
// https://onnx.ai/onnx/operators/onnx__MaxPool.html
func maxPool(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return maxPoolOf(c, float32(math.Inf(-1)))
	case onnxtensor.Float64:
		return maxPoolOf(c, math.Inf(-1))
	case onnxgraph.Int8:
		return maxPoolOf[int8](c, math.MinInt8)
	case onnxtensor.Uint8:
		return maxPoolOf[uint8](c, 0)
	}
	return c.unsupportedType(0)
}

// maxPoolOf plans maxPool for elements T.
func maxPoolOf[T number](c *call, least T) error {
	w, _, err := c.pooling()
	if err != nil {
		return err
	}
	x := c.in[0]
	shape := append(slices.Clone(x.shape[:2]), w.out...)
	y, err := c.result(x.dtype, shape)
	if err != nil {
		return err
	}
	if len(c.node.Outputs) > 1 && c.node.Outputs[1] != "" {
		return maxPlaces[T](c, w, y)
	}
	return c.share(x.shape[0]*x.shape[1], max(1, dear/len(w.table)), func(from, to int) {
		for i := from; i < to; i++ {
			x, y := of[T](x)[i*w.inSize:][:w.inSize], of[T](y)[i*w.places:][:w.places]
			for p := range y {
				y[p] = least
			}
			for k := range w.kernelSize {
				for p, at := range w.table[k*w.places:][:w.places] {
					if at >= 0 {
						y[p] = max(y[p], x[at])
					}
				}
			}
		}
	})
}

// maxPlaces plans maxPool with its second result.
func maxPlaces[T number](c *call, w window, y *value) error {
	x := c.in[0]
	places, err := c.result(onnxtensor.Int64, y.shape)
	if err != nil {
		return err
	}
	turned := c.node.Int("storage_order", 0) != 0
	return c.share(x.shape[0]*x.shape[1], max(1, dear/len(w.table)), func(from, to int) {
		for i := from; i < to; i++ {
			x, y, places := of[T](x)[i*w.inSize:][:w.inSize], of[T](y)[i*w.places:], of[int64](places)[i*w.places:]
			for p := range w.places {
				best := -1
				for k := range w.kernelSize {
					if at := int(w.table[k*w.places+p]); at >= 0 && (best < 0 || x[at] > x[best]) {
						best = at
					}
				}
				y[p], places[p] = 0, -1
				if best < 0 { // all of it pads
					continue
				}
				y[p] = x[best]
				if turned {
					best = w.firstAxisFirst(best)
				}
				places[p] = int64(i*w.inSize + best)
			}
		}
	})
}

// firstAxisFirst returns the place of an element where the first spatial axis, not the last, is that of neighbours in memory.
func (w *window) firstAxisFirst(at int) int {
	place, stride := 0, w.inSize
	for _, d := range slices.Backward(w.in) {
		stride /= d
		place += at % d * stride
		at /= d
	}
	return place
}

// averagePool plans
//
//	y[b, c, p] = Σ_k x[b, c, p·stride + k·dilation - pad] / n
//
// where n counts the elements within x, or with count_include_pad those within x and its pads. Places are as for maxPool. Sums are those of
// float64; of pads alone the mean is 0. https://onnx.ai/onnx/operators/onnx__AveragePool.html
func averagePool(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return averagePoolOf[float32](c)
	case onnxtensor.Float64:
		return averagePoolOf[float64](c)
	}
	return c.unsupportedType(0)
}

// averagePoolOf plans averagePool for elements T.
func averagePoolOf[T float](c *call) error {
	w, ends, err := c.pooling()
	if err != nil {
		return err
	}
	x := c.in[0]
	y, err := c.result(x.dtype, append(slices.Clone(x.shape[:2]), w.out...))
	if err != nil {
		return err
	}
	count := make([]float64, w.places)
	padded := c.node.Int("count_include_pad", 0) != 0
	for p := range count {
		if padded {
			count[p] = w.within(p, ends)
			continue
		}
		for k := range w.kernelSize {
			if w.table[k*w.places+p] >= 0 {
				count[p]++
			}
		}
	}
	return c.share(x.shape[0]*x.shape[1], max(1, dear/len(w.table)), func(from, to int) {
		sum := make([]float64, w.places)
		for i := from; i < to; i++ {
			x, y := of[T](x)[i*w.inSize:][:w.inSize], of[T](y)[i*w.places:]
			clear(sum)
			for k := range w.kernelSize {
				for p, at := range w.table[k*w.places:][:w.places] {
					if at >= 0 {
						sum[p] += float64(x[at])
					}
				}
			}
			for p, s := range sum {
				y[p] = T(s / max(1, count[p]))
			}
		}
	})
}

// within returns how many elements of the kernel at place p lie within the picture and its pads.
func (w *window) within(p int, ends []int) float64 {
	n := 1
	for i, out := range slices.Backward(w.out) {
		first := p % out * w.stride[i]
		p /= out
		room := w.in[i] + w.pad[i] + ends[i] - 1 - first
		n *= min(w.kernel[i], room/w.dilation[i]+1)
	}
	return float64(n)
}

// globalPool plans GlobalMaxPool and GlobalAveragePool: one number of all places of a channel, for x [batch, channels, spatial...].
// https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
func globalPool(mean bool) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return globalPoolOf[float32](c, mean)
		case onnxtensor.Float64:
			return globalPoolOf[float64](c, mean)
		}
		return c.unsupportedType(0)
	}
}

// globalPoolOf plans globalPool for elements T.
func globalPoolOf[T float](c *call, mean bool) error {
	x := c.in[0]
	if len(x.shape) < 3 || x.size == 0 {
		return fmt.Errorf("shape %v: %w", x.shape, ErrShape)
	}
	shape := slices.Clone(x.shape[:2])
	for range x.shape[2:] {
		shape = append(shape, 1)
	}
	y, err := c.result(x.dtype, shape)
	if err != nil {
		return err
	}
	n := x.size / y.size
	return c.share(y.size, max(1, cheap/n), func(from, to int) {
		for i := from; i < to; i++ {
			x := of[T](x)[i*n:][:n]
			if !mean {
				of[T](y)[i] = slices.Max(x)
				continue
			}
			sum := 0.0
			for _, v := range x {
				sum += float64(v)
			}
			of[T](y)[i] = T(sum / float64(n))
		}
	})
}
