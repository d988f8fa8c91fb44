package builder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	G "gorgonia.org/gorgonia"
)

// A ConvLayer is a convolution of rows [channels, spatial...]: see [Graph.Conv]. Lists have one number for all spatial axes,
// or one an axis.
type ConvLayer struct {
	Channels int   `json:"channels,omitempty" doc:"of the result; the last layer of a decoder may leave them out: as many as its rows have" range:"[0,65536]"`
	Kernel   Sizes `json:"kernel,omitempty" doc:"the kernel's size; left out: 3" range:"[1,1024]"`
	Stride   Sizes `json:"stride,omitempty" doc:"how far the kernel moves; left out: 1" range:"[1,1024]"`
	Padding  Sizes `json:"padding,omitempty" doc:"zeros around the picture; twice as many numbers as axes are those before, then those behind; left out: so many that a size becomes size/stride, rounded up" range:"[0,1024]"`
	Dilation Sizes `json:"dilation,omitempty" doc:"how far the kernel's elements are apart; left out: 1" range:"[1,1024]"`
	Groups   int   `json:"groups,omitempty" doc:"results see the channels of their group only; left out: 1" range:"[0,65536]"`
	NoBias   bool  `json:"no_bias,omitempty" doc:"true leaves the bias out, as where a normalisation follows"`
}

// A ConvTransposeLayer is a transposed convolution of rows [channels, spatial...], which makes pictures larger: see
// [Graph.ConvTranspose].
type ConvTransposeLayer struct {
	Channels      int   `json:"channels,omitempty" doc:"of the result; the last layer of a decoder may leave them out: as many as its rows have" range:"[0,65536]"`
	Kernel        Sizes `json:"kernel,omitempty" doc:"the kernel's size; left out: 3" range:"[1,1024]"`
	Stride        Sizes `json:"stride,omitempty" doc:"how many times larger; left out: 1" range:"[1,1024]"`
	Padding       Sizes `json:"padding,omitempty" doc:"taken off around the result; left out, with output_padding too: so much that a size becomes size·stride" range:"[0,1024]"`
	OutputPadding Sizes `json:"output_padding,omitempty" doc:"added behind the result, less than the stride; a size that becomes size·stride takes off as many elements as it is short of stride-1" range:"[0,1023]"`
	Dilation      Sizes `json:"dilation,omitempty" doc:"how far the kernel's elements are apart; left out: 1" range:"[1,1024]"`
	Groups        int   `json:"groups,omitempty" doc:"results see the channels of their group only; left out: 1" range:"[0,65536]"`
	NoBias        bool  `json:"no_bias,omitempty" doc:"true leaves the bias out, as where a normalisation follows"`
}

// The bounds of a convolution's numbers.
const (
	maxChannels = 1 << 16
	maxKernel   = 1 << 10
)

// defaultKernel is the size of a kernel that is left out.
const defaultKernel = 3

func checkConv(channels, groups int, kernel, stride, padding, dilation Sizes) error {
	if err := between("channels", 0, maxChannels, channels); err != nil {
		return err
	}
	for _, list := range []struct {
		key    string
		least  int
		values Sizes
	}{{"kernel", 1, kernel}, {"stride", 1, stride}, {"padding", 0, padding}, {"dilation", 1, dilation}} {
		if err := between(list.key, list.least, maxKernel, list.values...); err != nil {
			return err
		}
	}
	return between("groups", 0, maxChannels, groups)
}

func (l ConvLayer) check() error {
	return checkConv(l.Channels, l.Groups, l.Kernel, l.Stride, l.Padding, l.Dilation)
}

func (l ConvTransposeLayer) check() error {
	if err := between("output_padding", 0, maxKernel, l.OutputPadding...); err != nil {
		return err
	}
	return checkConv(l.Channels, l.Groups, l.Kernel, l.Stride, l.Padding, l.Dilation)
}

func (l ConvLayer) ends() bool          { return l.Channels == 0 }
func (l ConvTransposeLayer) ends() bool { return l.Channels == 0 }

// spec returns what the convolution of rows of shape in is.
func (l ConvLayer) spec(in []int, s NetworkSpec) (c ConvSpec, err error) {
	c = ConvSpec{Channels: l.Channels, Kernel: l.Kernel, Stride: l.Stride, Dilation: l.Dilation, Padding: l.Padding, Groups: l.Groups, NoBias: l.NoBias}
	return c, finish(&c, in, s, false)
}

func (l ConvTransposeLayer) spec(in []int, s NetworkSpec) (c ConvSpec, err error) {
	c = ConvSpec{Channels: l.Channels, Kernel: l.Kernel, Stride: l.Stride, Dilation: l.Dilation, Padding: l.Padding, OutputPadding: l.OutputPadding, Groups: l.Groups, NoBias: l.NoBias}
	return c, finish(&c, in, s, true)
}

// finish fills in what a convolution of rows of shape in leaves out.
func finish(c *ConvSpec, in []int, s NetworkSpec, transposed bool) error {
	axes := len(in) - 1
	if axes < 1 || axes > maxAxes {
		return fmt.Errorf("a convolution takes [channels, length], [channels, height, width] or [channels, depth, height, width], these are %v: reshape them first", in)
	}
	if len(c.Kernel) == 0 {
		c.Kernel = []int{defaultKernel}
	}
	if len(c.Padding) == 0 && (!transposed || len(c.OutputPadding) == 0) {
		if err := c.fit(axes, transposed); err != nil {
			return err
		}
	}
	if c.Channels > 0 {
		return nil
	}
	channels, _, err := s.picture(axes)
	if err != nil {
		return err
	}
	c.Channels = channels * s.each()
	c.Start = s.channelBias(channels)
	return nil
}

// fit chooses the padding by which a size becomes size/stride, rounded up, or size·stride where it is transposed.
func (c *ConvSpec) fit(axes int, transposed bool) error {
	w, err := c.window(axes)
	if err != nil {
		return err
	}
	c.Padding = make([]int, 2*axes)
	c.OutputPadding = nil
	for i := range axes {
		all := w.reach(i) - 1
		c.Padding[i], c.Padding[axes+i] = all/2, all-all/2
		if transposed {
			c.OutputPadding = append(c.OutputPadding, w.Stride[i]-1)
		}
	}
	return nil
}

// each returns the numbers a value, at least 1.
func (s NetworkSpec) each() int { return max(s.Each, 1) }

// picture splits the shape of the rows that a network's result stands for into channels and so many spatial axes.
func (s NetworkSpec) picture(axes int) (channels int, size []int, err error) {
	switch len(s.Shape) {
	case axes:
		return 1, s.Shape, nil
	case axes + 1:
		return s.Shape[0], s.Shape[1:], nil
	case 0:
		return 0, nil, fmt.Errorf("channels are left out, which only the last layer of a decoder may do: give them")
	}
	return 0, nil, fmt.Errorf("a convolution over %d axes gives no rows of shape %v: leave it out, and a dense layer is added", axes, s.Shape)
}

// channelBias returns the initial bias of a convolution that gives the result: the mean over a channel's places.
func (s NetworkSpec) channelBias(channels int) []float64 {
	if s.Bias == nil {
		return nil
	}
	start := make([]float64, channels*s.each())
	places := len(s.Bias) / len(start)
	for i, v := range s.Bias { // in the order [channel, place, each]
		start[i/(places*s.each())*s.each()+i%s.each()] += v / float64(places)
	}
	return start
}

// ended checks that a last convolution gives the network's rows, and returns their shape.
func (s NetworkSpec) ended(out []int) ([]int, error) {
	_, size, err := s.picture(len(out) - 1)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(size, out[1:]) {
		return nil, fmt.Errorf("it gives pictures of %v, the rows are %v: change strides, paddings or the shape that the first layer makes", out[1:], s.Shape)
	}
	if s.each() == 1 {
		return slices.Clone(s.Shape), nil
	}
	return append(slices.Clone(s.Shape), s.each()), nil
}

func (l ConvLayer) plan(in []int, s NetworkSpec) ([]Layer, error) {
	c, err := l.spec(in, s)
	if err != nil {
		return nil, err
	}
	return planConv(l.String(), l.ends(), in, s, c.OutputShape, c.Cost)
}

func (l ConvTransposeLayer) plan(in []int, s NetworkSpec) ([]Layer, error) {
	c, err := l.spec(in, s)
	if err != nil {
		return nil, err
	}
	return planConv(l.String(), l.ends(), in, s, c.TransposedShape, c.TransposedCost)
}

func planConv(name string, ends bool, in []int, s NetworkSpec, shape func([]int) ([]int, error), cost func([]int) (int, int, error)) ([]Layer, error) {
	out, err := shape(in)
	if err != nil {
		return nil, plain(err)
	}
	weights, adds, err := cost(in)
	if err != nil {
		return nil, plain(err)
	}
	if ends {
		if out, err = s.ended(out); err != nil {
			return nil, err
		}
	}
	return []Layer{{name, out, weights, adds}}, nil
}

// plain takes the package's name off an error that gets a key in front.
func plain(err error) error {
	return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "builder: "))
}

func (l ConvLayer) build(b *Graph, x *G.Node, s NetworkSpec, init Init) *G.Node {
	c, err := l.spec(x.Shape()[1:], s)
	if err != nil {
		return b.fail("%w", err)
	}
	return b.ended(b.convolve(x, init, c.Start, c.conv), l.ends(), s)
}

func (l ConvTransposeLayer) build(b *Graph, x *G.Node, s NetworkSpec, init Init) *G.Node {
	c, err := l.spec(x.Shape()[1:], s)
	if err != nil {
		return b.fail("%w", err)
	}
	return b.ended(b.convolve(x, init, c.Start, c.transposed), l.ends(), s)
}

// ended puts the numbers of one value next to each other in the result of a network's last convolution: [batch,
// channels·each, size...] becomes [batch, channels, size..., each].
func (b *Graph) ended(x *G.Node, ends bool, s NetworkSpec) *G.Node {
	if b.err != nil || !ends || s.each() == 1 {
		return x
	}
	shape := x.Shape()
	split := b.Reshape(x, slices.Concat([]int{shape[0], shape[1] / s.each(), s.each()}, shape[2:])...)
	if b.err != nil {
		return nil
	}
	axes := []int{0, 1}
	for i := 3; i < split.Dims(); i++ {
		axes = append(axes, i)
	}
	return b.Transpose(split, append(axes, 2)...)
}

func (l ConvLayer) String() string {
	return convText("conv", l.Channels, l.Kernel, l.Stride, l.Dilation, l.Groups)
}
func (l ConvTransposeLayer) String() string {
	return convText("conv transpose", l.Channels, l.Kernel, l.Stride, l.Dilation, l.Groups)
}

func convText(name string, channels int, kernel, stride, dilation Sizes, groups int) string {
	if channels > 0 {
		name += " " + strconv.Itoa(channels)
	}
	name += ", kernel " + sizesText(kernel, defaultKernel)
	for _, list := range []struct {
		name   string
		values Sizes
	}{{"stride", stride}, {"dilation", dilation}, {"groups", Sizes{groups}}} {
		if text := sizesText(list.values, 1); text != "1" && text != "0" {
			name += ", " + list.name + " " + text
		}
	}
	return name
}

// sizesText writes sizes as 3 or 3x5.
func sizesText(s Sizes, absent int) string {
	if len(s) == 0 {
		s = Sizes{absent}
	}
	words := make([]string, len(s))
	for i, v := range s {
		words[i] = strconv.Itoa(v)
	}
	return strings.Join(words, "x")
}
