package builder_test

import (
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Each test here shows the smallest graph in which gorgonia v0.9.18 goes wrong, and that the builder's way next to it
// does not. A test that fails because gorgonia is right again is good news: remove the guard that it names.

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

// Reshape shares memory with its source, and a following + writes into it: the loss and its gradient are wrong. With
// h = a², p = Reshape(h) + 1 and loss = Σp² + Σh², that is dloss/da = 4a (h+1) + 4a h.
func TestTrapReshapeAlias(t *testing.T) {
	const loss = 2*2 + 5*5 + 10*10 + 17*17 + 1*1 + 4*4 + 9*9 + 16*16
	gradient := []float64{12, 72, 228, 528}
	values := []float64{1, 2, 3, 4}

	g := G.NewGraph()
	a := constantMatrix(g, "a", 2, 2, values...)
	h := must(G.Square(a))
	p := must(G.Add(must(G.Reshape(h, tensor.Shape{4})), G.NewConstant(1.0)))
	raw := must(G.Add(must(G.Sum(must(G.Square(p)))), must(G.Sum(must(G.Square(h))))))
	grads, err := G.Grad(raw, a)
	if err != nil {
		t.Fatal(err)
	}
	var wrong, wrongGradient G.Value
	G.Read(raw, &wrong)
	G.Read(grads[0], &wrongGradient)
	runRaw(t, g)
	if builder.Floats(wrong)[0] == loss || slices.Equal(builder.Floats(wrongGradient), gradient) {
		t.Errorf("gorgonia.Reshape gives the right loss %v or gradient %v: see op_reshape.go", wrong, wrongGradient)
	}

	params := params64(t)
	b := builder.New(params)
	w := b.Parameter("a", func(dst []float64, _ []int, _ func([]float64)) { copy(dst, values) }, 2, 2)
	square := b.Square(w)
	q := b.Add(b.Reshape(square, 4), b.Number(1))
	right := b.Add(b.Sum(b.Square(q)), b.Sum(b.Square(square)))
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	if grads, err = G.Grad(right, w); err != nil {
		t.Fatal(err)
	}
	m, err := builder.NewMachine(b, right, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	out, err := m.Run(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := builder.Floats(out[0])[0]; got != loss || !slices.Equal(builder.Floats(out[1]), gradient) {
		t.Errorf("the builder's reshape gives %g and %v, want %d and %v", got, out[1], loss, gradient)
	}
}

// An encoder's logits that are reshaped and added to are read as the sum: a code with the sampler's noise in it.
func TestTrapReshapeChangesWhatIsRead(t *testing.T) {
	x, noise := []float64{1, 2, 3, 4}, []float64{9, 9, 9, 9}
	g := G.NewGraph()
	logits := must(G.Mul(constantMatrix(g, "x", 2, 2, x...), constantMatrix(g, "w", 2, 2, 1, 0, 0, 1)))
	u := G.NewVector(g, tensor.Float64, G.WithShape(4), G.WithName("u"), G.WithValue(dense64(noise, 4)))
	must(G.Add(must(G.Reshape(logits, tensor.Shape{4})), u))
	var read G.Value
	G.Read(logits, &read)
	runRaw(t, g)
	if slices.Equal(builder.Floats(read), x) {
		t.Error("gorgonia.Reshape no longer lets a sum write into the logits: see op_reshape.go")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		logits := b.MatMul(b.Constant("x", x, 2, 2), b.Constant("w", []float64{1, 0, 0, 1}, 2, 2))
		return []*G.Node{logits, b.Add(b.Reshape(logits, 4), b.Constant("u", noise, 4))}
	})
	if !slices.Equal(out[0], x) || out[1][3] != 13 {
		t.Errorf("the builder's logits are %v, their sum with the noise %v", out[0], out[1])
	}
}

// An input that is reshaped and multiplied is changed by the run itself.
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

// The value of a node between input and loss is overwritten once there is a gradient: what Sigmoid's node holds is
// σ(1-σ). A Machine reads by copy.
func TestTrapValueAfterBackward(t *testing.T) {
	x := []float64{1, 2}
	want := []float64{1 / (1 + math.Exp(-1)), 1 / (1 + math.Exp(-2))}
	g := G.NewGraph()
	in := constantMatrix(g, "x", 1, 2, x...)
	s := must(G.Sigmoid(in))
	if _, err := G.Grad(must(G.Sum(s)), in); err != nil {
		t.Fatal(err)
	}
	runRaw(t, g)
	if got := builder.Floats(s.Value())[0]; math.Abs(got-want[0]) < 1e-12 {
		t.Error("Value of a node in the middle is right after a backward pass: see internal/tape")
	}
	b := builder.New(params64(t))
	w := b.Parameter("w", func(dst []float64, _ []int, _ func([]float64)) { copy(dst, x) }, 1, 2)
	z := b.Sigmoid(w)
	grads, err := G.Grad(b.Sum(z), w)
	if err != nil {
		t.Fatal(err)
	}
	m, err := builder.NewMachine(b, z, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	out, err := m.Run(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range builder.Floats(out[0]) {
		if math.Abs(v-want[i]) > 1e-15 || math.Abs(builder.Floats(out[1])[i]-v*(1-v)) > 1e-15 {
			t.Errorf("the machine reads %v with gradient %v", out[0], out[1])
		}
	}
}

// A second run without Reset does nothing and reports nothing. A Machine resets.
func TestTrapRunWithoutReset(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 1, 2)
	var got G.Value
	G.Read(must(G.Square(x)), &got)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	for _, v := range []float64{2, 5} {
		if err := G.Let(x, dense64([]float64{v}, 1, 1)); err != nil {
			t.Fatal(err)
		}
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
	if builder.Floats(got)[0] != 4 {
		t.Error("a second RunAll without Reset now computes: see internal/tape")
	}
	b := builder.New(params64(t))
	m, err := builder.NewMachine(b, b.Square(b.Input("x", 1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, v := range []float64{2, 5} {
		out, err := m.Run(map[string]*tensor.Dense{"x": dense64([]float64{v}, 1, 1)})
		if err != nil || builder.Floats(out[0])[0] != v*v {
			t.Errorf("%g squared is %v, %v", v, out, err)
		}
	}
}

// Grad also makes gradients that nobody asked for: here of the data x. A Machine computes only what leads to its outputs.
func TestTrapDeadGradients(t *testing.T) {
	g := G.NewGraph()
	x, w := constantMatrix(g, "x", 1, 2, 1, 2), constantMatrix(g, "w", 2, 2, 1, 2, 3, 4)
	loss := must(G.Sum(must(G.Mul(x, w))))
	grads, err := G.Grad(loss, w)
	if err != nil {
		t.Fatal(err)
	}
	if all, needed := len(g.AllNodes()), len(g.SubgraphRoots(append(grads, loss)...).AllNodes()); all == needed {
		t.Error("Grad no longer leaves gradients behind that nobody reads: see internal/tape")
	}
}

// gorgonia silently adds a matrix [1,3] and a vector [3]. The builder compares shapes exactly.
func TestTrapRowPlusVector(t *testing.T) {
	g := G.NewGraph()
	y := G.NewVector(g, tensor.Float64, G.WithShape(3), G.WithName("y"))
	if _, err := G.Add(constantMatrix(g, "x", 1, 3, 1, 2, 3), y); err != nil {
		t.Error("gorgonia no longer adds a vector to a matrix of one row: see elementwise.go")
	}
	b := builder.New(params64(t))
	if b.Add(b.Input("x", 1, 3), b.Input("y", 3)); b.Err() == nil {
		t.Error("the builder adds a vector to a matrix of one row")
	}
}

// The product of a vector and a matrix silently transposes the matrix. The builder takes matrices only.
func TestTrapVectorTimesMatrix(t *testing.T) {
	g := G.NewGraph()
	y := G.NewVector(g, tensor.Float64, G.WithShape(2), G.WithName("y"))
	if n := must(G.Mul(y, constantMatrix(g, "x", 2, 3, 1, 2, 3, 4, 5, 6))); n.Op().String() == "A × B" {
		t.Error("gorgonia no longer rewrites the product of a vector and a matrix: see dense.go")
	}
	b := builder.New(params64(t))
	if b.MatMul(b.Input("y", 2), b.Input("x", 2, 3)); b.Err() == nil {
		t.Error("the builder multiplies a vector with a matrix")
	}
}

// A scalar input whose value is a tensor of no dimensions fails when it meets a number. The builder's constants are
// numbers, and its machine takes tensors of one element for scalars.
func TestTrapScalarTensor(t *testing.T) {
	g := G.NewGraph()
	s := G.NewScalar(g, tensor.Float64, G.WithName("s"), G.WithValue(number64(2)))
	must(G.HadamardProd(s, G.NewConstant(2.0)))
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if vm.RunAll() == nil {
		t.Error("gorgonia now multiplies a scalar tensor with a number: see graph.go")
	}
	out := eval(t, params64(t), map[string]*tensor.Dense{"t": number64(3)}, func(b *builder.Graph) []*G.Node {
		return []*G.Node{b.Mul(b.Mul(b.Constant("s", []float64{2}), b.Number(2)), b.Input("t"))}
	})
	if out[0][0] != 12 {
		t.Errorf("2·2·3 = %g", out[0][0])
	}
}
