package builder

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
)

// A PoolSpec says what a pool is. Rows are [channels, spatial...] with one to three spatial axes. A list has one number for
// all spatial axes, or one an axis.
type PoolSpec struct {
	Kernel   []int // the window's sizes
	Stride   []int // nil for the kernel's sizes: windows lie side by side
	Dilation []int // nil for 1; only of a maximum
	Padding  []int // nil for 0; one number an axis pads both ends, twice as many are the beginnings and then the ends
	// CountPadding divides an average by the kernel's size where part of the window is padding, as PyTorch does unless
	// told otherwise. Without it the average is that of the picture's numbers, as ONNX has it.
	CountPadding bool
}

// OutputShape returns the shape of a row that [Graph.MaxPool] and [Graph.AveragePool] make of one of the shape in:
// [channels, spatial...], with (size + padding at both ends - (kernel-1)·dilation - 1) / stride + 1 places along each
// axis, rounded down.
func (s PoolSpec) OutputShape(in []int) ([]int, error) {
	w, err := s.window(in)
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return append([]int{in[0]}, w.out()...), nil
}

func (s PoolSpec) window(in []int) (w window, err error) {
	wrong := func(err error) (window, error) { return w, fmt.Errorf("a pool of rows of shape %v: %w", in, err) }
	_, size, err := pictureOf(in)
	if err != nil {
		return wrong(err)
	}
	stride := s.Stride
	if len(stride) == 0 {
		stride = s.Kernel
	}
	if w, err = (ConvSpec{Kernel: s.Kernel, Stride: stride, Dilation: s.Dilation, Padding: s.Padding}).window(len(size)); err != nil {
		return wrong(err)
	}
	w.Size = size
	if err := w.check(1); err != nil {
		return wrong(err)
	}
	if !w.inside() {
		return wrong(fmt.Errorf("kernel %v at dilation %v with padding %v and %v has places that see padding only: use less padding", w.Kernel, w.Dilation, w.Begin, w.End))
	}
	return w, nil
}

// MaxPool returns the largest number in each window of x [batch, channels, spatial...]; padding counts as -∞. Of several
// equal ones the first, in row-major order, gets the gradient, as in PyTorch.
func (b *Graph) MaxPool(x *G.Node, s PoolSpec) *G.Node {
	return b.pool("maximum", x, func(in []int) (G.Op, error) {
		w, err := s.window(in)
		if err == nil && s.CountPadding {
			err = fmt.Errorf("padding counts in an average only, not in a maximum")
		}
		return maxPoolOp{Window: w}, err
	})
}

// AveragePool returns the mean of each window of x [batch, channels, spatial...]: see [PoolSpec.CountPadding].
func (b *Graph) AveragePool(x *G.Node, s PoolSpec) *G.Node {
	return b.pool("average", x, func(in []int) (G.Op, error) {
		w, err := s.window(in)
		if err == nil && slices.ContainsFunc(w.Dilation, func(d int) bool { return d != 1 }) {
			err = fmt.Errorf("dilation %v: an average has none", w.Dilation)
		}
		return resampleOp{Kind: average, Window: w, CountPadding: s.CountPadding}, err
	})
}

// GlobalAveragePool returns the mean of each channel of x [batch, channels, spatial...]: [batch, channels].
func (b *Graph) GlobalAveragePool(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() < 3 {
		return b.fail("a global average takes [batch, channels, spatial...], not %v", shapes(G.Nodes{x}))
	}
	y := b.AveragePool(x, PoolSpec{Kernel: x.Shape()[2:]})
	if y == nil {
		return nil
	}
	return b.Reshape(y, x.Shape()[0], x.Shape()[1])
}

// The ways to enlarge a picture.
const (
	Nearest = "nearest" // each number is repeated
	Linear  = "linear"  // between the centres of the nearest numbers, along each axis: bilinear in two axes
)

// An UpsampleSpec says how a picture is enlarged.
type UpsampleSpec struct {
	Scale []int  // how many times larger: one whole number for all spatial axes, or one an axis
	Mode  string // [Nearest] or [Linear]; "" for Nearest
}

// OutputShape returns the shape of a row that [Graph.Upsample] makes of one of the shape in: [channels, size·scale...].
func (s UpsampleSpec) OutputShape(in []int) ([]int, error) {
	op, err := s.op(in)
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return append([]int{in[0]}, op.out()...), nil
}

func (s UpsampleSpec) op(in []int) (op resampleOp, err error) {
	wrong := func(err error) (resampleOp, error) {
		return op, fmt.Errorf("enlarging rows of shape %v: %w", in, err)
	}
	_, size, err := pictureOf(in)
	if err != nil {
		return wrong(err)
	}
	op = resampleOp{Kind: nearest, Window: window{Size: size}}
	if s.Mode != "" {
		op.Kind = resampling(s.Mode)
	}
	if s.Mode != "" && s.Mode != Nearest && s.Mode != Linear {
		return wrong(fmt.Errorf("mode %q: use %s", s.Mode, strings.Join([]string{Nearest, Linear}, " or ")))
	}
	if len(s.Scale) == 0 {
		return wrong(fmt.Errorf("no scale: give how many times larger"))
	}
	if op.Window.Kernel, err = perAxis("scale", s.Scale, len(size), 1); err != nil {
		return wrong(err)
	}
	for _, scale := range op.Window.Kernel {
		if scale < 1 || scale > maxReach {
			return wrong(fmt.Errorf("scale %d: use 1 to %d", scale, maxReach))
		}
	}
	if _, err := sizeOf(slices.Concat(in, op.Window.Kernel)); err != nil {
		return wrong(fmt.Errorf("scale %v: %w", op.Window.Kernel, err))
	}
	return op, nil
}

// Upsample enlarges x [batch, channels, spatial...] by whole numbers. In mode [Linear] the number at place i lies at
// (i + 1/2) / scale - 1/2 of x, and x goes on beyond its edges as it is there (ONNX calls this half_pixel, PyTorch
// align_corners=False).
func (b *Graph) Upsample(x *G.Node, s UpsampleSpec) *G.Node {
	return b.pool("enlarging", x, func(in []int) (G.Op, error) { return s.op(in) })
}

// pool makes a node of an op on pictures that is made for a row's shape.
func (b *Graph) pool(what string, x *G.Node, of func(in []int) (G.Op, error)) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() < 2 {
		return b.fail("%s: it takes [batch, channels, spatial...], not %v", what, shapes(G.Nodes{x}))
	}
	op, err := of(x.Shape()[1:])
	if err != nil {
		return b.fail("%s: %w", what, err)
	}
	if to, err := op.InferShape(x.Shape()); err != nil {
		return b.fail("%s: %w", what, err)
	} else if _, err := sizeOf(to); err != nil {
		return b.fail("%s: %w", what, err)
	}
	return b.apply(op, x)
}
