package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sumOp adds up a tensor over axes, which vanish from its shape; expandOp is its adjoint and repeats a tensor along new
// axes. Each is the other's gradient: gorgonia's own sum differentiates to a reshape that shares memory, a size and one
// repeat an axis.
type sumOp struct {
	opBase
	From tensor.Shape
	Axes []int
}

// expandOp takes the tensor and one of the wanted shape. It does not read the second one's values: its shape holds the
// batch.
type expandOp struct {
	opBase
	To   tensor.Shape
	Axes []int
}

var _, _ G.SDOp = sumOp{}, expandOp{}

// Sum returns the sum of x over the given axes, which vanish; over all of them when none is given.
func (b *Graph) Sum(x *G.Node, axes ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("sum: %w", errNil)
	}
	if len(axes) == 0 {
		for i := range x.Shape() {
			axes = append(axes, i)
		}
	}
	if !areAxes(axes, x.Dims()) {
		return b.fail("sum of shape %v over axes %v: axes are ascending, from 0 to %d", x.Shape(), axes, x.Dims()-1)
	}
	return b.apply(sumOp{From: x.Shape(), Axes: axes}, x)
}

// ExpandLike repeats x along the given axes of like, which x lacks: a bias [n] along axis 0 of [batch, n], or a row's
// number [batch] along axis 1. The values of like are not read.
func (b *Graph) ExpandLike(x, like *G.Node, axes ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || like == nil {
		return b.fail("expand: %w", errNil)
	}
	if !areAxes(axes, like.Dims()) || !slices.Equal(without(like.Shape(), axes), x.Shape()) {
		return b.fail("expand %v along axes %v to %v: the shapes must agree in the other axes", x.Shape(), axes, like.Shape())
	}
	return b.apply(expandOp{To: like.Shape(), Axes: axes}, x, like)
}

// areAxes reports whether axes are some of a tensor's axes, ascending and each once.
func areAxes(axes []int, dims int) bool {
	for i, a := range axes {
		if a < 0 || a >= dims || i > 0 && a <= axes[i-1] {
			return false
		}
	}
	return len(axes) > 0
}

// without returns the shape that remains when axes, ascending, are taken out.
func without(s tensor.Shape, axes []int) tensor.Shape {
	rest := tensor.Shape{}
	for i, d := range s {
		if !slices.Contains(axes, i) {
			rest = append(rest, d)
		}
	}
	return rest
}

func (op sumOp) Arity() int { return 1 }
func (op sumOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(len(op.From), a), typeOf(len(op.From)-len(op.Axes), a))
}
func (op sumOp) InferShape(...G.DimSizer) (tensor.Shape, error) {
	return without(op.From, op.Axes), nil
}
func (op sumOp) String() string        { return fmt.Sprintf("Sum %v over %v", op.From, op.Axes) }
func (op sumOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op sumOp) Hashcode() uint32      { return hashcode(op) }
func (op sumOp) DiffWRT(int) []bool    { return []bool{true} }

func (op sumOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	to := without(op.From, op.Axes)
	switch x := data[0].(type) {
	case []float32:
		return valueOf(sumAxes(x, op.From, op.Axes), to), nil
	case []float64:
		return valueOf(sumAxes(x, op.From, op.Axes), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

func (op sumOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(expandOp{To: op.From, Axes: op.Axes}, grad, in[0])
	return G.Nodes{n}, err
}

// ONNX writes a ReduceSum; over the rows of a matrix whose size is known, as in a bias's gradient, a product with ones,
// which onnxruntime computes two to four times as fast.
func (op sumOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	if rows := shapes[0][0]; len(op.From) == 2 && slices.Equal(op.Axes, []int{0}) && rows > 0 {
		return w.Node("MatMul", nil, w.Numbers(ones(rows), rows), in[0]), nil
	}
	return w.Node("ReduceSum", map[string]any{"keepdims": int64(0)}, in[0], w.Ints(int64s(op.Axes)...)), nil
}

func ones(n int64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

func (op expandOp) Arity() int { return 2 }
func (op expandOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(len(op.To)-len(op.Axes), a), typeOf(len(op.To), a), typeOf(len(op.To), a))
}
func (op expandOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.To.Clone(), nil }
func (op expandOp) String() string                                 { return fmt.Sprintf("Expand to %v along %v", op.To, op.Axes) }
func (op expandOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op expandOp) Hashcode() uint32                               { return hashcode(op) }
func (op expandOp) DiffWRT(int) []bool                             { return []bool{true, false} }

func (op expandOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(expandAxes(x, op.To, op.Axes), op.To), nil
	case []float64:
		return valueOf(expandAxes(x, op.To, op.Axes), op.To), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

func (op expandOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(sumOp{From: op.To, Axes: op.Axes}, grad)
	return G.Nodes{n, nil}, err
}

func (op expandOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	x, axes := in[0], trailing(op.Axes, len(op.To))
	if len(axes) > 0 { // ONNX aligns shapes at their ends: only leading axes may be missing
		x = w.Node("Unsqueeze", nil, x, w.Ints(int64s(axes)...))
	}
	to := shapes[len(shapes)-1]
	if slices.Contains(to, -1) {
		return w.Node("Expand", nil, x, w.Node("Shape", nil, in[1])), nil
	}
	return w.Node("Expand", nil, x, w.Ints(to...)), nil
}

// trailing returns where an Unsqueeze has to put axes of size 1 so that what remains to be added leads the shape. The
// positions are those in the unsqueezed shape.
func trailing(axes []int, dims int) []int {
	lead := 0
	for lead < len(axes) && axes[lead] == lead {
		lead++
	}
	rest := make([]int, 0, len(axes)-lead)
	for _, a := range axes[lead:] {
		rest = append(rest, a-lead)
	}
	return rest
}

func int64s(s []int) []int64 {
	r := make([]int64, len(s))
	for i, v := range s {
		r[i] = int64(v)
	}
	return r
}

// valueOf wraps data as gorgonia wants it: a scalar value for no dimensions, a tensor otherwise.
func valueOf[T float](data []T, shape tensor.Shape) G.Value {
	if len(shape) == 0 {
		switch x := any(data[0]).(type) {
		case float32:
			return G.NewF32(x)
		case float64:
			return G.NewF64(x)
		}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// reducedStrides returns how far the reduced tensor moves when an axis of the full one advances by one: 0 for the axes
// that are summed or repeated.
func reducedStrides(full tensor.Shape, axes []int) []int {
	strides := make([]int, len(full))
	step := 1
	for i := len(full) - 1; i >= 0; i-- {
		if !slices.Contains(axes, i) {
			strides[i] = step
			step *= full[i]
		}
	}
	return strides
}

// walk calls f for each run along the last axis with the run's place in the full and in the reduced tensor.
func walk(full tensor.Shape, strides []int, f func(full, reduced int)) {
	last := len(full) - 1
	index := make([]int, last)
	for at, reduced := 0, 0; ; {
		f(at, reduced)
		at += full[last]
		i := last - 1
		for ; i >= 0; i-- {
			index[i]++
			reduced += strides[i]
			if index[i] < full[i] {
				break
			}
			reduced -= strides[i] * full[i]
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func sumAxes[T float](x []T, from tensor.Shape, axes []int) []T {
	out := make([]T, without(from, axes).TotalSize())
	strides, n := reducedStrides(from, axes), from[len(from)-1]
	walk(from, strides, func(at, to int) {
		row := x[at : at+n]
		if strides[len(strides)-1] == 0 {
			var s T
			for _, v := range row {
				s += v
			}
			out[to] += s
			return
		}
		dst := out[to : to+n]
		for i, v := range row {
			dst[i] += v
		}
	})
	return out
}

func expandAxes[T float](x []T, to tensor.Shape, axes []int) []T {
	out := make([]T, to.TotalSize())
	strides, n := reducedStrides(to, axes), to[len(to)-1]
	walk(to, strides, func(at, from int) {
		row := out[at : at+n]
		if strides[len(strides)-1] != 0 {
			copy(row, x[from:from+n])
			return
		}
		for i := range row {
			row[i] = x[from]
		}
	})
	return out
}
