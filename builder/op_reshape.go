package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// reshapeOp gives a tensor another shape of the same size, in a copy. See [opBase] for why gorgonia.Reshape is not used.
type reshapeOp struct {
	opBase
	From, To tensor.Shape
}

var _ G.SDOp = reshapeOp{}

// Reshape returns x in another shape of the same size, in row-major order.
func (b *Graph) Reshape(x *G.Node, to ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("reshape: %w", errNil)
	}
	size, err := sizeOf(to)
	if err != nil {
		return b.fail("reshape: %w", err)
	}
	if x.Shape().TotalSize() != size {
		return b.fail("reshape: %v has %d values, %v wants %d", x.Shape(), x.Shape().TotalSize(), to, size)
	}
	if slices.Equal(x.Shape(), tensor.Shape(to)) { // not Shape.Eq, which calls [n] and [1,n] equal
		return x
	}
	if x.Dims() == 0 || len(to) == 0 {
		return b.fail("reshape: %v to %v: a scalar stays one, use ExpandLike or Sum", x.Shape(), to)
	}
	y := b.apply(reshapeOp{From: x.Shape(), To: tensor.Shape(to).Clone()}, x)
	if y != nil {
		b.source[y] = x
	}
	return y
}

func (op reshapeOp) Arity() int { return 1 }
func (op reshapeOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(len(op.From), a), typeOf(len(op.To), a))
}
func (op reshapeOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.To.Clone(), nil }
func (op reshapeOp) String() string                                 { return fmt.Sprintf("Reshape %v to %v", op.From, op.To) }
func (op reshapeOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op reshapeOp) Hashcode() uint32                               { return hashcode(op) }
func (op reshapeOp) DiffWRT(int) []bool                             { return []bool{true} }

func (op reshapeOp) Do(in ...G.Value) (G.Value, error) {
	x, ok := in[0].(*tensor.Dense)
	if !ok {
		return nil, fmt.Errorf("builder: %v got a %T, wants a *tensor.Dense", op, in[0])
	}
	y, err := rowmajor.Dense(x)
	if err != nil {
		return nil, fmt.Errorf("builder: %v: %w", op, err)
	}
	if y == x {
		y = x.Clone().(*tensor.Dense)
	}
	return y, y.Reshape(op.To...)
}

func (op reshapeOp) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(reshapeOp{From: op.To, To: op.From}, grad)
	return G.Nodes{n}, err
}

func (op reshapeOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	return w.Node("Reshape", nil, in[0], w.Ints(shapes[len(shapes)-1]...)), nil
}
