package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// partOp takes one number of each group along the last axis, which vanishes; placeOp is its adjoint and puts zeros around
// each number. Each is the other's gradient.
type partOp struct {
	opBase
	From tensor.Shape
	At   int
}

type placeOp struct {
	opBase
	To tensor.Shape
	At int
}

// pairOp puts two numbers next to each other along a new last axis: [...] and [...] make [..., 2]. Where Shared is set, the
// second operand is [1], one number that is repeated.
type pairOp struct {
	opBase
	Of     tensor.Shape
	Shared bool
}

var _, _, _ G.SDOp = partOp{}, placeOp{}, pairOp{}

// Part returns the numbers at a place of the last axis, which vanishes: of [..., k] a tensor [...], for at from 0 to k-1.
func (b *Graph) Part(x *G.Node, at int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() < 2 || at < 0 || at >= x.Shape()[x.Dims()-1] {
		return b.fail("part %d of %v: it takes at least two axes, and a place on the last", at, shapes(G.Nodes{x}))
	}
	if y := b.paired(x, at); y != nil || b.err != nil {
		return y
	}
	return b.apply(partOp{From: x.Shape(), At: at}, x)
}

// paired returns the operand of which a pair was made, nil where x is no pair, or a reshape of one that keeps its pairs.
func (b *Graph) paired(x *G.Node, at int) *G.Node {
	of, source := x.Shape()[:x.Dims()-1], x
	if s, ok := b.source[x]; ok {
		source = s
	}
	op, ok := source.Op().(pairOp)
	if !ok || x.Shape()[x.Dims()-1] != 2 {
		return nil
	}
	operands, err := exprgraph.Operands(source)
	if err != nil {
		return b.fail("part: %w", err)
	}
	if at == 1 && op.Shared {
		return b.repeated(operands[1], b.Reshape(operands[0], of...))
	}
	return b.Reshape(operands[at], of...)
}

// repeated returns the one number of x [1] in the shape of like.
func (b *Graph) repeated(x, like *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	axes := make([]int, like.Dims())
	for i := range axes {
		axes[i] = i
	}
	return b.ExpandLike(b.Sum(x), like, axes...)
}

// Pair returns x and y next to each other along a new last axis, [..., 2]. y has the shape of x, or is [1].
func (b *Graph) Pair(x, y *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || y == nil {
		return b.fail("pair: %w", errNil)
	}
	shared := !slices.Equal(x.Shape(), y.Shape())
	if x.Dims() == 0 || shared && !slices.Equal(y.Shape(), tensor.Shape{1}) {
		return b.fail("pair of shapes %v: they must be equal, or the second [1]", shapes(G.Nodes{x, y}))
	}
	return b.apply(pairOp{Of: x.Shape(), Shared: shared}, x, y)
}

func (op partOp) to() tensor.Shape { return op.From[:len(op.From)-1] }

func (op partOp) Arity() int { return 1 }
func (op partOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(len(op.From), a), typeOf(len(op.From)-1, a))
}
func (op partOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.to().Clone(), nil }
func (op partOp) String() string                                 { return fmt.Sprintf("Part %d of %v", op.At, op.From) }
func (op partOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op partOp) Hashcode() uint32                               { return hashcode(op) }
func (op partOp) DiffWRT(int) []bool                             { return []bool{true} }

func (op partOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	k := op.From[len(op.From)-1]
	switch x := data[0].(type) {
	case []float32:
		return valueOf(part(x, op.At, k), op.to().Clone()), nil
	case []float64:
		return valueOf(part(x, op.At, k), op.to().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func part[T float](x []T, at, k int) []T {
	out := make([]T, len(x)/k)
	for i := range out {
		out[i] = x[i*k+at]
	}
	return out
}

func (op partOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(placeOp{To: op.From, At: op.At}, grad)
	return G.Nodes{n}, err
}

func (op partOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	last, at := int64(len(op.From)-1), int64(op.At)
	return w.Node("Squeeze", nil, w.Node("Slice", nil, in[0], w.Ints(at), w.Ints(at+1), w.Ints(last)), w.Ints(last)), nil
}

func (op placeOp) Arity() int { return 1 }
func (op placeOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(len(op.To)-1, a), typeOf(len(op.To), a))
}
func (op placeOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.To.Clone(), nil }
func (op placeOp) String() string                                 { return fmt.Sprintf("Place at %d of %v", op.At, op.To) }
func (op placeOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op placeOp) Hashcode() uint32                               { return hashcode(op) }
func (op placeOp) DiffWRT(int) []bool                             { return []bool{true} }

func (op placeOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	k := op.To[len(op.To)-1]
	switch x := data[0].(type) {
	case []float32:
		return valueOf(place(x, op.At, k), op.To.Clone()), nil
	case []float64:
		return valueOf(place(x, op.At, k), op.To.Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func place[T float](x []T, at, k int) []T {
	out := make([]T, len(x)*k)
	for i, v := range x {
		out[i*k+at] = v
	}
	return out
}

func (op placeOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(partOp{From: op.To, At: op.At}, grad)
	return G.Nodes{n}, err
}

func (op placeOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return padLast(w, in[0], len(op.To), op.At, op.To[len(op.To)-1]-1-op.At), nil
}

// padLast gives x a new last axis, of rank dims then, with zeros before and behind each number.
func padLast(w ONNXWriter, x string, dims, before, behind int) string {
	pads := make([]int64, 2*dims)
	pads[dims-1], pads[2*dims-1] = int64(before), int64(behind)
	return w.Node("Pad", nil, w.Node("Unsqueeze", nil, x, w.Ints(int64(dims-1))), w.Ints(pads...))
}

func (op pairOp) to() tensor.Shape { return append(op.Of.Clone(), 2) }

func (op pairOp) Arity() int { return 2 }
func (op pairOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	second := typeOf(len(op.Of), a)
	if op.Shared {
		second = typeOf(1, a)
	}
	return hm.NewFnType(typeOf(len(op.Of), a), second, typeOf(len(op.Of)+1, a))
}
func (op pairOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.to(), nil }
func (op pairOp) String() string                                 { return fmt.Sprintf("Pair of %v, shared %t", op.Of, op.Shared) }
func (op pairOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op pairOp) Hashcode() uint32                               { return hashcode(op) }
func (op pairOp) DiffWRT(int) []bool                             { return []bool{true, true} }

func (op pairOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(pair(x, data[1].([]float32)), op.to()), nil
	case []float64:
		return valueOf(pair(x, data[1].([]float64)), op.to()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func pair[T float](x, y []T) []T {
	out := make([]T, 2*len(x))
	for i, v := range x {
		out[2*i], out[2*i+1] = v, y[i%len(y)]
	}
	return out
}

func (op pairOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(partOp{From: op.to(), At: 0}, grad)
	if err != nil {
		return nil, err
	}
	dy, err := G.ApplyOp(partOp{From: op.to(), At: 1}, grad)
	if err != nil || !op.Shared {
		return G.Nodes{dx, dy}, err
	}
	all := tensor.Shape{op.Of.TotalSize(), 1}
	if dy, err = G.ApplyOp(reshapeOp{From: op.Of, To: all}, dy); err != nil {
		return nil, err
	}
	dy, err = G.ApplyOp(sumOp{From: all, Axes: []int{0}}, dy)
	return G.Nodes{dx, dy}, err
}

// ONNX writes a Concat. A shared number is added to zeros, so that the batch, which no graph holds, need not be known.
func (op pairOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	dims := len(op.Of) + 1
	if op.Shared {
		zeroAnd := w.Node("Concat", map[string]any{"axis": int64(0)}, w.Numbers([]float64{0}, 1), in[1])
		return w.Node("Add", nil, padLast(w, in[0], dims, 0, 1), zeroAnd), nil
	}
	axis := w.Ints(int64(dims - 1))
	return w.Node("Concat", map[string]any{"axis": int64(dims - 1)}, w.Node("Unsqueeze", nil, in[0], axis), w.Node("Unsqueeze", nil, in[1], axis)), nil
}
