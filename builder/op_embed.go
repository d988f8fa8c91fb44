package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// embedOp takes the rows of a table [rows, width] that whole numbers x [...] name: y[..., :] = table[x[...], :]. embedGradOp is its
// adjoint: it adds each piece of the gradient to its row of a table of zeros, in row-major order, so that sums are the same everywhere.
type embedOp struct {
	opBase
	Table tensor.Shape
	Dims  int // of x
}

type embedGradOp embedOp

var _ G.SDOp = embedOp{}

// maxEmbedded bounds the rows of a table: from 2²⁴ on, float32 no longer holds every whole number.
const maxEmbedded = 1 << 24

// Embedding returns the rows of a trained table [rows, width] that the whole numbers x [batch, ...] name, from 0 up to rows-1: the result is
// [batch, ..., width]. The table is the parameter "<name>/weight", drawn from N(0, 1) as PyTorch does. Fractions are cut off; a
// number outside of the table is an error of the run. No gradient passes to x.
func (b *Graph) Embedding(name string, x *G.Node, rows, width int) *G.Node {
	return b.In(name, func() *G.Node {
		switch {
		case b.err != nil:
			return nil
		case x == nil || x.Dims() == 0:
			return b.fail("an embedding takes a batch of whole numbers, not %v", shapes(G.Nodes{x}))
		case rows < 1 || width < 1 || rows > maxEmbedded:
			return b.fail("an embedding has %d rows of %d numbers: use 1 to %d rows of at least one", rows, width, maxEmbedded)
		}
		table := b.Parameter("weight", StandardNormal, rows, width)
		if b.err != nil {
			return nil
		}
		return b.apply(embedOp{Table: table.Shape(), Dims: x.Dims()}, table, x)
	})
}

// StandardNormal draws from N(0, 1), for tables whose rows are chosen.
func StandardNormal(dst []float64, _ []int, normal func([]float64)) { normal(dst) }

// chosen returns the rows that numbers name, of a table of so many.
func chosen[T float](x []T, rows int) ([]int, error) {
	at := make([]int, len(x))
	for i, v := range x {
		if !(v > -1 && v < T(rows)) {
			return nil, fmt.Errorf("builder: an embedding of %d rows got the number %g: use whole numbers from 0 to %d", rows, float64(v), rows-1)
		}
		at[i] = int(v)
	}
	return at, nil
}

func (op embedOp) Arity() int { return 2 }
func (op embedOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(2, a), typeOf(op.Dims, a), typeOf(op.Dims+1, a))
}
func (op embedOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return append(in[1].(tensor.Shape).Clone(), op.Table[1]), nil
}
func (op embedOp) String() string {
	return fmt.Sprintf("Embed in %v of rank %d", op.Table, op.Dims)
}
func (op embedOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op embedOp) Hashcode() uint32      { return hashcode(op) }
func (op embedOp) DiffWRT(int) []bool    { return []bool{true, false} }

func (op embedOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	shape := append(in[1].Shape().Clone(), op.Table[1])
	switch table := data[0].(type) {
	case []float32:
		out, err := embed(table, data[1].([]float32), op.Table)
		return valueOf(out, shape), err
	case []float64:
		out, err := embed(table, data[1].([]float64), op.Table)
		return valueOf(out, shape), err
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func embed[T float](table, x []T, shape tensor.Shape) ([]T, error) {
	at, err := chosen(x, shape[0])
	width := shape[1]
	out := make([]T, len(x)*width)
	for i, k := range at {
		copy(out[i*width:][:width], table[k*width:])
	}
	return out, err
}

func (op embedOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(embedGradOp(op), grad, in[1])
	return G.Nodes{n, nil}, err
}

// ONNX writes Gather, which takes numbers below 0 from the table's end: they are made such that it refuses them.
func (op embedOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	at := onnxWhole(w, in[1])
	at = w.Node("Where", nil, w.Node("Less", nil, at, w.Ints(0)), w.Ints(int64(op.Table[0])), at)
	return w.Node("Gather", map[string]any{"axis": int64(0)}, in[0], at), nil
}

// onnxWhole writes numbers as int64.
func onnxWhole(w ONNXWriter, numbers string) string {
	return w.Node("Cast", map[string]any{"to": int64(onnxInt64)}, numbers)
}

func (op embedGradOp) Arity() int { return 2 }
func (op embedGradOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(op.Dims+1, a), typeOf(op.Dims, a), typeOf(2, a))
}
func (op embedGradOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Table.Clone(), nil }
func (op embedGradOp) String() string {
	return fmt.Sprintf("Embed gradient in %v of rank %d", op.Table, op.Dims)
}
func (op embedGradOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op embedGradOp) Hashcode() uint32      { return hashcode(op) }

func (op embedGradOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch g := data[0].(type) {
	case []float32:
		out, err := addRows(g, data[1].([]float32), op.Table)
		return valueOf(out, op.Table.Clone()), err
	case []float64:
		out, err := addRows(g, data[1].([]float64), op.Table)
		return valueOf(out, op.Table.Clone()), err
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func addRows[T float](grad, x []T, shape tensor.Shape) ([]T, error) {
	at, err := chosen(x, shape[0])
	width := shape[1]
	out := make([]T, shape.TotalSize())
	for i, k := range at {
		row := out[k*width:][:width]
		for j, g := range grad[i*width:][:width] {
			row[j] += g
		}
	}
	return out, err
}

// ONNX writes ScatterElements: onnxruntime's CPU adds its numbers up one by one, in order, also where a row occurs twice.
func (op embedGradOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	rows, width := int64(op.Table[0]), int64(op.Table[1])
	at := onnxWhole(w, w.Node("Reshape", nil, in[1], w.Ints(-1, 1)))
	at = w.Node("Expand", nil, at, w.Ints(1, width))
	grad := w.Node("Reshape", nil, in[0], w.Ints(-1, width))
	zeros := w.Node("Expand", nil, w.Numbers([]float64{0}), w.Ints(rows, width))
	return w.Node("ScatterElements", map[string]any{"axis": int64(0), "reduction": "add"}, zeros, at, grad), nil
}
