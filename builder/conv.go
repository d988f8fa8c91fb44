package builder

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A ConvSpec says what a convolution, or a transposed one, is. Rows are [channels, spatial...] with one to three spatial
// axes. A list has one number for all spatial axes, or one an axis; what is left out has the value named here.
type ConvSpec struct {
	Channels int   // of the result
	Kernel   []int // the kernel's sizes
	Stride   []int // nil for 1
	Dilation []int // nil for 1: kernel elements lie side by side
	Padding  []int // nil for 0; one number an axis pads both ends, twice as many are the beginnings and then the ends
	// OutputPadding enlarges the result of a transposed convolution at its ends, by 0 to stride-1: a stride of s makes
	// s sizes into one, and this says which is meant. It must be nil for a convolution.
	OutputPadding []int
	Groups        int       // results see the channels of their own group only; 0 for 1
	NoBias        bool      // as where a normalisation follows, which has one
	Start         []float64 // what the bias begins with, Channels numbers; nil for zeros
}

// OutputShape returns the shape of a row that [Graph.Conv] makes of one of the shape in: [Channels, spatial...], with
//
//	(size + padding at both ends - (kernel-1)·dilation - 1) / stride + 1
//
// places along each axis, rounded down.
func (s ConvSpec) OutputShape(in []int) ([]int, error) {
	op, err := s.conv(in)
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return append([]int{op.Maps}, op.Window.out()...), nil
}

// TransposedShape returns the shape of a row that [Graph.ConvTranspose] makes of one of the shape in: [Channels,
// spatial...], with
//
//	(size-1)·stride - padding at both ends + (kernel-1)·dilation + 1 + output padding
//
// elements along each axis.
func (s ConvSpec) TransposedShape(in []int) ([]int, error) {
	op, err := s.transposed(in)
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return append([]int{op.Channels}, op.Window.Size...), nil
}

// Cost returns the number of parameters, bias included, and of multiply-adds for a row of the shape in.
func (s ConvSpec) Cost(in []int) (parameters, multiplyAdds int, err error) {
	op, err := s.conv(in)
	if err != nil {
		return 0, 0, fmt.Errorf("builder: %w", err)
	}
	parameters, multiplyAdds = op.cost(op.Maps)
	return parameters, multiplyAdds, nil
}

// TransposedCost is [ConvSpec.Cost] of a transposed convolution.
func (s ConvSpec) TransposedCost(in []int) (parameters, multiplyAdds int, err error) {
	op, err := s.transposed(in)
	if err != nil {
		return 0, 0, fmt.Errorf("builder: %w", err)
	}
	parameters, multiplyAdds = op.cost(op.Channels)
	return parameters, multiplyAdds, nil
}

func (op convOp) cost(biases int) (parameters, multiplyAdds int) {
	weights := sizeOfAll(op.weightShape())
	if op.Bias {
		parameters = biases
	}
	return parameters + weights, weights * sizeOfAll(op.Window.out())
}

// window reads the lists for a picture of so many spatial axes; the sizes are left open.
func (s ConvSpec) window(axes int) (w window, err error) {
	if len(s.Kernel) == 0 {
		return w, fmt.Errorf("no kernel: give its size")
	}
	for _, list := range []struct {
		to     *[]int
		name   string
		given  []int
		absent int
	}{
		{&w.Kernel, "kernel", s.Kernel, 1}, {&w.Stride, "stride", s.Stride, 1}, {&w.Dilation, "dilation", s.Dilation, 1},
	} {
		if *list.to, err = perAxis(list.name, list.given, axes, list.absent); err != nil {
			return w, err
		}
	}
	w.Begin, w.End, err = padding(s.Padding, axes)
	return w, err
}

// groups returns the number of groups, and reports one that does not divide both numbers of channels.
func (s ConvSpec) groups(in int) (int, error) {
	groups := max(s.Groups, 1)
	switch {
	case s.Groups < 0:
		return 0, fmt.Errorf("%d groups: use 1 or more", s.Groups)
	case s.Channels < 1 || s.Channels > maxSize:
		return 0, fmt.Errorf("%d channels in the result: use 1 to %d", s.Channels, maxSize)
	case in%groups != 0 || s.Channels%groups != 0:
		return 0, fmt.Errorf("%d groups: they must divide the %d channels of the row and the %d of the result", groups, in, s.Channels)
	}
	return groups, nil
}

// conv returns the convolution of rows of the shape in.
func (s ConvSpec) conv(in []int) (op convOp, err error) {
	wrong := func(err error) error { return fmt.Errorf("a convolution of rows of shape %v: %w", in, err) }
	op = convOp{Role: convForward, Maps: s.Channels, Bias: !s.NoBias}
	var size []int
	if op.Channels, size, err = pictureOf(in); err != nil {
		return op, wrong(err)
	}
	if op.Groups, err = s.groups(op.Channels); err != nil {
		return op, wrong(err)
	}
	if len(s.OutputPadding) > 0 {
		return op, wrong(fmt.Errorf("output padding %v: only a transposed convolution has it", s.OutputPadding))
	}
	if op.Window, err = s.window(len(size)); err != nil {
		return op, wrong(err)
	}
	op.Window.Size = size
	if err := op.check(); err != nil {
		return op, wrong(err)
	}
	return op, nil
}

// transposed returns the transposed convolution of rows of the shape in: the gradient, by its picture, of a convolution
// whose result has that shape.
func (s ConvSpec) transposed(in []int) (op convOp, err error) {
	wrong := func(err error) error {
		return fmt.Errorf("a transposed convolution of rows of shape %v: %w", in, err)
	}
	op = convOp{Role: convPicture, Channels: s.Channels, Bias: !s.NoBias}
	var out []int
	if op.Maps, out, err = pictureOf(in); err != nil {
		return op, wrong(err)
	}
	if op.Groups, err = s.groups(op.Maps); err != nil {
		return op, wrong(err)
	}
	w, err := s.window(len(out))
	if err != nil {
		return op, wrong(err)
	}
	extra, err := perAxis("output padding", s.OutputPadding, len(out), 0)
	if err != nil {
		return op, wrong(err)
	}
	for i, n := range out {
		if extra[i] < 0 || extra[i] > 0 && extra[i] >= w.Stride[i] {
			return op, wrong(fmt.Errorf("output padding %d at stride %d: use 0 to stride-1", extra[i], w.Stride[i]))
		}
		size, err := grown(n, w.Stride[i], w.Kernel[i], w.Dilation[i], extra[i], w.Begin[i], w.End[i])
		if err != nil {
			return op, wrong(err)
		}
		w.Size = append(w.Size, size)
	}
	op.Window = w
	if err := op.check(); err != nil {
		return op, wrong(err)
	}
	return op, nil
}

// grown returns the size of a transposed convolution's result along an axis. Bounds come first: nothing overflows.
func grown(n, stride, kernel, dilation, extra, begin, end int) (int, error) {
	for _, v := range []int{stride, kernel, dilation} {
		if v < 1 || v > maxReach {
			return 0, fmt.Errorf("kernel %d, stride %d, dilation %d: use 1 to %d", kernel, stride, dilation, maxReach)
		}
	}
	size := int64(n-1)*int64(stride) + int64(kernel-1)*int64(dilation) + 1 + int64(extra) - int64(begin) - int64(end)
	if begin < 0 || end < 0 || begin > maxReach || end > maxReach || size < 1 || size > maxSize/2 {
		return 0, fmt.Errorf("kernel %d, stride %d, dilation %d, padding %d and %d make %d elements of %d: use less padding or a larger kernel", kernel, stride, dilation, begin, end, size, n)
	}
	return int(size), nil
}

// Conv returns the convolution of x [batch, channels, spatial...], with zeros around it, and the layer's weights:
//
//	y[n, m, p] = bias[m] + Σ_c Σ_k x[n, c, p·stride + k·dilation - padding] · weight[m, c, k]
//
// which deep learning calls so; the kernel is not turned. The result is [batch, Channels, spatial...], see
// [ConvSpec.OutputShape]. Map m sees the channels of its own group. "<name>/weight" is [Channels, channels/groups,
// kernel...] as PyTorch has it, "<name>/bias" [Channels] begins with Start. init draws the weights as it would those of a
// matrix [fan in, fan out] (Glorot and Bengio 2010, He et al. 1502.01852): the numbers that a result sums up, and those
// that a number goes into at stride 1.
func (b *Graph) Conv(name string, x *G.Node, s ConvSpec, init Init) *G.Node {
	return b.convolution(name, x, init, s.Start, s.conv)
}

// ConvTranspose returns the transposed convolution of x [batch, channels, spatial...]: the gradient of a convolution by
// its picture. What a convolution would read for a place is added to there:
//
//	y[n, m, p·stride + k·dilation - padding] += x[n, c, p] · weight[c, m, k],   y = bias[m] before
//
// The result is [batch, Channels, spatial...], see [ConvSpec.TransposedShape]. "<name>/weight" is [channels,
// Channels/groups, kernel...] as PyTorch has it, "<name>/bias" [Channels] begins with Start. init is that of [Graph.Conv],
// with the mean number of kernel elements that reach a place, kernel/stride, in fan in.
func (b *Graph) ConvTranspose(name string, x *G.Node, s ConvSpec, init Init) *G.Node {
	return b.convolution(name, x, init, s.Start, s.transposed)
}

func (b *Graph) convolution(name string, x *G.Node, init Init, start []float64, of func(in []int) (convOp, error)) *G.Node {
	return b.In(name, func() *G.Node { return b.convolve(x, init, start, of) })
}

// convolve makes the convolution of the part under construction.
func (b *Graph) convolve(x *G.Node, init Init, start []float64, of func(in []int) (convOp, error)) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() < 2 {
		return b.fail("a convolution takes [batch, channels, spatial...], not %v", shapes(G.Nodes{x}))
	}
	op, err := of(x.Shape()[1:])
	if err == nil {
		_, err = sizeOf(op.resultShape(x.Shape()[0]))
	}
	if err != nil {
		return b.fail("%w", err)
	}
	if init != nil {
		in, out := op.fans()
		inner := init
		init = func(dst []float64, _ []int, normal func([]float64)) { inner(dst, []int{in, out}, normal) }
	}
	operands := []*G.Node{x, b.Parameter("weight", init, op.weightShape()...)}
	if op.Bias {
		operands = append(operands, b.Parameter("bias", Start(start), op.resultShape(1)[1]))
	}
	return b.apply(op, operands...)
}

// fans returns the numbers by which weights are drawn.
func (op convOp) fans() (in, out int) {
	kernel := sizeOfAll(op.Window.Kernel)
	if op.Role == convForward {
		return op.Channels / op.Groups * kernel, op.Maps / op.Groups * kernel
	}
	stride := sizeOfAll(op.Window.Stride)
	return max(1, op.Maps/op.Groups*kernel/stride), op.Channels / op.Groups * kernel
}

// ConvBy is [Graph.Conv] by given weights [Channels, channels/groups, kernel...] and a bias [Channels], which may be nil.
// The specification's kernel and channels are those of the weights.
func (b *Graph) ConvBy(x, weight, bias *G.Node, s ConvSpec) *G.Node {
	return b.convolutionBy(x, weight, bias, s, 0, ConvSpec.conv)
}

// ConvTransposeBy is [Graph.ConvTranspose] by given weights [channels, Channels/groups, kernel...] and a bias [Channels],
// which may be nil. The specification's kernel and channels are those of the weights.
func (b *Graph) ConvTransposeBy(x, weight, bias *G.Node, s ConvSpec) *G.Node {
	return b.convolutionBy(x, weight, bias, s, 1, ConvSpec.transposed)
}

// convolutionBy applies a convolution whose weights have the result's channels along an axis.
func (b *Graph) convolutionBy(x, weight, bias *G.Node, s ConvSpec, channels int, of func(s ConvSpec, in []int) (convOp, error)) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || weight == nil || x.Dims() < 3 || weight.Dims() != x.Dims() {
		return b.fail("a convolution takes [batch, channels, spatial...] and weights of as many axes, not %v", shapes(G.Nodes{x, weight}))
	}
	s.Kernel, s.Channels, s.NoBias = weight.Shape()[2:], weight.Shape()[channels], bias == nil
	if channels == 1 {
		s.Channels *= max(s.Groups, 1)
	}
	op, err := of(s, x.Shape()[1:])
	if err == nil {
		_, err = sizeOf(op.resultShape(x.Shape()[0]))
	}
	if err != nil {
		return b.fail("%w", err)
	}
	operands := []*G.Node{x, weight}
	if bias != nil {
		operands = append(operands, bias)
	}
	if !slices.Equal(weight.Shape(), tensor.Shape(op.weightShape())) || bias != nil && !slices.Equal(bias.Shape(), tensor.Shape{s.Channels}) {
		return b.fail("%v by weights %v: they must be %v, and the bias [%d]", x.Shape(), shapes(operands[1:]), op.weightShape(), s.Channels)
	}
	return b.apply(op, operands...)
}
