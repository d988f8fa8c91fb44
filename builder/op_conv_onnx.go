package builder

// How convolutions are written in ONNX. onnxruntime's Conv and ConvTranspose take float32 only on a CPU; in float64 all
// three maps are written as slices of the padded picture and products of matrices.
// https://onnx.ai/onnx/operators/onnx__Conv.html, https://onnx.ai/onnx/operators/onnx__ConvTranspose.html

const onnxFloat64 = 11

func (op convOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	o := convONNX{op, w}
	wide := w.DType() == onnxFloat64
	switch {
	case op.Role == convForward && !wide:
		return w.Node("Conv", o.attributes(), in...), nil
	case op.Role == convPicture && !wide:
		attributes := o.attributes()
		attributes["output_padding"] = int64s(op.Window.rest())
		return w.Node("ConvTranspose", attributes, in...), nil
	case op.Role == convForward:
		return o.bias(o.product(in[0], in[1]), in), nil
	case op.Role == convPicture:
		return o.bias(o.picture(in[0], in[1]), in), nil
	}
	return o.weights(in[0], in[1]), nil
}

// convONNX writes one convolution.
type convONNX struct {
	op convOp
	w  ONNXWriter
}

func (o convONNX) patches() patches { return patches{o.op.Window, int64(o.op.Channels), o.w} }

func (o convONNX) attributes() map[string]any {
	w := o.op.Window
	return map[string]any{
		"kernel_shape": int64s(w.Kernel), "strides": int64s(w.Stride), "dilations": int64s(w.Dilation),
		"pads": w.pads(), "group": int64(o.op.Groups),
	}
}

// bias adds the third operand, where there is one, along the channels.
func (o convONNX) bias(y string, in []string) string {
	if !o.op.Bias {
		return y
	}
	shape := make([]int64, len(o.op.Window.Size)+1)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = -1
	return o.w.Node("Add", nil, y, o.w.Node("Reshape", nil, in[2], o.w.Ints(shape...)))
}

// columns writes what the kernel sees of x, [batch, groups, channels/groups·kernel, places].
func (o convONNX) columns(x string) string {
	slices := o.patches().slices(x)
	for i, s := range slices {
		slices[i] = o.w.Node("Unsqueeze", nil, s, o.w.Ints(2))
	}
	return o.grouped(o.w.Node("Concat", map[string]any{"axis": int64(2)}, slices...), o.depth())
}

// depth is how many products a number of the result sums up; places how many numbers a map has.
func (o convONNX) depth() int  { return o.op.Channels / o.op.Groups * sizeOfAll(o.op.Window.Kernel) }
func (o convONNX) places() int { return sizeOfAll(o.op.Window.out()) }

// grouped gives what has channels, or maps, as its second axis the shape [batch, groups, rows, places].
func (o convONNX) grouped(x string, rows int) string {
	return o.w.Node("Reshape", nil, x, o.w.Ints(-1, int64(o.op.Groups), int64(rows), int64(o.places())))
}

// product writes the convolution of x as one product for each picture and group.
func (o convONNX) product(x, weights string) string {
	matrix := o.w.Node("Reshape", nil, weights, o.w.Ints(int64(o.op.Groups), int64(o.op.Maps/o.op.Groups), int64(o.depth())))
	y := o.w.Node("MatMul", nil, matrix, o.columns(x))
	return o.w.Node("Reshape", nil, y, o.w.Ints(int64s(o.op.as(convForward).resultShape(-1))...))
}

// weights writes the gradient by the weights: y · columnsᵀ for each picture and group, and the sum over the pictures.
func (o convONNX) weights(x, y string) string {
	columns := o.w.Node("Transpose", map[string]any{"perm": []int64{0, 1, 3, 2}}, o.columns(x))
	each := o.w.Node("MatMul", nil, o.grouped(y, o.op.Maps/o.op.Groups), columns)
	sum := o.w.Node("ReduceSum", map[string]any{"keepdims": int64(0)}, each, o.w.Ints(0))
	return o.w.Node("Reshape", nil, sum, o.w.Ints(int64s(o.op.weightShape())...))
}

// turned returns the convolution that is the gradient by the picture: of y with Stride-1 zeros behind each element, by
// the kernels turned around, at stride 1.
func (op convOp) turned() convOp {
	w := op.Window
	t := window{Kernel: w.Kernel, Dilation: w.Dilation}
	for i, out := range w.out() {
		size := out * w.Stride[i]
		begin := w.reach(i) - 1 - w.Begin[i]
		t.Size, t.Stride = append(t.Size, size), append(t.Stride, 1)
		t.Begin, t.End = append(t.Begin, begin), append(t.End, w.Size[i]+w.reach(i)-1-begin-size)
	}
	return convOp{Role: convForward, Window: t, Channels: op.Maps, Maps: op.Channels, Groups: op.Groups}
}

// picture writes the gradient by the picture as the convolution that it is.
func (o convONNX) picture(y, weights string) string {
	t := convONNX{o.op.turned(), o.w}
	return t.product(patches{o.op.Window, int64(o.op.Maps), o.w}.spread(y), o.turnedWeights(weights))
}

// turnedWeights gives [maps, channels/groups, kernel...] the order [channels, maps/groups, kernel...], the kernels turned
// around.
func (o convONNX) turnedWeights(weights string) string {
	kernel, groups := int64s(o.op.Window.Kernel), int64(o.op.Groups)
	channels, maps := int64(o.op.Channels), int64(o.op.Maps)
	perm := []int64{0, 2, 1}
	for i := range kernel {
		perm = append(perm, int64(i+3))
	}
	split := append([]int64{groups, maps / groups, channels / groups}, kernel...)
	x := o.w.Node("Transpose", map[string]any{"perm": perm}, o.w.Node("Reshape", nil, weights, o.w.Ints(split...)))
	x = o.w.Node("Reshape", nil, x, o.w.Ints(append([]int64{channels, maps / groups}, kernel...)...))
	last, before := make([]int64, len(kernel)), make([]int64, len(kernel))
	for i := range kernel {
		last[i], before[i] = -1, -maxSize
	}
	return o.w.Node("Slice", nil, x, o.w.Ints(last...), o.w.Ints(before...), o.w.Ints(o.patches().spatial()...), o.w.Ints(last...))
}
