package builder

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// A window is how a kernel slides over a picture's spatial axes, of any number of them. Each list has a number an axis.
// Along an axis, place p of the result sees, with kernel element k, the picture's element
//
//	p·Stride + k·Dilation - Begin
//
// and what lies outside of the picture is padding: Begin elements before the first, End behind the last.
type window struct {
	Size, Kernel, Stride, Dilation, Begin, End []int
}

// String names every field: ops are told apart by it.
func (w window) String() string {
	return fmt.Sprintf("of %v kernel %v stride %v dilation %v padding %v %v", w.Size, w.Kernel, w.Stride, w.Dilation, w.Begin, w.End)
}

// reach returns how many elements a kernel covers along an axis: (Kernel-1)·Dilation + 1.
func (w window) reach(axis int) int { return (w.Kernel[axis]-1)*w.Dilation[axis] + 1 }

// room returns how far a kernel can slide along an axis, below 0 where it does not fit.
func (w window) room(axis int) int {
	return w.Size[axis] + w.Begin[axis] + w.End[axis] - w.reach(axis)
}

// out returns the number of places along each axis: (Size + Begin + End - reach) / Stride + 1, rounded down.
func (w window) out() []int {
	out := make([]int, len(w.Size))
	for i := range out {
		out[i] = w.room(i)/w.Stride[i] + 1
	}
	return out
}

// rest returns, for each axis, how many of the last padded elements no place sees: the output padding of a transposed
// convolution that gives this window's picture.
func (w window) rest() []int {
	rest := make([]int, len(w.Size))
	for i := range rest {
		rest[i] = w.room(i) % w.Stride[i]
	}
	return rest
}

// maxReach bounds a window's numbers, so that no sum or product of two of them overflows an int.
const maxReach = 1 << 14

// check reports a window that cannot be: sizes that are not positive, a kernel that is larger than the padded picture,
// or one that is too large to be computed for maps or channels numbers at each element.
func (w window) check(depth int) error {
	for i := range w.Size {
		for _, n := range []struct {
			name  string
			value int
			least int
		}{
			{"kernel", w.Kernel[i], 1}, {"stride", w.Stride[i], 1}, {"dilation", w.Dilation[i], 1}, {"padding", w.Begin[i], 0}, {"padding", w.End[i], 0},
		} {
			if n.value < n.least || n.value > maxReach {
				return fmt.Errorf("%s %d: use %d to %d", n.name, n.value, n.least, maxReach)
			}
		}
		if w.Size[i] < 1 || w.Size[i] > maxSize/2 {
			return fmt.Errorf("a size of %d along a spatial axis: use 1 to %d", w.Size[i], maxSize/2)
		}
		if w.room(i) < 0 {
			return fmt.Errorf("a kernel of %d at dilation %d covers %d elements, the size is %d and %d with padding: use a smaller kernel or dilation, or more padding",
				w.Kernel[i], w.Dilation[i], w.reach(i), w.Size[i], w.Size[i]+w.Begin[i]+w.End[i])
		}
	}
	if _, err := sizeOf(slices.Concat([]int{depth}, w.Kernel, w.out())); err != nil {
		return fmt.Errorf("%d channels under a kernel of %v at %v places: %w", depth, w.Kernel, w.out(), err)
	}
	return nil
}

// inside reports whether every place sees at least one element of the picture.
func (w window) inside() bool {
	for i, out := range w.out() {
		for p := range out {
			if w.seen(i, p) == 0 {
				return false
			}
		}
	}
	return true
}

// seen counts the elements of the picture that a place sees along an axis.
func (w window) seen(axis, place int) int {
	n := 0
	for k := range w.Kernel[axis] {
		if x := w.at(axis, place, k); x >= 0 {
			n++
		}
	}
	return n
}

// at returns which element of the picture lies under a kernel's element at a place, along one axis: -1 outside.
func (w window) at(axis, place, k int) int {
	x := place*w.Stride[axis] + k*w.Dilation[axis] - w.Begin[axis]
	if x < 0 || x >= w.Size[axis] {
		return -1
	}
	return x
}

// table lists, for each element of the kernel and then each place, which element of the picture lies there, all of them
// counted in row-major order: -1 outside.
func (w window) table() []int32 {
	out := w.out()
	kernel, places := sizeOfAll(w.Kernel), sizeOfAll(out)
	table := make([]int32, kernel*places)
	for k := range kernel {
		for p := range places {
			at, stride, restK, restP := 0, 1, k, p
			for i := len(out) - 1; i >= 0; i-- {
				x := w.at(i, restP%out[i], restK%w.Kernel[i])
				if x < 0 {
					at = -1
					break
				}
				at += x * stride
				restK, restP, stride = restK/w.Kernel[i], restP/out[i], stride*w.Size[i]
			}
			table[k*places+p] = int32(at)
		}
	}
	return table
}

// pads returns the padding as ONNX has it: all beginnings, then all ends.
func (w window) pads() []int64 { return int64s(slices.Concat(w.Begin, w.End)) }

// sizeOfAll multiplies sizes that are known to be bounded.
func sizeOfAll(sizes []int) int { return tensor.Shape(sizes).TotalSize() }

// perAxis returns a number an axis of a list that has one for each, one for all, or none: then the number is absent.
func perAxis(name string, given []int, axes, absent int) ([]int, error) {
	all := make([]int, axes)
	switch len(given) {
	case axes:
		copy(all, given)
	case 1:
		for i := range all {
			all[i] = given[0]
		}
	case 0:
		for i := range all {
			all[i] = absent
		}
	default:
		return nil, fmt.Errorf("%s %v for %d spatial axes: give one number, or one an axis", name, given, axes)
	}
	return all, nil
}

// padding splits a padding: one number for all, one an axis for both of its ends, or all beginnings and then all ends.
func padding(given []int, axes int) (begin, end []int, err error) {
	if len(given) == 2*axes && axes > 0 {
		return slices.Clone(given[:axes]), slices.Clone(given[axes:]), nil
	}
	if begin, err = perAxis("padding", given, axes, 0); err != nil {
		return nil, nil, fmt.Errorf("%w, or the beginnings and then the ends", err)
	}
	return begin, slices.Clone(begin), nil
}

// maxAxes is the most spatial axes that a convolution or a pool has.
const maxAxes = 3

// pictureOf splits a row's shape, channels first, and reports one that is no picture's.
func pictureOf(in []int) (channels int, size []int, err error) {
	if len(in) < 2 || len(in) > 1+maxAxes {
		return 0, nil, fmt.Errorf("a row of shape %v: use channels and then 1 to %d spatial sizes, such as [1 28 28]", in, maxAxes)
	}
	if _, err := sizeOf(in); err != nil {
		return 0, nil, err
	}
	return in[0], slices.Clone(in[1:]), nil
}
