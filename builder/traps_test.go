package builder_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Each test here shows the smallest graph in which gorgonia v0.9.18 goes wrong, and that the builder's way beside it does
// not. A test that fails because gorgonia is right again is good news: remove the guard that it names.

func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

func runRaw(t *testing.T, g *G.ExprGraph) {
	t.Helper()
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
}

func constantMatrix(g *G.ExprGraph, name string, rows, columns int, x ...float64) *G.Node {
	return G.NewMatrix(g, tensor.Float64, G.WithShape(rows, columns), G.WithName(name), G.WithValue(dense64(x, rows, columns)))
}

// SoftMax and LogSoftMax of one node have one hash: the second call returns the first's node. The builder has an op of
// its own for the one, and none for the other.
func TestTrapSoftmaxMerge(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 2, 1, 2)
	if must(G.SoftMax(x, 1)) != must(G.LogSoftMax(x, 1)) {
		t.Error("gorgonia no longer merges SoftMax with LogSoftMax: see make.go")
	}
}

// Slices whose bounds agree modulo 256 have one hash. The builder has no slices; categorical variables are reshaped.
func TestTrapSliceMerge(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 512), G.WithName("x"))
	if must(G.Slice(x, nil, G.S(0, 256))) != must(G.Slice(x, nil, G.S(256, 512))) {
		t.Error("gorgonia no longer merges slices")
	}
}

// Two inputs of one name and shape are one node. The builder refuses the second.
func TestTrapInputMerge(t *testing.T) {
	g := G.NewGraph()
	a := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("w"))
	if a != G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("w")) {
		t.Error("gorgonia no longer merges inputs of one name")
	}
}

// Two random nodes of one shape are one: noise is an input of the builder's graphs.
func TestTrapRandomMerge(t *testing.T) {
	g := G.NewGraph()
	first, second := G.UniformRandomNode(g, tensor.Float64, 0, 1, 2, 2), G.UniformRandomNode(g, tensor.Float64, 0, 1, 2, 2)
	if first != second {
		t.Error("gorgonia no longer merges random nodes")
	}
}

// Reshape shares memory with its source, and a following + writes into it: h = a², p = Reshape(h) + 1, read h.
func TestTrapReshapeAlias(t *testing.T) {
	g := G.NewGraph()
	a := constantMatrix(g, "a", 2, 2, 1, 2, 3, 4)
	h := must(G.Square(a))
	p := must(G.Add(must(G.Reshape(h, tensor.Shape{4})), G.NewConstant(1.0)))
	loss := must(G.Add(must(G.Sum(p)), must(G.Sum(h))))
	var wrong G.Value
	G.Read(loss, &wrong)
	runRaw(t, g)
	const want = (1 + 4 + 9 + 16) + 4 + (1 + 4 + 9 + 16)
	if got := builder.Floats(wrong)[0]; got == want {
		t.Log("gorgonia.Reshape gives the right sum in this order: the alias shows in others")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		h := b.Square(b.Constant("a", []float64{1, 2, 3, 4}, 2, 2))
		p := b.Add(b.Reshape(h, 4), b.Number(1))
		return []*G.Node{b.Add(b.Sum(p), b.Sum(h)), h}
	})
	if out[0][0] != want || out[1][3] != 16 {
		t.Errorf("the builder's reshape gives %g and %v, want %d", out[0][0], out[1], want)
	}
}

// An input that is reshaped and added to is changed by the run itself.
func TestTrapReshapeChangesItsInput(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 2, 2, 1, 2, 3, 4)
	must(G.HadamardProd(must(G.Reshape(x, tensor.Shape{4})), G.NewConstant(2.0)))
	runRaw(t, g)
	if x.Value().Data().([]float64)[0] == 1 {
		t.Error("gorgonia.Reshape no longer lets a product write into the input: see op_reshape.go")
	}
	p := params64(t)
	for range 2 {
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			w := b.Parameter("w", func(dst []float64, _ []int, _ func([]float64)) { copy(dst, []float64{1, 2, 3, 4}) }, 2, 2)
			return []*G.Node{b.Mul(b.Reshape(w, 4), b.Number(2))}
		})
		if out[0][3] != 8 || builder.Floats(p.Value("w"))[3] != 4 {
			t.Errorf("the builder's reshape gives %v and leaves %v", out[0], p.Value("w"))
		}
	}
}

// LogSoftMax takes the tensor's first element for the largest of every row: a row far above it overflows.
func TestTrapLogSoftmaxOverflow(t *testing.T) {
	rows := []float64{0, -1, 1000, 0}
	g := G.NewGraph()
	y := must(G.LogSoftMax(constantMatrix(g, "x", 2, 2, rows...), 1))
	var v G.Value
	G.Read(y, &v)
	runRaw(t, g)
	if got := builder.Floats(v)[2]; !math.IsInf(got, 0) && !math.IsNaN(got) {
		t.Errorf("gorgonia's LogSoftMax of %v is %g: it no longer overflows, see op_logsoftmax.go", rows, got)
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node { return []*G.Node{b.LogSoftmax(b.Constant("x", rows, 2, 2))} })
	if want := -math.Log1p(math.Exp(-1)); math.Abs(out[0][0]-want) > 1e-12 || out[0][2] != 0 || out[0][3] != -1000 {
		t.Errorf("the builder's log-softmax is %v, want %g %g 0 -1000", out[0], want, want-1)
	}
}

// Log(1-Sigmoid(l)) is -∞ where softplus is finite: the builder's likelihood never takes a logarithm of a probability.
func TestTrapLogOfOneMinusSigmoid(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 1, 40)
	v := must(G.Log(must(G.Sub(G.NewConstant(1.0), must(G.Sigmoid(x))))))
	var got G.Value
	G.Read(v, &got)
	runRaw(t, g)
	if !math.IsInf(builder.Floats(got)[0], -1) {
		t.Error("gorgonia now stabilises Log(1-Sigmoid)")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		return []*G.Node{b.LogLikelihoodBernoulli(b.Constant("x", []float64{0}, 1, 1), b.Constant("l", []float64{40}, 1, 1))}
	})
	if out[0][0] != -40 {
		t.Errorf("ln p(0|40) = %g, want -40", out[0][0])
	}
}

// What a run gave is overwritten by the next: results are copied by those who keep them.
func TestTrapResultsAreReused(t *testing.T) {
	p := params64(t)
	b := builder.New(p)
	x := b.Input("x", 2, 2)
	m, err := builder.NewMachine(b, b.MatMul(x, b.Constant("w", []float64{1, 0, 0, 1}, 2, 2)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, want := range []float64{1, 2, 3} {
		values, err := m.Run(map[string]*tensor.Dense{"x": dense64([]float64{want, 0, 0, want}, 2, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if got := builder.Floats(values[0]); got[0] != want || got[3] != want {
			t.Errorf("the product is %v, want %g on the diagonal", got, want)
		}
	}
}
