package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// bernoulliOp is the log likelihood of Bernoulli values, summed over a row: Σ x l - sp(l). One op, and not a product, a
// softplus, a difference and a sum, since its gradient with respect to l is then x - σ(l) at once, and since a sum of
// logarithms is cheaper than its terms.
type bernoulliOp struct {
	opBase
	Shape tensor.Shape // of x and l: [batch, width]
	// Mean says that x is σ(l), so that x - σ(l) vanishes: the result is the negative entropy, and only what comes
	// through x is differentiated.
	Mean bool
}

var _ G.SDOp = bernoulliOp{}

func (op bernoulliOp) Arity() int { return 2 }
func (op bernoulliOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(2, a), typeOf(2, a), typeOf(1, a))
}
func (op bernoulliOp) InferShape(...G.DimSizer) (tensor.Shape, error) {
	return op.Shape[:1].Clone(), nil
}
func (op bernoulliOp) String() string {
	return fmt.Sprintf("Bernoulli log likelihood %v of mean %t", op.Shape, op.Mean)
}
func (op bernoulliOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op bernoulliOp) Hashcode() uint32      { return hashcode(op) }
func (op bernoulliOp) DiffWRT(int) []bool    { return []bool{true, !op.Mean} }

func (op bernoulliOp) Do(in ...G.Value) (G.Value, error) {
	rows := op.Shape[:1].Clone()
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(logLikelihoods(x, data[1].([]float32), op.Shape), rows), nil
	case []float64:
		return valueOf(logLikelihoods(x, data[1].([]float64), op.Shape), rows), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func logLikelihoods[T float](x, l []T, shape tensor.Shape) []T {
	out := make([]T, shape[0])
	for i := range out {
		at, sum := i*shape[1], 0.0
		for j := at; j < at+shape[1]; j++ {
			sum += float64(x[j])*float64(l[j]) - softplus.at(float64(l[j]))
		}
		out[i] = T(sum)
	}
	return out
}

// SymDiff: d/dl = x - σ(l), d/dx = l.
func (op bernoulliOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	each, err := G.ApplyOp(expandOp{To: op.Shape, Axes: []int{1}}, grad, in[1])
	if err != nil {
		return nil, err
	}
	dx, err := G.HadamardProd(in[1], each)
	if err != nil || op.Mean {
		return G.Nodes{dx, nil}, err
	}
	mean, err := G.ApplyOp(pointwiseOp{Dims: 2, Function: sigmoid}, in[1])
	if err != nil {
		return nil, err
	}
	rest, err := G.Sub(in[0], mean)
	if err != nil {
		return nil, err
	}
	dl, err := G.HadamardProd(rest, each)
	return G.Nodes{dx, dl}, err
}

// ONNX writes Σ (x l - max(l,0)) + Σ ln σ(|l|), in which no term overflows or cancels. onnxruntime's logarithm takes five
// times as long as its sigmoid, so in float32 up to 32 factors, each within [1/2, 1], are multiplied before it is taken:
// the product is no less than 2⁻³².
func (op bernoulliOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	x, l := in[0], in[1]
	row := map[string]any{"keepdims": int64(0)}
	sure := w.Node("Sigmoid", nil, w.Node("Abs", nil, l))
	if k := groupSize(op.Shape[1], 32); k > 1 && w.DType() != onnxFloat64 { // its ReduceProd has no kernel
		sure = w.Node("Reshape", nil, sure, w.Ints(0, int64(op.Shape[1]/k), int64(k)))
		sure = w.Node("ReduceProd", map[string]any{"axes": []int64{2}, "keepdims": int64(0)}, sure)
	}
	linear := w.Node("ReduceSum", row, w.Node("Sub", nil, w.Node("Mul", nil, x, l), w.Node("Relu", nil, l)), w.Ints(1))
	return w.Node("Add", nil, linear, w.Node("ReduceSum", row, w.Node("Log", nil, sure), w.Ints(1))), nil
}

// groupSize returns the largest divisor of n that is at most limit.
func groupSize(n, limit int) int {
	for k := min(n, limit); k > 1; k-- {
		if n%k == 0 {
			return k
		}
	}
	return 1
}
