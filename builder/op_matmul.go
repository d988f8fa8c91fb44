package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// matMulOp is a matrix product. Either operand may be read transposed. gorgonia has such products too, but only as
// gradients: a user's Transpose makes a new tensor.
type matMulOp struct {
	opBase
	TransA, TransB bool
}

var _ G.SDOp = matMulOp{}

// MatMulTransposed returns x wᵀ for x [m, k] and w [n, k]: weights as PyTorch keeps them.
func (b *Graph) MatMulTransposed(x, w *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || w == nil || x.Dims() != 2 || w.Dims() != 2 || x.Shape()[1] != w.Shape()[1] {
		return b.fail("a product with a transposed matrix takes [m, k] and [n, k], not %v", shapes(G.Nodes{x, w}))
	}
	return b.apply(matMulOp{TransB: true}, x, w)
}

func (op matMulOp) Arity() int { return 2 }
func (op matMulOp) Type() hm.Type {
	t := typeOf(2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t, t)
}
func (op matMulOp) String() string {
	return fmt.Sprintf("MatMul transposed %t %t", op.TransA, op.TransB)
}
func (op matMulOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op matMulOp) Hashcode() uint32      { return hashcode(op) }
func (op matMulOp) DiffWRT(int) []bool    { return []bool{true, true} }

func (op matMulOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	a, b := in[0].(tensor.Shape), in[1].(tensor.Shape)
	m, k := sides(a, op.TransA)
	l, n := sides(b, op.TransB)
	if k != l {
		return nil, fmt.Errorf("builder: %v of shapes %v and %v", op, a, b)
	}
	return tensor.Shape{m, n}, nil
}

// sides returns the rows and columns of a matrix, or of its transpose.
func sides(s tensor.Shape, transposed bool) (rows, columns int) {
	if transposed {
		return s[1], s[0]
	}
	return s[0], s[1]
}

func (op matMulOp) Do(in ...G.Value) (G.Value, error) {
	to, err := op.InferShape(in[0].Shape(), in[1].Shape())
	if err != nil {
		return nil, err
	}
	m, k := sides(in[0].Shape(), op.TransA)
	n := to[1]
	ta, tb := blas.NoTrans, blas.NoTrans
	if op.TransA {
		ta = blas.Trans
	}
	if op.TransB {
		tb = blas.Trans
	}
	lda, ldb := in[0].Shape()[1], in[1].Shape()[1]
	var g gonum.Implementation
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch a := data[0].(type) {
	case []float32:
		c := make([]float32, m*n)
		g.Sgemm(ta, tb, m, n, k, 1, a, lda, data[1].([]float32), ldb, 0, c, n)
		return valueOf(c, to), nil
	case []float64:
		c := make([]float64, m*n)
		g.Dgemm(ta, tb, m, n, k, 1, a, lda, data[1].([]float64), ldb, 0, c, n)
		return valueOf(c, to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

// SymDiff: with C = A B, dA = dC Bᵀ and dB = Aᵀ dC; a transposed operand's gradient is transposed.
func (op matMulOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	a, b := in[0], in[1]
	var da, db *G.Node
	var err error
	if op.TransA {
		da, err = G.ApplyOp(matMulOp{TransA: op.TransB, TransB: true}, b, grad)
	} else {
		da, err = G.ApplyOp(matMulOp{TransB: !op.TransB}, grad, b)
	}
	if err != nil {
		return nil, err
	}
	if op.TransB {
		db, err = G.ApplyOp(matMulOp{TransA: true, TransB: op.TransA}, grad, a)
	} else {
		db, err = G.ApplyOp(matMulOp{TransA: !op.TransA}, a, grad)
	}
	return G.Nodes{da, db}, err
}

func (op matMulOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	attributes := map[string]any{}
	if op.TransA {
		attributes["transA"] = int64(1)
	}
	if op.TransB {
		attributes["transB"] = int64(1)
	}
	return w.Node("Gemm", attributes, in...), nil
}
