package importer

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// conv builds a convolution by weights of the file. https://onnx.ai/onnx/operators/onnx__Conv.html
func conv(c *call) (operand, error) {
	return c.convolution((*builder.Graph).ConvBy)
}

// convTranspose builds a transposed convolution. https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
func convTranspose(c *call) (operand, error) {
	return c.convolution((*builder.Graph).ConvTransposeBy)
}

func (c *call) convolution(build func(b *builder.Graph, x, weight, bias *G.Node, s builder.ConvSpec) *G.Node) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	weight, err := c.whole(1)
	if err != nil {
		return operand{}, err
	}
	var bias *G.Node
	if c.has(2) {
		if bias, err = c.whole(2); err != nil {
			return operand{}, err
		}
	}
	if c.b.Err() != nil {
		return operand{}, nil
	}
	if x.Dims() < 3 || weight.Dims() != x.Dims() {
		return operand{}, fmt.Errorf("of shape %v by weights of shape %v: %w", x.Shape(), weight.Shape(), ErrGraph)
	}
	w, err := c.sliding(x.Shape()[2:], weight.Shape()[2:])
	if err != nil {
		return operand{}, err
	}
	groups := c.node.Int("group", 1)
	if groups < 1 || groups > mostElements {
		return operand{}, fmt.Errorf("%d groups: %w", groups, ErrGraph)
	}
	s := builder.ConvSpec{Stride: w.stride, Dilation: w.dilation, Groups: int(groups)}
	if c.node.Op == "Conv" {
		s.Padding, err = w.padding()
	} else if s.OutputPadding, err = c.perAxis("output_padding", len(w.kernel), 0); err == nil {
		s.Padding, err = c.transposedPadding(w, s.OutputPadding)
	}
	if err != nil {
		return operand{}, err
	}
	return of(build(c.b, x, weight, bias, s))
}

// A sliding is how a kernel slides over spatial axes.
type sliding struct {
	size, kernel, stride, dilation []int
	pads                           []int // the beginnings, then the ends; nil where auto says how many there are
	auto                           string
}

// mostReach bounds a kernel's numbers, so that none overflows.
const mostReach = 1 << 20

func (c *call) perAxis(attribute string, axes, absent int) ([]int, error) {
	list := c.node.Ints(attribute)
	if list == nil {
		return slices.Repeat([]int{absent}, axes), nil
	}
	out := make([]int, len(list))
	for i, v := range list {
		if v < 0 || v > mostReach {
			return nil, fmt.Errorf("%s %v: %w", attribute, list, ErrUnsupported)
		}
		out[i] = int(v)
	}
	if len(out)%axes != 0 || len(out) > 2*axes || len(out) > axes && attribute != "pads" || len(out) < axes {
		return nil, fmt.Errorf("%s %v of %d axes: %w", attribute, list, axes, ErrGraph)
	}
	return out, nil
}

func (c *call) sliding(size, kernel []int) (w sliding, err error) {
	w.size, w.kernel = size, kernel
	if w.stride, err = c.perAxis("strides", len(size), 1); err != nil {
		return w, err
	}
	if w.dilation, err = c.perAxis("dilations", len(size), 1); err != nil {
		return w, err
	}
	for i := range size {
		if w.stride[i] < 1 || w.dilation[i] < 1 || kernel[i] < 1 || kernel[i] > mostReach {
			return w, fmt.Errorf("kernel %v, strides %v, dilations %v: %w", kernel, w.stride, w.dilation, ErrGraph)
		}
	}
	if shape := c.node.Ints("kernel_shape"); shape != nil && !slices.EqualFunc(shape, kernel, func(a int64, b int) bool { return a == int64(b) }) {
		return w, fmt.Errorf("kernel_shape %v of weights %v: %w", shape, kernel, ErrGraph)
	}
	switch w.auto = c.node.Text("auto_pad", "NOTSET"); w.auto {
	case "NOTSET":
		w.pads, err = c.perAxis("pads", len(size), 0)
		if len(w.pads) == len(size) {
			w.pads = append(w.pads, w.pads...)
		}
	case "VALID":
		w.pads = make([]int, 2*len(size))
	case "SAME_UPPER", "SAME_LOWER":
	default:
		err = fmt.Errorf("auto_pad %q: %w", w.auto, ErrUnsupported)
	}
	return w, err
}

func (w sliding) reach(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// padding returns the beginnings and ends of a convolution or a pool: of SAME, so many that there are size/stride places, rounded up.
func (w sliding) padding() ([]int, error) {
	if w.pads != nil {
		return w.pads, nil
	}
	return w.halved(func(i int) int {
		places := (w.size[i] + w.stride[i] - 1) / w.stride[i]
		return max((places-1)*w.stride[i]+w.reach(i)-w.size[i], 0)
	}, w.auto == "SAME_UPPER")
}

// halved puts half of a number of elements at an axis's beginning; an odd one goes to its end, or to its beginning.
func (w sliding) halved(all func(i int) int, end bool) ([]int, error) {
	n := len(w.size)
	pads := make([]int, 2*n)
	for i := range n {
		total := all(i)
		if total < 0 {
			return nil, fmt.Errorf("%d elements too few along spatial axis %d: %w", -total, i, ErrUnsupported)
		}
		pads[i], pads[n+i] = total/2, total-total/2
		if !end {
			pads[i], pads[n+i] = pads[n+i], pads[i]
		}
	}
	return pads, nil
}

// transposedPadding returns what a transposed convolution's result loses at its beginnings and ends.
func (c *call) transposedPadding(w sliding, extra []int) ([]int, error) {
	shape, err := c.perAxis("output_shape", len(w.size), 0)
	if err != nil {
		return nil, err
	}
	if c.node.Ints("output_shape") == nil {
		if w.pads != nil {
			return w.pads, nil
		}
		for i := range shape {
			shape[i] = w.size[i] * w.stride[i]
		}
	}
	return w.halved(func(i int) int { return (w.size[i]-1)*w.stride[i] + w.reach(i) + extra[i] - shape[i] }, w.auto == "SAME_UPPER")
}
