package export

import (
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// foldAffine puts a scale and a shift of each channel, as batch normalisation leaves them, into the weights and the bias of the
// product or the convolution before:
//
//	x ─ Conv ─ Mul ─ Add ─ y        x ─ Conv ─ y
//	    W ┘    a ┘   c ┘       =>      a·W ┘ a·b+c
//
// where a and c are made of initialisers. They are computed in float64 and rounded once, so that results differ by rounding.
// Outside of products, what is made of such vectors becomes one initialiser.
func (e *emitter) foldAffine() (changed bool) {
	f := affineFolder{emitter: e, uses: e.uses(), producer: e.producers(), initial: map[string]*onnxpb.TensorProto{}}
	for _, t := range e.graph.Initializer {
		f.initial[t.GetName()] = t
	}
	for _, shared := range e.constants { // may be asked for again by their content
		f.uses[shared]++
	}
	gone := map[*onnxpb.NodeProto]bool{}
	for _, n := range e.graph.Node {
		if product := f.fold(n); product != nil {
			product.Output = n.Output
			f.producer[n.Output[0]] = product
			gone[n], changed = true, true
		} else if f.settle(n) {
			changed = true
		}
	}
	e.graph.Node = slices.DeleteFunc(e.graph.Node, func(n *onnxpb.NodeProto) bool { return gone[n] })
	return changed
}

// An affineFolder has what folding looks up.
type affineFolder struct {
	*emitter
	uses     map[string]int
	producer map[string]*onnxpb.NodeProto
	initial  map[string]*onnxpb.TensorProto
}

// fold changes the weights before n where n scales or shifts their channels, and returns their node; else nil.
func (f affineFolder) fold(n *onnxpb.NodeProto) *onnxpb.NodeProto {
	op := n.GetOpType()
	if !slices.Contains([]string{"Add", "Sub", "Mul", "Div"}, op) {
		return nil
	}
	for i, in := range n.Input {
		product, other := f.producer[in], n.Input[1-i]
		if product == nil || f.uses[in] != 1 || i == 1 && (op == "Div" || op == "Sub") {
			continue
		}
		k := f.productOf(product)
		if k == nil {
			continue
		}
		v := f.perChannel(other, len(f.shapes[in]), k.channels)
		if v == nil || f.initial[other] != nil && product.GetOpType() == "Gemm" && op == "Add" && len(product.Input) == 2 { // see fuseBias
			continue
		}
		switch op {
		case "Mul", "Div":
			if op == "Div" {
				for j := range v {
					v[j] = 1 / v[j]
				}
			}
			for j := range k.weights {
				k.weights[j] *= v[k.channel(j)]
			}
			for j := range k.bias {
				k.bias[j] *= v[j]
			}
		default:
			if k.bias == nil {
				k.bias = make([]float64, k.channels)
			}
			for j := range k.bias {
				if op == "Sub" {
					k.bias[j] -= v[j]
				} else {
					k.bias[j] += v[j]
				}
			}
		}
		if !finite(k.weights) || !finite(k.bias) {
			return nil
		}
		f.store(product, k)
		return product
	}
	return nil
}

func finite(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// folded are the weights and the bias of a product.
type folded struct {
	weights, bias []float64
	dims          []int64
	channels      int
	channel       func(i int) int // of the i-th weight
}

// productOf returns the numbers of a Gemm, a Conv or a ConvTranspose whose weights are initialisers that nobody else reads.
func (f affineFolder) productOf(n *onnxpb.NodeProto) *folded {
	ints := map[string]int64{"group": 1}
	for _, a := range n.Attribute {
		switch a.GetType() {
		case onnxpb.AttributeProto_INT:
			ints[a.GetName()] = a.GetI()
		case onnxpb.AttributeProto_FLOAT: // a Gemm's alpha or beta
			return nil
		}
	}
	if !slices.Contains([]string{"Gemm", "Conv", "ConvTranspose"}, n.GetOpType()) || len(n.Input) < 2 {
		return nil
	}
	w := f.initial[n.Input[1]]
	if w == nil || f.uses[n.Input[1]] != 1 {
		return nil
	}
	k := &folded{weights: f.floats(w), dims: w.Dims}
	if k.weights == nil || len(w.Dims) < 2 {
		return nil
	}
	inner := int64(len(k.weights)) / w.Dims[0] // numbers of an index of the first axis
	switch {
	case n.GetOpType() == "Conv", n.GetOpType() == "Gemm" && ints["transB"] == 1:
		k.channels = int(w.Dims[0])
		k.channel = func(i int) int { return int(int64(i) / inner) }
	case n.GetOpType() == "Gemm":
		k.channels = int(w.Dims[1])
		k.channel = func(i int) int { return i % int(w.Dims[1]) }
	default: // [in, out/groups, kernel...]
		groups, out := ints["group"], w.Dims[1]
		if groups < 1 || w.Dims[0]%groups != 0 {
			return nil
		}
		kernel := inner / out
		k.channels = int(groups * out)
		k.channel = func(i int) int {
			group := int64(i) / inner / (w.Dims[0] / groups)
			return int(group*out + int64(i)/kernel%out)
		}
	}
	if len(n.Input) > 2 && n.Input[2] != "" {
		b := f.initial[n.Input[2]]
		if b == nil {
			return nil
		}
		if k.bias = f.floats(b); len(k.bias) != k.channels {
			return nil
		}
	}
	return k
}

// store makes the numbers those of the product. A bias that others read keeps its numbers.
func (f affineFolder) store(n *onnxpb.NodeProto, k *folded) {
	w := f.initial[n.Input[1]]
	w.RawData = f.raw(w.GetDataType(), k.weights)
	if k.bias == nil {
		return
	}
	name := f.unique(n.GetName() + "/bias")
	if len(n.Input) > 2 && f.uses[n.Input[2]] == 1 {
		name = n.Input[2]
		f.initial[name].RawData = f.raw(w.GetDataType(), k.bias)
		return
	}
	f.initialiser(name, onnxpb.TensorProto_DataType(w.GetDataType()), []int64{int64(k.channels)}, f.raw(w.GetDataType(), k.bias))
	f.initial[name] = f.graph.Initializer[len(f.graph.Initializer)-1]
	f.uses[name] = 1
	n.Input = append(n.Input[:2:2], name)
}

// settle gives a node initialisers in place of vectors that are made of initialisers.
func (f affineFolder) settle(n *onnxpb.NodeProto) (changed bool) {
	op := n.GetOpType()
	if !slices.Contains([]string{"Add", "Sub", "Mul"}, op) || f.vector(n.Output[0]) != nil {
		return false
	}
	for i, in := range n.Input {
		if f.initial[in] != nil || f.producer[in] == nil {
			continue
		}
		v := f.vector(in)
		shape, varying := static(f.shapes[in])
		if v == nil || varying > 0 || len(v) < 2 {
			continue
		}
		dtype := onnxType(f.float)
		name := f.unique(in + "/value")
		f.initialiser(name, dtype, shape, f.raw(int32(dtype), v))
		n.Input[i], changed = name, true
	}
	return changed
}

// perChannel returns a value that is made of initialisers as one number a channel, where broadcasting to a result of dims
// dimensions repeats it along everything else; else nil.
func (f affineFolder) perChannel(value string, dims, channels int) []float64 {
	v := f.vector(value)
	shape, varying := static(f.shapes[value])
	if v == nil || varying > 0 {
		return nil
	}
	if len(v) == 1 {
		return slices.Repeat(v, channels)
	}
	at := len(shape) - (dims - 1) // where the channels are
	if len(v) != channels || at < 0 || shape[at] != int64(channels) {
		return nil
	}
	return slices.Clone(v)
}

// vector returns the numbers of a value that is made of initialisers, one for each channel or one for all; nil for any other. All that
// it is made of is as long as itself, or one number, so that places agree.
func (f affineFolder) vector(value string) []float64 {
	shape, known := f.shapes[value]
	sizes, varying := static(shape)
	size := int64(1)
	for _, d := range sizes {
		size *= d
	}
	if !known || varying > 0 || size > maxVector || slices.Max(append(slices.Clone(sizes), 1)) != size { // one axis at most is longer than 1
		return nil
	}
	if t := f.initial[value]; t != nil {
		return f.floats(t)
	}
	n := f.producer[value]
	if n == nil {
		return nil
	}
	switch op := n.GetOpType(); op {
	case "Unsqueeze", "Reshape", "Squeeze", "Identity":
		return f.vector(n.Input[0])
	case "Add", "Sub", "Mul", "Div":
		x, y := f.vector(n.Input[0]), f.vector(n.Input[1])
		if x == nil || y == nil {
			return nil
		}
		out := make([]float64, size)
		for i := range out {
			out[i], _ = arithmetic(op, x[i%len(x)], y[i%len(y)])
		}
		return out
	case "Sqrt", "Neg":
		x := slices.Clone(f.vector(n.Input[0]))
		for i, v := range x {
			x[i], _ = arithmetic(op, v, v)
		}
		return x
	}
	return nil
}

// maxVector bounds the vectors that are computed.
const maxVector = 1 << 20

// floats returns the numbers of a float initialiser, nil for another.
func (f affineFolder) floats(t *onnxpb.TensorProto) []float64 {
	switch onnxpb.TensorProto_DataType(t.GetDataType()) {
	case onnxpb.TensorProto_FLOAT:
		out := make([]float64, len(t.RawData)/4)
		for i := range out {
			out[i] = float64(float32At(&onnxpb.TensorProto{RawData: t.RawData[4*i:]}))
		}
		return out
	case onnxpb.TensorProto_DOUBLE:
		out := make([]float64, len(t.RawData)/8)
		for i := range out {
			out[i] = float64At(&onnxpb.TensorProto{RawData: t.RawData[8*i:]})
		}
		return out
	}
	return nil
}

// raw returns numbers as an initialiser of the type holds them.
func (f affineFolder) raw(dtype int32, x []float64) []byte {
	if dtype == int32(onnxpb.TensorProto_DOUBLE) {
		return littleEndian(x)
	}
	narrow := make([]float32, len(x))
	for i, v := range x {
		narrow[i] = float32(v)
	}
	return littleEndian(narrow)
}
