package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// resampleOp makes each number of the result a weighted sum of a picture's numbers, by one map an axis (see [alongOp]): an average
// pool, or an enlargement. Transposed, it is the gradient: the same weights, read the other way.
type resampleOp struct {
	opBase
	Kind         resampling
	Window       window // of an enlargement: sizes, and the scales as kernel
	CountPadding bool
	Transposed   bool
}

// A resampling is the name of a way to weigh.
type resampling string

const (
	average resampling = "average"
	nearest resampling = Nearest
	linear  resampling = Linear
)

var _ G.SDOp = resampleOp{}

// out returns the sizes of what is made of the picture.
func (op resampleOp) out() []int {
	if op.Kind == average {
		return op.Window.out()
	}
	out := slices.Clone(op.Window.Size)
	for i := range out {
		out[i] *= op.Window.Kernel[i]
	}
	return out
}

// sides returns the sizes before and after.
func (op resampleOp) sides() (from, to []int) {
	if op.Transposed {
		return op.out(), op.Window.Size
	}
	return op.Window.Size, op.out()
}

// taps lists what each place along an axis is made of.
func (op resampleOp) taps(axis int) [][]Tap {
	w := op.Window
	taps := make([][]Tap, op.out()[axis])
	for p := range taps {
		switch op.Kind {
		case average:
			count := w.Kernel[axis]
			if !op.CountPadding {
				count = w.seen(axis, p)
			}
			for k := range w.Kernel[axis] {
				if x := w.at(axis, p, k); x >= 0 {
					taps[p] = append(taps[p], Tap{x, 1 / float64(count)})
				}
			}
		case nearest:
			taps[p] = []Tap{{p / w.Kernel[axis], 1}}
		case linear:
			// place = (2p + 1 - scale) / 2scale, in whole numbers so that no rounding moves it
			scale, last := w.Kernel[axis], w.Size[axis]-1
			num := min(max(2*p+1-scale, 0), 2*scale*last)
			at, part := num/(2*scale), float64(num%(2*scale))/float64(2*scale)
			taps[p] = append(taps[p], Tap{at, 1 - part})
			if part > 0 {
				taps[p] = append(taps[p], Tap{at + 1, part})
			}
		}
	}
	return taps
}

// along returns the map of an axis of the picture.
func (op resampleOp) along(axis int) alongOp {
	return alongOp{Dims: len(op.Window.Size) + 2, Axis: axis + 2, Map: sumMap{op.Window.Size[axis], op.taps(axis)}, Adjoint: op.Transposed}
}

func (op resampleOp) Arity() int { return 1 }
func (op resampleOp) Type() hm.Type {
	t := typeOf(len(op.Window.Size)+2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op resampleOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	from, to := op.sides()
	x, ok := in[0].(tensor.Shape)
	if !ok || len(x) != len(from)+2 || !slices.Equal(x[2:], from) {
		return nil, fmt.Errorf("builder: %v of shape %v", op, in[0])
	}
	return slices.Concat(x[:2], to), nil
}

// String names every field: ops are told apart by it.
func (op resampleOp) String() string {
	return fmt.Sprintf("Resample %s %v counting padding %t transposed %t", op.Kind, op.Window, op.CountPadding, op.Transposed)
}
func (op resampleOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op resampleOp) Hashcode() uint32      { return hashcode(op) }
func (op resampleOp) DiffWRT(int) []bool    { return []bool{true} }

// SymDiff: the same weights, read the other way.
func (op resampleOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	op.Transposed = !op.Transposed
	n, err := G.ApplyOp(op, grad)
	return G.Nodes{n}, err
}

func (op resampleOp) Do(in ...G.Value) (G.Value, error) {
	to, err := op.InferShape(in[0].Shape())
	if err != nil {
		return nil, err
	}
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(resample(op, x, in[0].Shape()), to), nil
	case []float64:
		return valueOf(resample(op, x, in[0].Shape()), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

// resample maps one axis after the other.
func resample[T float](op resampleOp, x []T, shape tensor.Shape) []T {
	_, sizes := op.sides()
	for axis, size := range sizes {
		to := shape.Clone()
		to[axis+2] = size
		x, shape = mapAlong(x, shape, to, op.along(axis)), to
	}
	return x
}

// ONNX writes the operator of the kind in float32. The gradient, and everything in float64, which onnxruntime's operators do
// not take, are products with the weights as a matrix, axis by axis. So is a linear enlargement where the batch is fixed:
// onnxruntime's Resize takes twice as long.
// https://onnx.ai/onnx/operators/onnx__AveragePool.html, https://onnx.ai/onnx/operators/onnx__Resize.html
func (op resampleOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	if op.Transposed || w.DType() == onnxFloat64 || op.Kind == linear && shapes[0][0] > 0 {
		return op.products(w, in[0], shapes[0])
	}
	if op.Kind != average {
		scales := []float64{1, 1}
		for _, s := range op.Window.Kernel {
			scales = append(scales, float64(s))
		}
		attributes := map[string]any{"mode": string(op.Kind), "coordinate_transformation_mode": "half_pixel"}
		if op.Kind == nearest {
			attributes["coordinate_transformation_mode"], attributes["nearest_mode"] = "asymmetric", "floor"
		}
		return w.Node("Resize", attributes, in[0], "", w.Numbers(scales, int64(len(scales)))), nil
	}
	if slices.Equal(op.Window.Kernel, op.Window.Size) && !slices.ContainsFunc(op.Window.pads(), func(p int64) bool { return p != 0 }) {
		return w.Node("GlobalAveragePool", nil, in[0]), nil
	}
	attributes := map[string]any{"kernel_shape": int64s(op.Window.Kernel), "strides": int64s(op.Window.Stride), "pads": op.Window.pads()}
	if op.CountPadding {
		attributes["count_include_pad"] = int64(1)
	}
	return w.Node("AveragePool", attributes, in[0]), nil
}

// products writes a product with the weights for each axis: the last one first where the picture shrinks, and last where it
// grows, since that product is the quickest with much to do.
func (op resampleOp) products(w ONNXWriter, x string, shape []int64) (string, error) {
	from, sizes := op.sides()
	order := make([]int, len(from))
	for i := range order {
		order[i] = i
	}
	if sizeOfAll(sizes) < sizeOfAll(from) {
		slices.Reverse(order)
	}
	for _, axis := range order {
		to := slices.Clone(shape)
		to[axis+2] = int64(sizes[axis])
		var err error
		if x, err = op.along(axis).ONNX(w, []string{x}, [][]int64{shape, to}); err != nil {
			return "", err
		}
		shape = to
	}
	return x, nil
}
