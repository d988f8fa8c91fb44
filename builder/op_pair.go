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

// pairOp puts two numbers next to each other along a new last axis: [...] and [...] make [..., 2]. Where Shared is set, the
// second operand is [1], one number that is repeated.
type pairOp struct {
	opBase
	Of     tensor.Shape
	Shared bool
}

var _ G.SDOp = pairOp{}

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
	last := x.Dims() - 1
	return b.Reshape(b.Slice(x, last, at, 1, 1), x.Shape()[:last]...)
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
	part := func(at int) (*G.Node, error) {
		n, err := G.ApplyOp(alongOp{Dims: len(op.Of) + 1, Axis: len(op.Of), Map: sliceMap{2, at, 1, 1}}, grad)
		if err != nil {
			return nil, err
		}
		return G.ApplyOp(reshapeOp{From: n.Shape(), To: op.Of}, n)
	}
	dx, err := part(0)
	if err != nil {
		return nil, err
	}
	dy, err := part(1)
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
	last := len(op.Of)
	axis := w.Ints(int64(last))
	first := w.Node("Unsqueeze", nil, in[0], axis)
	if op.Shared {
		zeroAnd := w.Node("Concat", map[string]any{"axis": int64(0)}, w.Numbers([]float64{0}, 1), in[1])
		return w.Node("Add", nil, onnxPad(w, first, last, last+1, 0, 1), zeroAnd), nil
	}
	return w.Node("Concat", map[string]any{"axis": int64(last)}, first, w.Node("Unsqueeze", nil, in[1], axis)), nil
}
