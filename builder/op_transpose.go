package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// transposeOp puts a tensor's axes in another order, in a copy. gorgonia's own gives a view, which its other ops read in
// the wrong order in places.
type transposeOp struct {
	opBase
	Perm []int
}

var _ G.SDOp = transposeOp{}

// Transpose returns x with its axes in another order: axis i of the result is axis perm[i] of x. The numbers of perm are
// 0 to the rank less 1, each once.
func (b *Graph) Transpose(x *G.Node, perm ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("transpose: %w", errNil)
	}
	if !isPermutation(perm, x.Dims()) {
		return b.fail("transpose %v by %v: name each of the axes 0 to %d once", x.Shape(), perm, x.Dims()-1)
	}
	if isSorted(perm) {
		return x
	}
	return b.apply(transposeOp{Perm: append([]int(nil), perm...)}, x)
}

func isPermutation(perm []int, n int) bool {
	seen := make([]bool, n)
	for _, p := range perm {
		if p < 0 || p >= n || seen[p] {
			return false
		}
		seen[p] = true
	}
	return len(perm) == n && n > 0
}

func isSorted(perm []int) bool {
	for i, p := range perm {
		if i != p {
			return false
		}
	}
	return true
}

func (op transposeOp) Arity() int { return 1 }
func (op transposeOp) Type() hm.Type {
	t := typeOf(len(op.Perm), hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op transposeOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return permuted(in[0].(tensor.Shape), op.Perm), nil
}
func (op transposeOp) String() string        { return fmt.Sprintf("Transpose %v", op.Perm) }
func (op transposeOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op transposeOp) Hashcode() uint32      { return hashcode(op) }
func (op transposeOp) DiffWRT(int) []bool    { return []bool{true} }

func permuted(x, perm []int) tensor.Shape {
	y := make(tensor.Shape, len(perm))
	for i, p := range perm {
		y[i] = x[p]
	}
	return y
}

func (op transposeOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	switch x := data[0].(type) {
	case []float32:
		return valueOf(transpose(x, shape, op.Perm), permuted(shape, op.Perm)), nil
	case []float64:
		return valueOf(transpose(x, shape, op.Perm), permuted(shape, op.Perm)), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func transpose[T float](x []T, shape, perm []int) []T {
	strides := make([]int, len(shape)) // of x
	for i, step := len(shape)-1, 1; i >= 0; i-- {
		strides[i], step = step, step*shape[i]
	}
	out, to := make([]T, len(x)), permuted(shape, perm)
	steps, index := permuted(strides, perm), make([]int, len(perm))
	at := 0
	for i := range out {
		out[i] = x[at]
		for a := len(to) - 1; a >= 0; a-- {
			index[a]++
			at += steps[a]
			if index[a] < to[a] {
				break
			}
			at -= steps[a] * to[a]
			index[a] = 0
		}
	}
	return out
}

// SymDiff: the gradient has its axes put back.
func (op transposeOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	back := make([]int, len(op.Perm))
	for i, p := range op.Perm {
		back[p] = i
	}
	n, err := G.ApplyOp(transposeOp{Perm: back}, grad)
	return G.Nodes{n}, err
}

// ONNX writes a Transpose. https://onnx.ai/onnx/operators/onnx__Transpose.html
func (op transposeOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Transpose", map[string]any{"perm": int64s(op.Perm)}, in[0]), nil
}
