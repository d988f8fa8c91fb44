package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// alongOp maps a tensor linearly along one of its axes, which is not the batch's: each element of the result is a sum of a few elements,
// weighted. Slices, padding, indexing, repetition and interpolation are such maps. With Adjoint it is the map's transpose, which is its
// gradient; so each is the other's.
type alongOp struct {
	opBase
	Dims, Axis int
	Map        axisMap
	Adjoint    bool
}

// An axisMap says of which elements of an axis those of another are made.
type axisMap interface {
	fmt.Stringer // names every field
	sizes() (from, to int)
	taps(to int) []Tap // what element to is made of
	// onnx and onnxAdjoint write the map and its transpose; "" leaves it to a product with a matrix.
	onnx(w ONNXWriter, x string, axis, dims int) string
	onnxAdjoint(w ONNXWriter, x string, axis, dims int) string
}

// A Tap is an element of an axis and its weight in a sum.
type Tap struct {
	At     int
	Weight float64
}

var _ G.SDOp = alongOp{}

// along applies a map to axis of x.
func (b *Graph) along(x *G.Node, axis int, m axisMap) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("%v: %w", m, errNil)
	}
	from, to := m.sizes()
	switch {
	case axis < 1 || axis >= x.Dims():
		return b.fail("%v along axis %d of shape %v: axes are those of a row, from 1 to %d", m, axis, x.Shape(), x.Dims()-1)
	case x.Shape()[axis] != from:
		return b.fail("%v along axis %d of shape %v: that axis has %d elements", m, axis, x.Shape(), x.Shape()[axis])
	}
	shape := x.Shape().Clone()
	shape[axis] = to
	if _, err := sizeOf(shape); err != nil {
		return b.fail("%v: %w", m, err)
	}
	return b.apply(alongOp{Dims: x.Dims(), Axis: axis, Map: m}, x)
}

func (op alongOp) Arity() int { return 1 }
func (op alongOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op alongOp) String() string {
	s := fmt.Sprintf("%v along axis %d of %d", op.Map, op.Axis, op.Dims)
	if op.Adjoint {
		s += ", transposed"
	}
	return s
}
func (op alongOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op alongOp) Hashcode() uint32      { return hashcode(op) }
func (op alongOp) DiffWRT(int) []bool    { return []bool{true} }

func (op alongOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	to := in[0].(tensor.Shape).Clone()
	to[op.Axis] = op.size()
	return to, nil
}

// size returns how many elements the result has along the axis.
func (op alongOp) size() int {
	from, to := op.Map.sizes()
	if op.Adjoint {
		return from
	}
	return to
}

func (op alongOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	from := in[0].Shape()
	to := from.Clone()
	to[op.Axis] = op.size()
	switch x := data[0].(type) {
	case []float32:
		return valueOf(mapAlong(x, from, to, op), to), nil
	case []float64:
		return valueOf(mapAlong(x, from, to, op), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

func (op alongOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	op.Adjoint = !op.Adjoint
	n, err := G.ApplyOp(op, grad)
	return G.Nodes{n}, err
}

func mapAlong[T float](x []T, from, to tensor.Shape, op alongOp) []T {
	y := make([]T, to.TotalSize())
	inner := tensor.Shape(from[op.Axis+1:]).TotalSize()
	read, write := from[op.Axis]*inner, to[op.Axis]*inner
	_, size := op.Map.sizes()
	for i := range size {
		for _, t := range op.Map.taps(i) {
			source, target := t.At*inner, i*inner
			if op.Adjoint {
				source, target = target, source
			}
			weight := T(t.Weight)
			for ; source < len(x); source, target = source+read, target+write {
				addScaled(y[target:target+inner], x[source:source+inner], weight)
			}
		}
	}
	return y
}

// addScaled adds x times a weight to y. With weight 1 no bit of x is lost, an infinity included.
func addScaled[T float](y, x []T, weight T) {
	for i, v := range x {
		y[i] += weight * v
	}
}

func (op alongOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	write := op.Map.onnx
	if op.Adjoint {
		write = op.Map.onnxAdjoint
	}
	if y := write(w, in[0], op.Axis, op.Dims); y != "" {
		return y, nil
	}
	from, to := op.Map.sizes()
	rows, columns := to, from
	at := func(i, at int) int { return i*from + at }
	last := op.Axis == op.Dims-1
	if op.Adjoint != last { // on the right of the last axis, a map's matrix is transposed
		rows, columns = from, to
		at = func(i, at int) int { return at*to + i }
	}
	matrix := make([]float64, from*to)
	for i := range to {
		for _, t := range op.Map.taps(i) {
			matrix[at(i, t.At)] += t.Weight
		}
	}
	m := w.Numbers(matrix, int64(rows), int64(columns))
	switch {
	case last:
		return w.Node("MatMul", nil, in[0], m), nil
	case op.Axis == op.Dims-2:
		return w.Node("MatMul", nil, m, in[0]), nil
	}
	inner := int64(1)
	for _, d := range shapes[0][op.Axis+1:] {
		inner *= d
	}
	flat := w.Node("Reshape", nil, in[0], w.Ints(append(slices.Clone(shapes[0][:op.Axis+1]), inner)...))
	return w.Node("Reshape", nil, w.Node("MatMul", nil, m, flat), w.Ints(shapes[1]...)), nil
}
