package onnxeval

import (
	"fmt"
	"sync"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Conv and ConvTranspose over any number of spatial axes, by a matrix of patches (im2col) and one product for each picture and group.
// It is written to be right, not to be fast.

// window is how a kernel slides over the spatial axes of a picture, of any number of them.
type window struct {
	in, kernel, out            []int
	stride, dilation, pad      []int // pad is that before the first element
	inSize, kernelSize, places int
	table                      []int32 // by kernel element and place: the element of the picture under it, -1 outside
}

// maxTable bounds the elements of a table: 64 MiB.
const maxTable = 1 << 24

// finish fills in what follows from the sizes.
func (w *window) finish(c *call) error {
	w.inSize, w.kernelSize, w.places = 1, 1, 1
	for i := range w.in {
		w.inSize, w.kernelSize, w.places = w.inSize*w.in[i], w.kernelSize*w.kernel[i], w.places*w.out[i]
	}
	if n, err := sizeOf([]int{w.kernelSize, w.places}); err != nil || n > maxTable {
		return fmt.Errorf("a kernel of %d elements at %d places: %w", w.kernelSize, w.places, ErrShape)
	}
	if err := c.takes(w.kernelSize * w.places); err != nil {
		return err
	}
	// The table holds, for each element of the kernel and each place, which element of the picture lies there. It is the same for all
	// pictures and channels, and is made by taking k and p apart into their indexes along the spatial axes, the last first.
	w.table = make([]int32, w.kernelSize*w.places)
	for k := range w.kernelSize {
		for p := range w.places {
			at, stride, restK, restP := 0, 1, k, p
			for i := len(w.in) - 1; i >= 0; i-- {
				x := restP%w.out[i]*w.stride[i] - w.pad[i] + restK%w.kernel[i]*w.dilation[i]
				restK, restP = restK/w.kernel[i], restP/w.out[i]
				if x < 0 || x >= w.in[i] {
					at = -1
					break
				}
				at, stride = at+x*stride, stride*w.in[i]
			}
			w.table[k*w.places+p] = int32(at)
		}
	}
	return nil
}

// kernelOf reads what Conv and ConvTranspose share: x [batch, channels, spatial...], weights of x's rank, and the attributes group,
// strides, dilations and pads, whose second half (ends) are the pads after the last element. kernel_shape is not read: the weights have
// it.
func (c *call) kernelOf() (w window, groups int, ends []int, err error) {
	x, weight := c.in[0], c.in[1]
	spatial := len(x.shape) - 2
	groups = int(c.node.Int("group", 1))
	if spatial < 1 || len(weight.shape) != len(x.shape) || groups < 1 || weight.dtype != x.dtype || x.size == 0 || weight.size == 0 {
		return w, 0, nil, fmt.Errorf("%d groups: %w", groups, ErrShape)
	}
	list := func(name string, absent int) []int {
		if v := toInts(c.node.Ints(name)); len(v) > 0 {
			return v
		}
		all := make([]int, spatial)
		for i := range all {
			all[i] = absent
		}
		return all
	}
	w = window{in: x.shape[2:], kernel: weight.shape[2:], stride: list("strides", 1), dilation: list("dilations", 1)}
	pads := list("pads", 0)
	if len(pads) == spatial {
		pads = append(append([]int{}, pads...), pads...)
	}
	if len(w.stride) != spatial || len(w.dilation) != spatial || len(pads) != 2*spatial {
		return w, 0, nil, fmt.Errorf("strides %v, dilations %v, pads %v: %w", w.stride, w.dilation, pads, ErrShape)
	}
	for i := range spatial {
		for _, v := range []int{w.stride[i], w.dilation[i], pads[i] + 1, pads[spatial+i] + 1} {
			if v < 1 || v > maxSize {
				return w, 0, nil, fmt.Errorf("strides %v, dilations %v, pads %v: %w", w.stride, w.dilation, pads, ErrShape)
			}
		}
	}
	w.pad, ends = pads[:spatial:spatial], pads[spatial:]
	return w, groups, ends, nil
}

// extent returns how far a kernel of n elements reaches.
func (w *window) extent(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

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
	for i, d := range w.in {
		switch auto := c.node.Text("auto_pad", "NOTSET"); auto {
		case "NOTSET":
		case "VALID":
			w.pad[i], ends[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			out := (d + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out-1)*w.stride[i]+w.extent(i)-d)
			w.pad[i], ends[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.pad[i], ends[i] = ends[i], w.pad[i]
			}
		default:
			return fmt.Errorf("auto_pad %q: %w", auto, ErrUnsupported)
		}
		room := d + w.pad[i] + ends[i] - w.extent(i)
		if room < 0 {
			return fmt.Errorf("a kernel of %v for %v: %w", w.kernel, w.in, ErrShape)
		}
		w.out = append(w.out, room/w.stride[i]+1)
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
			size = d * w.stride[i]
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
