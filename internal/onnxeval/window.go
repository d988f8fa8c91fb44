package onnxeval

import "fmt"

// How a kernel slides over the spatial axes of a picture, of any number of them: what convolutions and poolings share.

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

// kernelOf reads what Conv and ConvTranspose share: x [batch, channels, spatial...], weights of x's rank, the attribute group, and what
// slide reads. kernel_shape is not read: the weights have it.
func (c *call) kernelOf() (w window, groups int, ends []int, err error) {
	x, weight := c.in[0], c.in[1]
	groups = int(c.node.Int("group", 1))
	if len(x.shape) < 3 || len(weight.shape) != len(x.shape) || groups < 1 || weight.dtype != x.dtype || x.size == 0 || weight.size == 0 {
		return w, 0, nil, fmt.Errorf("%d groups: %w", groups, ErrShape)
	}
	w, ends, err = c.slide(weight.shape[2:])
	return w, groups, ends, err
}

// slide reads how a kernel slides over the first operand: the attributes strides, dilations and pads, whose second half (ends) are the
// pads after the last element.
func (c *call) slide(kernel []int) (w window, ends []int, err error) {
	x := c.in[0]
	spatial := len(x.shape) - 2
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
	w = window{in: x.shape[2:], kernel: kernel, stride: list("strides", 1), dilation: list("dilations", 1)}
	pads := list("pads", 0)
	if len(pads) == spatial {
		pads = append(append([]int{}, pads...), pads...)
	}
	if len(w.stride) != spatial || len(w.dilation) != spatial || len(pads) != 2*spatial {
		return w, nil, fmt.Errorf("strides %v, dilations %v, pads %v: %w", w.stride, w.dilation, pads, ErrShape)
	}
	for i := range spatial {
		for _, v := range []int{w.kernel[i], w.stride[i], w.dilation[i], pads[i] + 1, pads[spatial+i] + 1} {
			if v < 1 || v > maxSize {
				return w, nil, fmt.Errorf("kernel %v, strides %v, dilations %v, pads %v: %w", w.kernel, w.stride, w.dilation, pads, ErrShape)
			}
		}
		if w.kernel[i] > maxSize/w.dilation[i] {
			return w, nil, fmt.Errorf("kernel %v of dilations %v: %w", w.kernel, w.dilation, ErrShape)
		}
	}
	w.pad, ends = pads[:spatial:spatial], pads[spatial:]
	return w, ends, nil
}

// extent returns how far a kernel of n elements reaches.
func (w *window) extent(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// place sets the number of places along each axis:
//
//	(in + pads - ((kernel-1)·dilation + 1)) / stride + 1
//
// rounded down, or up (ceil): then a last place that would begin after the picture and the pads before it is left out. auto_pad VALID pads
// nothing; SAME_UPPER and SAME_LOWER pad so that there are ⌈in/stride⌉ places, an odd one at the end or at the beginning. It sets ends
// to what is padded.
func (w *window) place(c *call, ends []int, ceil bool) error {
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
		if room < 0 && !(ceil && -room < w.stride[i]) { // else it lies there in part
			return fmt.Errorf("a kernel of %v for %v: %w", w.kernel, w.in, ErrShape)
		}
		n := max(0, room)/w.stride[i] + 1
		if room > 0 && ceil && room%w.stride[i] != 0 && n*w.stride[i] < d+w.pad[i] {
			n++
		}
		w.out = append(w.out, n)
	}
	return nil
}
