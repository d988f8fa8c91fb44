package onnxeval

import (
	"fmt"
	"sync"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Conv and ConvTranspose over any number of spatial axes, by a matrix of patches (im2col) and one product for each picture and group.
// It is written to be right, not to be fast.

// conv plans
//
//	y[b, m, p] = bias[m] + Σ_c Σ_k x[b, c, p·stride + k·dilation - pad] · weight[m, c, k]
//
// for x [batch, channels, spatial...] and weight [maps, channels/groups, kernel...]; what lies outside of x is 0. Map m sees the channels
// of its own group. Along each axis the result has
//
//	(in + pads - ((kernel-1)·dilation + 1)) / stride + 1
//
// places. auto_pad VALID pads nothing; SAME_UPPER and SAME_LOWER pad so that there are ⌈in/stride⌉ places, an odd one at the end or at
// the beginning. https://onnx.ai/onnx/operators/onnx__Conv.html
func conv(c *call) error {
	w, groups, ends, err := c.kernelOf()
	if err != nil {
		return err
	}
	if err := w.place(c, ends, false); err != nil {
		return err
	}
	if err := w.finish(c); err != nil {
		return err
	}
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return convOf[float32](c, w, groups)
	case onnxtensor.Float64:
		return convOf[float64](c, w, groups)
	}
	return c.unsupportedType(0)
}

// convOf plans conv for elements T, one picture of one group at a time: patches become the columns of a matrix [channels·kernel, places],
// which the weights [maps, channels·kernel] are multiplied by.
func convOf[T float](c *call, w window, groups int) error {
	x, weight, bias := c.in[0], c.in[1], c.operand(2)
	// Weights are [maps, channels of a group, kernel...].
	maps, channels := weight.shape[0]/groups, weight.shape[1]
	if x.shape[1] != channels*groups || weight.shape[0] != maps*groups || bias != nil && (bias.size != weight.shape[0] || bias.dtype != x.dtype) {
		return fmt.Errorf("%d groups of %d channels: %w", groups, channels, ErrShape)
	}
	y, err := c.result(x.dtype, append([]int{x.shape[0], weight.shape[0]}, w.out...))
	if err != nil {
		return err
	}
	// depth is how many products an element of the result sums up.
	depth := channels * w.kernelSize
	if err := checkColumns(depth, w.places); err != nil {
		return err
	}
	scratch := sync.Pool{New: func() any { b := make([]T, depth*w.places); return &b }}
	return c.share(x.shape[0]*groups, 1, func(from, to int) {
		columns := scratch.Get().(*[]T)
		defer scratch.Put(columns)
		for i := from; i < to; i++ {
			x, y, weight := of[T](x)[i*channels*w.inSize:], of[T](y)[i*maps*w.places:][:maps*w.places], of[T](weight)[i%groups*maps*depth:]
			for ch := range channels {
				picture := x[ch*w.inSize:][:w.inSize]
				patch := (*columns)[ch*len(w.table):][:len(w.table)]
				for k, at := range w.table {
					patch[k] = 0
					if at >= 0 {
						patch[k] = picture[at]
					}
				}
			}
			addBias(y, bias, i%groups*maps, maps, w.places)
			product(1, matrix[T]{weight, maps, depth, false}, matrix[T]{*columns, depth, w.places, false}, y, w.places, 0, maps)
		}
	})
}

// checkColumns bounds the matrix of patches, which every goroutine has one of.
func checkColumns(depth, places int) error {
	if n, err := sizeOf([]int{depth, places}); err != nil || int64(n) > maxMemory/64 {
		return fmt.Errorf("patches of %d numbers at %d places: %w", depth, places, ErrShape)
	}
	return nil
}

// addBias sets each map to its bias, 0 where there is none.
func addBias[T float](y []T, bias *value, first, maps, places int) {
	clear(y)
	if bias == nil {
		return
	}
	for m, b := range of[T](bias)[first : first+maps] {
		row := y[m*places:][:places]
		for i := range row {
			row[i] = b
		}
	}
}

// convTranspose plans the gradient of a convolution by its picture: what conv would read for a place is added to there.
//
//	y[b, m, q·stride + k·dilation - pad] += x[b, c, q] · weight[c, m, k]
//
// for x [batch, channels, spatial...] and weight [channels, maps/groups, kernel...]. Along each axis the result has
//
//	stride·(in-1) + output_padding + (kernel-1)·dilation + 1 - pads
//
// elements, or as many as output_shape or auto_pad (in·stride) says; then the pads follow from that, an odd one at the beginning, with
// SAME_UPPER at the end. https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
func convTranspose(c *call) error {
	w, groups, ends, err := c.kernelOf()
	if err != nil {
		return err
	}
	// The window is that of the convolution whose gradient this is: it slides over the result (w.in), and has a place for each
	// element of x (w.out).
	small := w.in
	w.in = make([]int, len(small))
	w.out = small
	extra := make([]int, len(small))
	if v := toInts(c.node.Ints("output_padding")); len(v) == len(small) {
		extra = v
	}
	wanted := toInts(c.node.Ints("output_shape"))
	auto := c.node.Text("auto_pad", "NOTSET")
	for i, d := range small {
		full := w.stride[i]*(d-1) + extra[i] + w.extent(i)
		size := full - w.pad[i] - ends[i]
		switch {
		case len(wanted) == len(small):
			size = wanted[i]
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			size = min(full, d*w.stride[i]) // where strides skip elements, as many as onnxruntime has
		case auto == "VALID":
			size = full
		case auto != "NOTSET" || len(wanted) != 0:
			return fmt.Errorf("auto_pad %q, output_shape %v: %w", auto, wanted, ErrUnsupported)
		}
		if total := max(0, full-size); len(wanted) > 0 || auto != "NOTSET" {
			w.pad[i] = total - total/2
			if auto == "SAME_UPPER" {
				w.pad[i] = total / 2
			}
		}
		if size < 1 || size > maxSize {
			return fmt.Errorf("a result of %d along a spatial axis: %w", size, ErrShape)
		}
		w.in[i] = size
	}
	if _, err := sizeOf(w.in); err != nil {
		return err
	}
	if err := w.finish(c); err != nil {
		return err
	}
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return convTransposeOf[float32](c, w, groups)
	case onnxtensor.Float64:
		return convTransposeOf[float64](c, w, groups)
	}
	return c.unsupportedType(0)
}

// convTransposeOf multiplies first, which gives all patches of a picture and group, and then adds them up where they lie.
func convTransposeOf[T float](c *call, w window, groups int) error {
	x, weight, bias := c.in[0], c.in[1], c.operand(2)
	// Weights are [channels, maps of a group, kernel...]: the other way round than conv's.
	channels, maps := weight.shape[0]/groups, weight.shape[1]
	if x.shape[1] != channels*groups || weight.shape[0] != x.shape[1] || bias != nil && (bias.size != maps*groups || bias.dtype != x.dtype) {
		return fmt.Errorf("%d groups of %d channels: %w", groups, channels, ErrShape)
	}
	y, err := c.result(x.dtype, append([]int{x.shape[0], maps * groups}, w.in...))
	if err != nil {
		return err
	}
	depth := maps * w.kernelSize
	if err := checkColumns(depth, w.places); err != nil {
		return err
	}
	scratch := sync.Pool{New: func() any { b := make([]T, depth*w.places); return &b }}
	return c.share(x.shape[0]*groups, 1, func(from, to int) {
		columns := scratch.Get().(*[]T)
		defer scratch.Put(columns)
		for i := from; i < to; i++ {
			x, y, weight := of[T](x)[i*channels*w.places:], of[T](y)[i*maps*w.inSize:][:maps*w.inSize], of[T](weight)[i%groups*channels*depth:]
			clear(*columns)
			product(1, matrix[T]{weight, channels, depth, true}, matrix[T]{x, channels, w.places, false}, *columns, w.places, 0, depth)
			addBias(y, bias, i%groups*maps, maps, w.inSize)
			for m := range maps {
				picture := y[m*w.inSize:][:w.inSize]
				patch := (*columns)[m*len(w.table):][:len(w.table)]
				for k, at := range w.table {
					if at >= 0 {
						picture[at] += patch[k]
					}
				}
			}
		}
	})
}
