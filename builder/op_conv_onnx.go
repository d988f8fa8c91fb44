package builder

import (
	"fmt"
	"slices"
)

// How convolutions are written in ONNX. docs/convolutions.md says what each form costs on onnxruntime, and which were
// tried and are slower. https://onnx.ai/onnx/operators/onnx__Conv.html,
// https://onnx.ai/onnx/operators/onnx__ConvTranspose.html

// A convForm is a way to write one of the three maps.
type convForm struct {
	name  string
	role  convRole
	wide  bool                             // in float64 too, which onnxruntime's Conv and ConvTranspose do not take on a CPU
	can   func(op convOp) bool             // nil: it can write every convolution
	quick func(op convOp, fixed bool) bool // nil: it is the quickest of those that follow
	write func(o convONNX, in []string, batch int64) string
}

// convForms lists the forms. The first that can and is quick is taken. A layer that is exported for any batch stays what it
// is called; where the batch is fixed, as in training, nobody looks for its name.
var convForms = []convForm{
	{"ConvTranspose by turned kernels", convForward, false, convOp.turns, func(op convOp, fixed bool) bool { return fixed && 2*op.Maps < op.Channels }, func(o convONNX, in []string, batch int64) string {
		return o.turned().convTranspose(o.withBias(in, o.turnedWeights(in[1])), batch)
	}},
	{"Conv", convForward, false, nil, nil, convONNX.conv},
	{"columns", convForward, true, nil, nil, func(o convONNX, in []string, _ int64) string {
		return o.bias(o.product(in[0], in[1]), in)
	}},

	{"Conv by turned kernels", convPicture, false, convOp.turns, func(op convOp, fixed bool) bool { return fixed && 2*op.Channels >= op.Maps }, func(o convONNX, in []string, batch int64) string {
		return o.turned().conv(o.withBias(in, o.turnedWeights(in[1])), batch)
	}},
	{"ConvTranspose", convPicture, false, nil, nil, convONNX.convTranspose},
	{"columns by turned kernels", convPicture, true, nil, nil, func(o convONNX, in []string, _ int64) string {
		return o.bias(o.turned().product(o.spread(in[0]), o.turnedWeights(in[1])), in)
	}},

	{"the operands exchanged", convWeights, false, convOp.turns, func(op convOp, _ bool) bool { return op.Maps < op.Channels }, func(o convONNX, in []string, batch int64) string {
		return o.turned().turnedWeights(o.turned().quickWeights(in[1], in[0], batch))
	}},
	{"columns by Conv", convWeights, false, nil, func(op convOp, _ bool) bool { return op.narrow() }, func(o convONNX, in []string, batch int64) string {
		return o.weights(o.columnsByConv(in[0]), in[1], batch)
	}},
	{"Conv by the gradient", convWeights, false, nil, nil, func(o convONNX, in []string, _ int64) string {
		return o.weightsByConv(in[0], in[1])
	}},
	{"columns", convWeights, true, nil, nil, func(o convONNX, in []string, batch int64) string {
		return o.weights(o.columns(in[0]), in[1], batch)
	}},
}

// ONNX writes the first form that can write the map and is quick.
func (op convOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	batch := shapes[0][0]
	for _, f := range convForms {
		if f.role == op.Role && (f.wide || w.DType() != onnxFloat64) && (f.can == nil || f.can(op)) && (f.quick == nil || f.quick(op, batch > 0)) {
			return f.write(convONNX{op, w}, in, batch), nil
		}
	}
	return "", fmt.Errorf("builder: %v has no form in ONNX", op) // the last of each role always can
}

// turns reports a convolution whose picture and result may change places, with turned kernels: its stride is 1, and no
// padding falls below 0.
func (op convOp) turns() bool {
	t := op.turned().Window
	for i, stride := range op.Window.Stride {
		if stride != 1 || t.Begin[i] < 0 || t.End[i] < 0 {
			return false
		}
	}
	return true
}

// narrow reports few numbers under a kernel, channels·kernel: then patches laid out as a matrix are quickest.
func (op convOp) narrow() bool { return op.Channels/op.Groups*sizeOfAll(op.Window.Kernel) <= 27 }

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

func (o convONNX) conv(in []string, _ int64) string { return o.w.Node("Conv", o.attributes(), in...) }

func (o convONNX) convTranspose(in []string, _ int64) string {
	attributes := o.attributes()
	attributes["output_padding"] = int64s(o.op.Window.rest())
	return o.w.Node("ConvTranspose", attributes, in...)
}

// withBias returns a layer's operands with other weights.
func (o convONNX) withBias(in []string, weights string) []string {
	return append([]string{in[0], weights}, in[2:]...)
}

// quickWeights is the gradient by the weights in the quicker of two forms.
func (o convONNX) quickWeights(x, y string, batch int64) string {
	if o.op.narrow() {
		return o.weights(o.columnsByConv(x), y, batch)
	}
	return o.weightsByConv(x, y)
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

// weights writes the gradient by the weights: y · columnsᵀ for each picture and group, [batch, groups, maps/groups,
// channels/groups·kernel], and the sum over the pictures, which is a product with ones where the batch is known.
func (o convONNX) weights(columns, y string, batch int64) string {
	each := o.w.Node("MatMul", nil, o.grouped(y, o.op.Maps/o.op.Groups), o.w.Node("Transpose", map[string]any{"perm": []int64{0, 1, 3, 2}}, columns))
	sum := ""
	if batch < 0 {
		sum = o.w.Node("ReduceSum", map[string]any{"keepdims": int64(0)}, each, o.w.Ints(0))
	} else {
		each = o.w.Node("Reshape", nil, each, o.w.Ints(batch, int64(sizeOfAll(o.op.weightShape()))))
		sum = o.w.Node("MatMul", nil, o.w.Numbers(ones(batch), batch), each)
	}
	return o.w.Node("Reshape", nil, sum, o.w.Ints(int64s(o.op.weightShape())...))
}

// columnsByConv is columns made by a convolution: each of its kernels has a 1 at one place, and so picks what lies there.
// It costs products with 0, and is quicker than slices.
func (o convONNX) columnsByConv(x string) string {
	w := o.op.Window
	kernel := sizeOfAll(w.Kernel)
	picks := make([]float64, o.op.Channels*kernel*kernel)
	for i := range o.op.Channels * kernel {
		picks[i*kernel+i%kernel] = 1
	}
	attributes := o.attributes()
	attributes["group"] = int64(o.op.Channels)
	weights := o.w.Numbers(picks, append([]int64{int64(o.op.Channels * kernel), 1}, int64s(w.Kernel)...)...)
	return o.grouped(o.w.Node("Conv", attributes, x, weights), o.depth())
}

// weightsByConv writes the gradient by the weights as one convolution of x by y. Pictures are its channels, which it sums
// over; a picture's channels lie side by side within the last spatial axis. So onnxruntime copies long runs of numbers to
// make its patches, and has one product of [maps, pictures·places] and [pictures·places, kernel·channels] to compute:
//
//	w[m, k, c] = Σ_n Σ_p  y[m, n, p] · x[n, (p·stride + k·dilation - padding)·channels + c]
func (o convONNX) weightsByConv(x, y string) string {
	w, last := o.op.Window, len(o.op.Window.Size)-1
	groups, channels, maps := o.op.Groups, o.op.Channels/o.op.Groups, o.op.Maps
	// x becomes [1, groups·batch, size..., last·channels].
	perm := []int64{0}
	for i := range w.Size {
		perm = append(perm, int64(i+2))
	}
	perm = append(perm, 1)
	if groups > 1 {
		x = o.w.Node("Reshape", nil, x, o.w.Ints(slices.Concat([]int64{-1, int64(groups), int64(channels)}, int64s(w.Size))...))
		perm = []int64{1, 0}
		for i := range w.Size {
			perm = append(perm, int64(i+3))
		}
		perm = append(perm, 2)
	}
	x = o.w.Node("Transpose", map[string]any{"perm": perm}, x)
	x = o.w.Node("Reshape", nil, x, o.w.Ints(slices.Concat([]int64{1, -1}, int64s(w.Size[:last]), []int64{int64(w.Size[last] * channels)})...))
	// y becomes [maps, batch, places...].
	perm = []int64{1, 0}
	for i := range w.Size {
		perm = append(perm, int64(i+2))
	}
	y = o.w.Node("Transpose", map[string]any{"perm": perm}, y)

	// What no place sees is cut off from the padding, as far as there is some.
	rest, end, kernel := w.rest(), slices.Clone(w.End), slices.Clone(w.Kernel)
	strides, dilations, begin := slices.Clone(w.Dilation), slices.Clone(w.Stride), slices.Clone(w.Begin)
	for i := range w.Size {
		cut := min(rest[i], end[i])
		rest[i], end[i] = rest[i]-cut, end[i]-cut
		kernel[i] += rest[i] / w.Dilation[i] // of the result
	}
	kernel[last] = w.reach(last) + rest[last]
	strides[last] = 1
	dilations[last] *= channels
	begin[last] *= channels
	end[last] *= channels
	out := o.w.Node("Conv", map[string]any{
		"kernel_shape": int64s(w.out()), "strides": int64s(strides), "dilations": int64s(dilations),
		"pads": int64s(slices.Concat(begin, end)), "group": int64(groups),
	}, x, y)
	out = o.w.Node("Reshape", nil, out, o.w.Ints(slices.Concat([]int64{int64(maps)}, int64s(kernel), []int64{int64(channels)})...))
	if !slices.Equal(kernel, w.Kernel) {
		from, to, axes, steps := make([]int64, last+1), make([]int64, last+1), make([]int64, last+1), make([]int64, last+1)
		for i := range w.Size {
			to[i], axes[i], steps[i] = int64(w.Kernel[i]), int64(i+1), 1
		}
		to[last], steps[last] = int64(w.reach(last)), int64(w.Dilation[last])
		out = o.w.Node("Slice", nil, out, o.w.Ints(from...), o.w.Ints(to...), o.w.Ints(axes...), o.w.Ints(steps...))
	}
	perm = []int64{0, int64(last + 2)}
	for i := range w.Size {
		perm = append(perm, int64(i+1))
	}
	return o.w.Node("Transpose", map[string]any{"perm": perm}, out)
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

func (o convONNX) turned() convONNX { return convONNX{o.op.turned(), o.w} }

// spread puts Stride-1 zeros behind each element of y.
func (o convONNX) spread(y string) string {
	return patches{o.op.Window, int64(o.op.Maps), o.w}.spread(y)
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
