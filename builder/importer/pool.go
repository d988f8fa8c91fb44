package importer

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// pool builds MaxPool and AveragePool. https://onnx.ai/onnx/operators/onnx__MaxPool.html
func pool(build func(b *builder.Graph, x *G.Node, s builder.PoolSpec) *G.Node) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		x, err := c.tensorAt(0)
		if err != nil {
			return operand{}, err
		}
		if len(c.node.Outputs) > 1 && c.node.Outputs[1] != "" {
			return operand{}, fmt.Errorf("with places as a result: %w", ErrUnsupported)
		}
		if x.Dims() < 3 || len(c.node.Ints("kernel_shape")) != x.Dims()-2 {
			return operand{}, fmt.Errorf("a kernel of %v, of shape %v: %w", c.node.Ints("kernel_shape"), x.Shape(), ErrGraph)
		}
		kernel, err := c.perAxis("kernel_shape", x.Dims()-2, 1)
		if err != nil {
			return operand{}, err
		}
		w, err := c.sliding(x.Shape()[2:], kernel)
		if err != nil {
			return operand{}, err
		}
		s := builder.PoolSpec{Kernel: kernel, Stride: w.stride, Dilation: w.dilation, CountPadding: c.node.Op == "AveragePool" && c.node.Int("count_include_pad", 0) != 0}
		if s.Padding, err = w.padding(); err != nil {
			return operand{}, err
		}
		if c.node.Int("ceil_mode", 0) != 0 && w.pads != nil {
			s.Padding = slices.Clone(s.Padding)
			for i := range kernel {
				more := w.above(i)
				if more > 0 && s.CountPadding {
					return operand{}, fmt.Errorf("an average with count_include_pad and ceil_mode: %w", ErrUnsupported)
				}
				s.Padding[len(kernel)+i] += more
			}
		}
		return of(build(c.b, x, s))
	}
}

// above returns how many elements there must be behind an axis, for a last place that begins within it and ends beyond.
func (w sliding) above(i int) int {
	padded := w.size[i] + w.pads[i] + w.pads[len(w.size)+i]
	room := padded - w.reach(i)
	if room < 0 {
		return 0
	}
	places := (room+w.stride[i]-1)/w.stride[i] + 1
	if (places-1)*w.stride[i] >= w.size[i]+w.pads[i] {
		places--
	}
	return max((places-1)*w.stride[i]-room, 0)
}

// globalAverage is the mean of each channel, whose axes have one element then.
func globalAverage(c *call) (operand, error) {
	x, err := c.picture()
	if err != nil {
		return operand{}, err
	}
	return of(c.b.Reshape(c.b.GlobalAveragePool(x), onePlace(x)...))
}

func globalMax(c *call) (operand, error) {
	x, err := c.picture()
	if err != nil {
		return operand{}, err
	}
	return of(c.b.Reshape(c.b.MaxPool(x, builder.PoolSpec{Kernel: x.Shape()[2:]}), onePlace(x)...))
}

func (c *call) picture() (*G.Node, error) {
	x, err := c.tensorAt(0)
	if err == nil && x.Dims() < 3 {
		err = fmt.Errorf("shape %v has no spatial axes: %w", x.Shape(), ErrGraph)
	}
	return x, err
}

func onePlace(x *G.Node) []int {
	return append(slices.Clone(x.Shape()[:2]), slices.Repeat([]int{1}, x.Dims()-2)...)
}

// reduceMax is the greatest element along axes of a row that lie next to each other: a pool over all of them.
func reduceMax(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	axes, err := c.axes(x)
	if err != nil {
		return operand{}, err
	}
	first, end := axes[0], axes[len(axes)-1]+1
	if end-first != len(axes) {
		return operand{}, fmt.Errorf("along axes %v, which do not lie next to each other: %w", axes, ErrUnsupported)
	}
	s, b := x.Shape(), c.b
	outer, count, inner := 1, 1, 1
	for i, d := range s {
		switch {
		case i == 0:
		case i < first:
			outer *= d
		case i < end:
			count *= d
		default:
			inner *= d
		}
	}
	y := b.MaxPool(b.Reshape(x, s[0], outer, count, inner), builder.PoolSpec{Kernel: []int{count, 1}})
	if b.Err() != nil {
		return operand{}, nil
	}
	y = b.Reshape(y, slices.Concat(s[:first], s[end:])...)
	return of(c.kept(y, x, axes))
}

// lpNormalization divides by the norm along an axis of a row.
func lpNormalization(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	axis, err := rowAxis(c.node.Int("axis", -1), x.Dims())
	if err != nil {
		return operand{}, err
	}
	b, length := c.b, (*G.Node)(nil)
	switch p := c.node.Int("p", 2); p {
	case 1:
		length = b.Sum(abs(b, x), axis)
	case 2:
		length = norm(b, b.Sum(b.Square(x), axis), 0)
	default:
		return operand{}, fmt.Errorf("p %d: %w", p, ErrUnsupported)
	}
	return of(b.Div(x, b.ExpandLike(length, x, axis)))
}
