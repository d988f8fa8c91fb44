package export_test

import (
	"context"
	"errors"
	"fmt"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// opCase is a small graph around one operation: x and y are inputs of [batch, 3], away from the edges of the operation's
// domain. The loss is differentiated with respect to w, a parameter of [3, 3], so that gradients are exported too.
type opCase struct {
	kinds []string // rows of the table that the graph must use
	f     func(x, y, w *G.Node) *G.Node
	flat  bool // the operation has no gradient, or gorgonia's is wrong
	only  bool // gorgonia's machine cannot run it: docs/gorgonia.md's test compares it with plain loops
}

// picture gives x·w the shape [batch, 1, 1, 3] of a picture with one channel and one row.
func picture(x, w *G.Node) *G.Node {
	return must(G.Reshape(xw(x, w), tensor.Shape{x.Shape()[0], 1, 1, 3}))
}

func pictureCase(f func(p *G.Node) (*G.Node, error)) func(x, y, w *G.Node) *G.Node {
	return func(x, _, w *G.Node) *G.Node { return must(f(picture(x, w))) }
}

func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// xw is x·w: what makes an operation's operand depend on a parameter.
func xw(x, w *G.Node) *G.Node { return must(G.Mul(x, w)) }

// positive is a positive operand that depends on the parameter.
func positive(x, w *G.Node) *G.Node {
	return must(G.Add(must(G.Square(xw(x, w))), G.NewConstant(one(x))))
}

func one(x *G.Node) any {
	if x.Dtype() == tensor.Float32 {
		return float32(1)
	}
	return 1.0
}

func unaryCase(f func(*G.Node) (*G.Node, error)) func(x, y, w *G.Node) *G.Node {
	return func(x, _, w *G.Node) *G.Node { return must(f(xw(x, w))) }
}

func unaryPositive(f func(*G.Node) (*G.Node, error)) func(x, y, w *G.Node) *G.Node {
	return func(x, _, w *G.Node) *G.Node { return must(f(positive(x, w))) }
}

func binaryCase(f func(a, b *G.Node) (*G.Node, error)) func(x, y, w *G.Node) *G.Node {
	return func(x, y, w *G.Node) *G.Node { return must(f(xw(x, w), y)) }
}

func compareCase(f func(a, b *G.Node, same bool) (*G.Node, error)) func(x, y, w *G.Node) *G.Node {
	return func(x, y, w *G.Node) *G.Node { return must(G.HadamardProd(xw(x, w), must(f(x, y, true)))) }
}

var opCases = map[string]opCase{
	"add":          {kinds: []string{"binary +"}, f: binaryCase(G.Add)},
	"sub":          {kinds: []string{"binary -"}, f: binaryCase(G.Sub)},
	"mul":          {kinds: []string{"binary ⊙"}, f: binaryCase(G.HadamardProd)},
	"div":          {kinds: []string{"binary ÷"}, f: func(x, y, w *G.Node) *G.Node { return must(G.HadamardDiv(y, positive(x, w))) }},
	"pow":          {kinds: []string{"binary ^"}, f: func(x, y, w *G.Node) *G.Node { return must(G.Pow(x, y)) }, flat: true},
	"lt":           {kinds: []string{"binary <"}, f: compareCase(G.Lt)},
	"lte":          {kinds: []string{"binary <="}, f: compareCase(G.Lte)},
	"gt":           {kinds: []string{"binary >"}, f: compareCase(G.Gt)},
	"gte":          {kinds: []string{"binary >="}, f: compareCase(G.Gte)},
	"eq":           {kinds: []string{"binary =="}, f: compareCase(G.Eq)},
	"ne":           {kinds: []string{"binary !="}, f: compareCase(G.Ne)},
	"scalar":       {kinds: []string{"binary +"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Add(xw(x, w), G.NewConstant(one(x)))) }},
	"abs, sign":    {kinds: []string{"unary abs", "unary sign"}, f: unaryCase(G.Abs)},
	"ceil":         {kinds: []string{"unary ceil"}, f: unaryCase(G.Ceil), flat: true},
	"floor":        {kinds: []string{"unary floor"}, f: unaryCase(G.Floor), flat: true},
	"sin, cos":     {kinds: []string{"unary sin", "unary cos"}, f: unaryCase(G.Sin)},
	"cos":          {kinds: []string{"unary cos"}, f: unaryCase(G.Cos)},
	"exp":          {kinds: []string{"unary exp"}, f: unaryCase(G.Exp)},
	"log":          {kinds: []string{"unary ln"}, f: unaryPositive(G.Log)},
	"log2":         {kinds: []string{"unary log2"}, f: unaryPositive(G.Log2), flat: true},
	"neg":          {kinds: []string{"unary neg"}, f: unaryCase(G.Neg)},
	"square":       {kinds: []string{"unary square"}, f: unaryCase(G.Square)},
	"sqrt":         {kinds: []string{"unary sqrt"}, f: unaryPositive(G.Sqrt)},
	"inverse":      {kinds: []string{"unary inv"}, f: unaryPositive(G.Inverse)},
	"inverse sqrt": {kinds: []string{"unary invSqrt"}, f: unaryPositive(G.InverseSqrt), flat: true},
	"cube":         {kinds: []string{"unary cube"}, f: unaryCase(G.Cube)},
	"tanh":         {kinds: []string{"unary tanh"}, f: unaryCase(G.Tanh)},
	"sigmoid":      {kinds: []string{"unary sigmoid"}, f: unaryCase(G.Sigmoid)},
	"x sigmoid x": {kinds: []string{"unary sigmoid"}, f: func(x, _, w *G.Node) *G.Node { // a QuickGelu, to onnxruntime
		l := xw(x, w)
		return must(G.HadamardProd(l, must(G.Sigmoid(l))))
	}},
	"softplus": {kinds: []string{"unary softplus"}, f: unaryCase(G.Softplus)},
	"log1p":    {kinds: []string{"unary log1p"}, f: unaryPositive(G.Log1p)},
	"expm1":    {kinds: []string{"unary expm1"}, f: unaryCase(G.Expm1)},
	"rectify":  {kinds: []string{"binary >="}, f: unaryCase(G.Rectify)},
	"min":      {kinds: []string{"tensor minBetween"}, f: binaryCase(G.MinBetween)},
	"max":      {kinds: []string{"tensor maxBetween"}, f: binaryCase(G.MaxBetween)},
	"matmul":   {kinds: []string{"matrix A × B"}, f: func(x, y, w *G.Node) *G.Node { return must(G.Mul(xw(x, w), w)) }},
	"matvec":   {kinds: []string{"matrix A × b"}, f: func(x, y, w *G.Node) *G.Node { return must(G.Mul(xw(x, w), must(G.Sum(w, 0)))) }},
	"dot": {kinds: []string{"matrix a ⋅ b"}, f: func(x, y, w *G.Node) *G.Node {
		return must(G.Mul(must(G.Sum(w, 0)), must(G.Sum(must(G.Square(w)), 1))))
	}},
	"outer": {kinds: []string{"matrix a ⊗ b"}, f: func(x, y, w *G.Node) *G.Node {
		return must(G.OuterProd(must(G.Sum(w, 0)), must(G.Sum(must(G.Square(w)), 1))))
	}, flat: true},
	"batched matmul": {kinds: []string{"matrix A ××× B"}, f: func(x, y, w *G.Node) *G.Node {
		a := must(G.Reshape(xw(x, w), tensor.Shape{x.Shape()[0], 1, 3}))
		b := must(G.Reshape(must(G.Exp(xw(y, w))), tensor.Shape{x.Shape()[0], 3, 1}))
		return must(G.BatchedMatMul(a, b))
	}},
	"sum 0":     {kinds: []string{"tensor sum"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Square(must(G.Sum(xw(x, w), 0)))) }},
	"sum 1":     {kinds: []string{"tensor sum"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Square(must(G.Sum(xw(x, w), 1)))) }},
	"mean":      {kinds: []string{"tensor sum", "tensor size"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Square(must(G.Mean(xw(x, w), 0)))) }},
	"max along": {kinds: []string{"tensor max"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Max(xw(x, w), 1)) }, flat: true},
	"broadcast": {kinds: []string{"tensor repeat", "tensor size"}, f: func(x, _, w *G.Node) *G.Node {
		return must(G.BroadcastAdd(xw(x, w), must(G.Sum(w, 0)), nil, []byte{0}))
	}},
	"broadcast mul": {kinds: []string{"tensor repeat"}, f: func(x, _, w *G.Node) *G.Node {
		return must(G.BroadcastHadamardProd(xw(x, w), must(G.Sum(xw(x, w), 1)), nil, []byte{1}))
	}},
	"reshape": {kinds: []string{"tensor reshape"}, f: func(x, _, w *G.Node) *G.Node {
		return must(G.Exp(must(G.Reshape(xw(x, w), tensor.Shape{3 * x.Shape()[0]}))))
	}},
	"transpose": {kinds: []string{"tensor transpose"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Exp(must(G.Transpose(xw(x, w), 1, 0)))) }},
	"concat":    {kinds: []string{"tensor concat", "tensor slice"}, f: func(x, y, w *G.Node) *G.Node { return must(G.Exp(must(G.Concat(1, xw(x, w), y)))) }},
	"slice":     {kinds: []string{"tensor slice", "tensor sliceIncr"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Exp(must(G.Slice(xw(x, w), nil, G.S(1, 3))))) }},
	"slice one": {kinds: []string{"tensor slice", "tensor sliceIncr"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Exp(must(G.Slice(xw(x, w), nil, G.S(1))))) }},
	"at":        {kinds: []string{"tensor at"}, f: func(x, _, w *G.Node) *G.Node { return must(G.At(xw(x, w), 1, 2)) }, flat: true, only: true},
	"diag flat": {kinds: []string{"tensor diagFlat"}, f: func(x, _, w *G.Node) *G.Node { return must(G.DiagFlat(xw(x, w))) }, flat: true},
	"by indices": {kinds: []string{"tensor byIndices", "tensor byIndicesOpDiff"}, f: func(x, _, w *G.Node) *G.Node {
		picks := tensor.New(tensor.WithShape(4), tensor.WithBacking([]int{2, 0, 2, 1}))
		rows := must(G.ByIndices(w, G.NewVector(w.Graph(), tensor.Int, G.WithName("picks"), G.WithValue(picks)), 0))
		return must(G.Mul(x, must(G.Transpose(rows))))
	}},
	"convert":   {kinds: []string{"tensor dtConv"}, f: func(x, _, w *G.Node) *G.Node { return must(G.ConvType(xw(x, w), x.Dtype(), tensor.Int)) }, flat: true, only: true},
	"tensordot": {kinds: []string{"tensor tensordot"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Tensordot([]int{1}, []int{0}, xw(x, w), w)) }},
	"upsample":  {kinds: []string{"tensor upsample", "tensor upsampleDiff"}, f: pictureCase(func(p *G.Node) (*G.Node, error) { return G.Upsample2D(p, 2) })},
	"max pool":  {kinds: []string{"tensor maxPool", "tensor maxPoolDiff"}, f: pictureCase(func(p *G.Node) (*G.Node, error) { return G.MaxPool1D(p, 2, 0, 1) })},
	"max pool of equal values": {kinds: []string{"tensor maxPool", "tensor maxPoolDiff"}, f: pictureCase(func(p *G.Node) (*G.Node, error) {
		return G.MaxPool2D(must(G.Rectify(p)), tensor.Shape{1, 3}, []int{0, 1}, []int{1, 1})
	})},
	"im2col": {kinds: []string{"tensor im2col", "tensor col2im"}, f: pictureCase(func(p *G.Node) (*G.Node, error) {
		return G.Im2Col(p, tensor.Shape{1, 2}, tensor.Shape{0, 1}, tensor.Shape{1, 2}, tensor.Shape{1, 1})
	})},
	"global average pool": {kinds: []string{"tensor globalAveragePool"}, f: pictureCase(G.GlobalAveragePool2D), flat: true},
	"batch norm": {kinds: []string{"tensor BatchNorm", "tensor batchnormDiff"}, f: func(x, y, w *G.Node) *G.Node {
		r, _, _, _, err := G.BatchNorm(xw(x, w), y, y, 0.9, 1e-3)
		return must(r, err)
	}},
	"batch norm in testing": {kinds: []string{"tensor BatchNorm", "tensor batchnormDiff"}, f: func(x, y, w *G.Node) *G.Node {
		r, _, _, op, err := G.BatchNorm(xw(x, w), y, y, 0.9, 1e-3)
		if err != nil {
			panic(err)
		}
		mean, variance := tensor.New(tensor.WithShape(3), tensor.WithBacking(floats(x.Dtype(), []float64{0.1, -0.2, 3}))), tensor.New(tensor.WithShape(3), tensor.WithBacking(floats(x.Dtype(), []float64{1, 0.2, 3})))
		if err := errors.Join(op.SetTraining(false), op.SetStats(mean, variance)); err != nil {
			panic(err)
		}
		return r
	}},
	"dropout in testing": {kinds: []string{"tensor dropout"}, f: func(x, y, w *G.Node) *G.Node {
		r := must(G.Dropout(xw(x, w), 0.3))
		if err := r.Op().(G.TrainModeOp).SetTraining(false); err != nil {
			panic(err)
		}
		return r
	}, flat: true},
	"group norm": {kinds: []string{"tensor GroupNorm", "tensor groupNormDiff"}, f: pictureCase(func(p *G.Node) (*G.Node, error) {
		one := func(name string) *G.Node {
			return G.NewTensor(p.Graph(), p.Dtype(), 4, G.WithName(name), G.WithShape(1, 1, 1, 1), G.WithInit(G.Ones()))
		}
		return G.GroupNorm(p, one("scale"), one("bias"), 1, 1, 1e-3)
	})},
	"slice the batch": {kinds: []string{"tensor slice", "tensor sliceIncr"}, f: func(x, _, w *G.Node) *G.Node {
		return must(G.Exp(must(G.Slice(xw(x, w), G.S(0, x.Shape()[0]), G.S(0, 2)))))
	}},
	"slice a row": {kinds: []string{"tensor slice", "tensor sliceIncr"}, f: func(x, _, w *G.Node) *G.Node { return must(G.Exp(must(G.Slice(xw(x, w), G.S(1))))) }},
	"slice by steps": {kinds: []string{"tensor slice", "tensor sliceIncr"}, f: func(x, _, w *G.Node) *G.Node {
		return must(G.Exp(must(G.Slice(must(G.Concat(1, xw(x, w), xw(x, w))), nil, G.S(1, 5, 2)))))
	}},
	"concat rows": {kinds: []string{"tensor concat", "tensor slice"}, f: func(x, y, w *G.Node) *G.Node { return must(G.Exp(must(G.Concat(0, xw(x, w), y)))) }},
	"softmax":     {kinds: []string{"tensor softmax", "tensor softmaxDiff"}, f: func(x, y, w *G.Node) *G.Node { return must(G.HadamardProd(must(G.SoftMax(xw(x, w), 1)), y)) }},
	"log-softmax": {kinds: []string{"tensor softmax", "tensor softmaxDiff"}, f: func(x, y, w *G.Node) *G.Node { return must(G.HadamardProd(must(G.LogSoftMax(xw(x, w), 1)), y)) }},
}

// opTrace is a case as a function of the batch size: its result, a loss over it, and the gradient of the loss.
func opTrace(c opCase, dtype tensor.Dtype) export.Trace {
	return func(batch int) (t export.Traced, err error) {
		g := G.NewGraph()
		x := G.NewMatrix(g, dtype, G.WithShape(batch, 3), G.WithName("x"))
		y := G.NewMatrix(g, dtype, G.WithShape(batch, 3), G.WithName("y"))
		values := make([]float64, 9)
		noise.Stream{Seed: 3}.Normal(values, 0, 0)
		var backing any = values
		if dtype == tensor.Float32 {
			narrow := make([]float32, len(values))
			for i, v := range values {
				narrow[i] = float32(v)
			}
			backing = narrow
		}
		w := G.NewMatrix(g, dtype, G.WithShape(3, 3), G.WithName("layer/weight"), G.WithValue(tensor.New(tensor.WithShape(3, 3), tensor.WithBacking(backing))))
		result := c.f(x, y, w)
		t.Inputs = []export.Named{{Name: "x", Node: x}, {Name: "y", Node: y}}
		t.Outputs = []export.Named{{Name: "result", Node: result}}
		if c.flat {
			return t, nil
		}
		loss := result
		if !loss.IsScalar() {
			loss = must(G.Sum(must(G.Square(result))))
		}
		grads, err := G.Grad(loss, w)
		if err != nil {
			return t, err
		}
		t.Outputs = append(t.Outputs, export.Named{Name: "loss", Node: loss}, export.Named{Name: "gradient", Node: grads[0]})
		return t, nil
	}
}

// opInputs draws x and y within (0.1, 1.1) so that no case leaves its operation's domain.
func opInputs(dtype tensor.Dtype) func(batch int) []onnxtensor.Tensor {
	return func(batch int) []onnxtensor.Tensor {
		var out []onnxtensor.Tensor
		for i, name := range []string{"x", "y"} {
			u := make([]float64, batch*3)
			noise.Stream{Seed: uint64(i + 1)}.Uniform64(u, 0, uint32(batch))
			narrow := make([]float32, len(u))
			for j := range u {
				u[j] += 0.1
				narrow[j] = float32(u[j])
			}
			var data any = u
			if dtype == tensor.Float32 {
				data = narrow
			}
			out = append(out, onnxtensor.Tensor{Name: name, Shape: []int64{int64(batch), 3}, Data: data})
		}
		return out
	}
}

// backends are those that what is exported must give the same on.
func backends(t testing.TB) []backend.Backend {
	return []backend.Backend{ortest.Backend(t), purego.New()}
}

// verifyOn compares an exported graph with its gorgonia graph on every backend.
func verifyOn(backends []backend.Backend, model []byte, trace export.Trace, batches []int, inputs func(batch int) []onnxtensor.Tensor) error {
	for _, b := range backends {
		loaded, err := backend.Load(context.Background(), b, model, "test")
		if err == nil {
			_, err = export.Verify(context.Background(), loaded, trace, batches, inputs)
			err = errors.Join(err, loaded.Close())
		}
		if err != nil {
			return fmt.Errorf("on %s: %w", b.Name(), err)
		}
	}
	return nil
}

// Every row of the table, forward and backward, gorgonia against both backends, in float32 and float64.
func TestOps(t *testing.T) {
	t.Parallel()
	on := backends(t)
	used := map[string]bool{}
	for name, c := range opCases {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%s/%v", name, dtype), func(t *testing.T) {
				trace := opTrace(c, dtype)
				model, err := export.Graph(t.Context(), trace, export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				kinds := export.KindsOf(trace)
				for _, k := range c.kinds {
					if !kinds[k] {
						t.Errorf("the graph does not use %q: it uses %v", k, kinds)
					}
				}
				for k := range kinds {
					used[k] = true
				}
				data, err := model.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				onnxtest.Keep(t, data)
				if c.only {
					return
				}
				// Not at batch 1, where gorgonia's own reductions take a [1] for a scalar and panic on a goroutine of their own.
				if err := verifyOn(on, data, trace, []int{2, 5, 7}, opInputs(dtype)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for kind := range export.OpTable() {
		if !used[kind] {
			t.Errorf("no case uses the row %q: add one", kind)
		}
	}
}
