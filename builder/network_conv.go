package builder

import (
	"fmt"
	"slices"
	"strconv"

	G "gorgonia.org/gorgonia"
)

// A Conv is a convolutional network: levels of convolutions, each of which makes the picture smaller, then dense layers. As a
// decoder it is the mirror: it goes through the same keys from the last to the first, and every level makes the picture as
// large as it was, odd sizes too. So one object describes both:
//
//	row [1,28,28] ── channels[0] ── [32,14,14] ── channels[1] ── [64,7,7] ── dense[0] ── [256] ── logits
//	row [1,28,28] ── channels[0] ── [32,14,14] ── channels[1] ── [64,7,7] ── dense[0] ── [256] ── code       (read from the right)
//
// Rows [height, width] are pictures of one channel.
type Conv struct {
	Channels   []int      `json:"channels" doc:"channels after each level of convolutions, as the encoder has them; a decoder goes through them from the last to the first" when:"more, twice as many a level, where the bound still falls at the end of the run; fewer for speed" range:"[1,65536]"`
	Kernel     Sizes      `json:"kernel,omitempty" doc:"the kernels' size: one number, or one a level; left out: 3" when:"5 or 4 where shapes are coarse, 1 for none of the neighbourhood" range:"[1,1024]"`
	Stride     Sizes      `json:"stride,omitempty" doc:"how many times smaller each level makes the picture: one number, or one a level; left out: 2" when:"1 for levels that keep the size" range:"[1,1024]"`
	Padding    Sizes      `json:"padding,omitempty" doc:"zeros on each side of a level's picture: one number, or one a level; left out: so many that a size becomes size/stride, rounded up" when:"0 to see no edges" range:"[0,1024]"`
	Pool       string     `json:"pool,omitempty" doc:"how an encoder makes pictures smaller: a pool of stride's size after a convolution of stride 1; left out: the convolution's stride" when:"max for codes that heed small moves less, at twice the time or more" oneof:"levelpools"`
	Upsample   string     `json:"upsample,omitempty" doc:"how a decoder makes pictures larger: by nearest or linear enlarging and then a convolution; left out: a transposed convolution" when:"nearest where reconstructions show a checkerboard" oneof:"upsamples"`
	Residual   int        `json:"residual,omitempty" doc:"residual blocks a level, each of two convolutions with kernel 3" when:"1 or 2 for a deeper network, together with a norm" range:"[0,100]"`
	Dense      []int      `json:"dense,omitempty" doc:"widths of the dense layers behind the convolutions, as the encoder has them; a decoder goes through them from the last to the first" when:"one, of some hundreds, for codes that see the picture as a whole" range:"[1,1048576]"`
	Norm       string     `json:"norm,omitempty" doc:"normalisation of each hidden layer, before its activation; left out: none" when:"batch for deep networks and higher learning rates; layer for small batches" oneof:"norms"`
	Activation Activation `json:"activation,omitempty" doc:"between this network's layers; left out: the model's" when:"where encoder and decoder should differ" oneof:"activations"`
	Dropout    float64    `json:"dropout,omitempty" doc:"share of a hidden layer's numbers that training sets to 0; left out: none" when:"0.1 to 0.3 where the bound on held-out rows rises while the loss falls" range:"[0,1)"`
	Dimensions int        `json:"dimensions,omitempty" doc:"axes along which the kernels slide: 2 for pictures, rows [height, width] and [channels, height, width], 1 for sequences, rows [length] and [channels, length]; left out: 2" when:"1 for time series and spectra" range:"[0,2]"`
}

var _ Network = Conv{}

// LevelPools returns the kinds of pools that make a level of a [Conv] smaller.
func LevelPools() []string { return []string{PoolAverage, PoolMax} }

// Kind implements [Network].
func (Conv) Kind() string { return "conv" }

func (c Conv) hidden() hiddenLayers { return hiddenLayers{c.Norm, c.Activation, c.Dropout} }

// Check implements [Network].
func (c Conv) Check(part string) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("%s.%w", part, err)
	}
	return c.hidden().check(part)
}

func (c Conv) check() error {
	if len(c.Channels) == 0 {
		return fmt.Errorf("channels are missing: give those after each level, such as [32, 64]")
	}
	if len(c.Channels) > 100 {
		return fmt.Errorf("channels has %d levels: use at most 100", len(c.Channels))
	}
	for _, list := range []struct {
		key         string
		least, most int
		values      Sizes
		levels      bool
	}{
		{"channels", 1, maxChannels, c.Channels, true}, {"kernel", 1, maxKernel, c.Kernel, true}, {"stride", 1, maxKernel, c.Stride, true},
		{"padding", 0, maxKernel, c.Padding, true}, {"residual", 0, 100, Sizes{c.Residual}, false}, {"dense", 1, maxWidth, c.Dense, false},
		{"dimensions", 0, 2, Sizes{c.Dimensions}, false},
	} {
		if err := between(list.key, list.least, list.most, list.values...); err != nil {
			return err
		}
		if n := len(list.values); list.levels && n > 1 && n != len(c.Channels) {
			return fmt.Errorf("%s has %d numbers for %d levels of channels: give one, or one a level", list.key, n, len(c.Channels))
		}
	}
	if c.Pool != "" && !slices.Contains(LevelPools(), c.Pool) {
		return fmt.Errorf("pool is %q: %s", c.Pool, suggest(c.Pool, LevelPools()))
	}
	if err := checkUpsample(c.Upsample); err != nil {
		return fmt.Errorf("upsample %w", err)
	}
	return nil
}

// at returns a level's number of a list: one for all, one a level, or none.
func at(list Sizes, level, absent int) int {
	switch len(list) {
	case 0:
		return absent
	case 1:
		return list[0]
	}
	return list[level]
}

// axes is the number of axes along which the kernels slide.
func (c Conv) axes() int {
	if c.Dimensions == 0 {
		return 2
	}
	return c.Dimensions
}

// picture returns the shape of a row as the convolutions take it, channels first.
func (c Conv) picture(row []int) ([]int, error) {
	switch len(row) - c.axes() {
	case 0:
		return append([]int{1}, row...), nil
	case 1:
		return row, nil
	}
	if c.axes() == 1 {
		return nil, fmt.Errorf("dimensions is 1, for rows [length] and [channels, length], these are %v: leave it out for pictures, or use kind mlp", row)
	}
	return nil, fmt.Errorf("channels: convolutions take pictures, rows [height, width] and [channels, height, width], these are %v: use kind mlp, dimensions 1 for sequences, or kind layers with a reshape", row)
}

// level is a level's convolution as an encoder has it, of channels for the result.
func (c Conv) level(i int, channels int) ConvLayer {
	l := ConvLayer{Channels: channels, Kernel: Sizes{at(c.Kernel, i, defaultKernel)}, NoBias: c.Norm != ""}
	if len(c.Padding) > 0 {
		l.Padding = Sizes{at(c.Padding, i, 0)}
	}
	if stride := at(c.Stride, i, 2); c.Pool == "" && stride > 1 {
		l.Stride = Sizes{stride}
	}
	return l
}

// down returns a level of an encoder.
func (c Conv) down(i int) []step {
	key, name := fmt.Sprintf("channels[%d]", i), "conv"+strconv.Itoa(i+1)
	steps := c.hidden().after(key, name, c.level(i, c.Channels[i]))
	if stride := at(c.Stride, i, 2); c.Pool != "" && stride > 1 {
		steps = append(steps, step{key, name, PoolLayer{Kind: c.Pool, Size: Sizes{stride}}})
	}
	return append(steps, c.blocks(key, name, c.Channels[i])...)
}

// blocks returns a level's residual blocks: x + norm(conv(activation(norm(conv(x))))), and then the activation.
func (c Conv) blocks(key, name string, channels int) []step {
	var steps []step
	for i := range c.Residual {
		product := ConvLayer{Channels: channels, NoBias: c.Norm != ""}
		var layers []LayerSpec
		for _, l := range slices.Concat(c.hidden().after("", "", product), []step{{"", "", product}}, c.hidden().ending("", "", false)) {
			layers = append(layers, LayerSpec{l.layer})
		}
		block := fmt.Sprintf("%s/block%d", name, i+1)
		steps = append(steps, step{key, block, ResidualLayer{Layers: layers}}, step{key, block, ActivationLayer{Name: c.Activation}})
	}
	return steps
}

// encoder returns the layers for rows of shape in.
func (c Conv) encoder(in []int) ([]step, error) {
	shape, err := c.picture(in)
	if err != nil {
		return nil, err
	}
	steps := c.entry(in, shape)
	for i := range c.Channels {
		steps = append(steps, c.down(i)...)
	}
	for i, width := range c.Dense {
		steps = append(steps, c.hidden().dense(fmt.Sprintf("dense[%d]", i), "dense"+strconv.Itoa(i+1), width)...)
	}
	return append(steps, step{"result", "logits", DenseLayer{}}), nil
}

// entry reshapes rows to pictures where they are none yet.
func (c Conv) entry(in, shape []int) []step {
	if slices.Equal(in, shape) {
		return nil
	}
	return []step{{"row", "row", ReshapeLayer{Shape: shape}}}
}

// shapes returns the picture's shapes as an encoder of these keys makes them: of the row, and after each level.
func (c Conv) shapes(row []int) ([][]int, error) {
	shapes := [][]int{row}
	for i := range c.Channels {
		_, out, err := planSteps(c.down(i), shapes[i], NetworkSpec{Activation: ReLU})
		if err != nil {
			return nil, fmt.Errorf("%w (in the mirror of this decoder)", err)
		}
		shapes = append(shapes, out)
	}
	return shapes, nil
}

// decoder returns the layers that make rows of s.Shape of codes.
func (c Conv) decoder(s NetworkSpec) ([]step, error) {
	row, err := c.picture(s.Shape)
	if err != nil {
		return nil, err
	}
	shapes, err := c.shapes(row)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i, width := range slices.Backward(c.Dense) {
		steps = append(steps, c.hidden().dense(fmt.Sprintf("dense[%d]", i), "dense"+strconv.Itoa(i+1), width)...)
	}
	last := len(c.Channels) - 1
	small := shapes[last+1]
	key, name := "small picture", "picture"
	steps = append(steps, step{key, name, DenseLayer{Width: flattened(small), NoBias: c.Norm != ""}}, step{key, name, ReshapeLayer{Shape: small}})
	steps = append(steps, c.hidden().ending(key, name, true)...)
	for i := last; i >= 0; i-- {
		more, err := c.up(i, shapes[i+1], shapes[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// up returns a level of a decoder, which makes rows of shape to of those of shape from: the whole network's where i is 0.
func (c Conv) up(i int, from, to []int) ([]step, error) {
	key, name := fmt.Sprintf("channels[%d]", i), "conv"+strconv.Itoa(i+1)
	steps := c.blocks(key, name, from[0])
	channels := to[0]
	if i == 0 {
		channels, name = 0, "logits"
	}
	layers, err := c.larger(i, channels, from, to)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	for _, l := range layers {
		steps = append(steps, step{key, name, l})
	}
	if i > 0 {
		steps = append(steps, c.hidden().ending(key, name, true)...)
	}
	return steps, nil
}

// larger returns the layers that make a picture of a level as large as it was.
func (c Conv) larger(i, channels int, from, to []int) ([]LayerKind, error) {
	stride := at(c.Stride, i, 2)
	noBias := c.Norm != "" && channels > 0
	kernel := at(c.Kernel, i, defaultKernel)
	if c.Upsample == "" || stride == 1 {
		whole := c
		whole.Pool = "" // the stride makes it larger
		spec, err := whole.level(i, max(channels, 1)).spec(to, NetworkSpec{})
		if err != nil {
			return nil, err
		}
		l := ConvTransposeLayer{Channels: channels, Kernel: spec.Kernel, Stride: spec.Stride, OutputPadding: make(Sizes, len(to)-1), NoBias: noBias}
		begin, end, err := padding(spec.Padding, len(to)-1)
		if err != nil {
			return nil, err
		}
		l.Padding = slices.Concat(begin, end)
		err = l.reach(from, to)
		return []LayerKind{l}, err
	}
	l := ConvLayer{Channels: channels, Kernel: Sizes{kernel}, NoBias: noBias, Padding: make(Sizes, 2*(len(to)-1))}
	for axis := range to[1:] {
		all := to[axis+1] - from[axis+1]*stride + kernel - 1
		if all < 0 {
			return nil, fmt.Errorf("a kernel of %d makes pictures of %v, %d times as large, no smaller than %v: use a kernel of at least the stride", kernel, from[1:], stride, to[1:])
		}
		l.Padding[axis], l.Padding[len(to)-1+axis] = all/2, all-all/2
	}
	return []LayerKind{UpsampleLayer{Scale: Sizes{stride}, Mode: c.Upsample}, l}, nil
}

// reach chooses output padding by which rows of shape from become as large as those of shape to.
func (l *ConvTransposeLayer) reach(from, to []int) error {
	spec, err := l.spec(from, NetworkSpec{Shape: to, Each: 1})
	if err != nil {
		return err
	}
	spec.Channels, spec.OutputPadding = 1, nil
	out, err := spec.TransposedShape(from)
	if err != nil {
		return plain(err)
	}
	axes, stride := len(to)-1, at(spec.Stride, 0, 1)
	for axis := range axes {
		short := to[axis+1] - out[axis+1]
		less := max(0, short-stride+1) // a pool may leave out more than output padding can be
		if less > l.Padding[axes+axis] {
			return fmt.Errorf("a kernel of %d makes pictures of %v at stride %d no larger than %v, they were %v: use a kernel larger than the stride", spec.Kernel[0], from[1:], stride, out[1:], to[1:])
		}
		l.Padding[axes+axis] -= less
		l.OutputPadding[axis] = short - less
	}
	return nil
}

// steps returns the layers of an encoder, or of a decoder where the specification has the shape of its rows.
func (c Conv) steps(in []int, s NetworkSpec) ([]step, error) {
	if s.Shape == nil {
		return c.encoder(in)
	}
	return c.decoder(s)
}

// Plan implements [Network].
func (c Conv) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	steps, err := c.steps(in, s)
	if err != nil {
		return nil, err
	}
	lines, _, err := planSteps(steps, in, s)
	return lines, err
}

// Build implements [Network].
func (c Conv) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	steps, err := c.steps(x.Shape()[1:], s)
	if err != nil {
		return b.fail("%w", err)
	}
	return buildSteps(b, x, steps, s)
}
