package engine_test

import (
	"errors"
	"math"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The models of gorgonia's own examples, written anew and small, with data of their own: linear regression on flowers (iris), a
// classifier whose softmax is multiplied by its labels (issue 286), logistic regression, a network of convolutions, and a recurrent
// network of characters. Each is a trace, as its author would write it for engine.Compile.

// A model is a trace with its rows.
type exampleModel struct {
	batch     int
	trace     engine.Trace
	optimizer engine.Optimizer
	rows      func(step int) engine.Batch
	falls     float64 // the last loss is at most this part of the first
}

// leaf makes a parameter with small random values, which depend on its name.
func leaf(g *G.ExprGraph, name string, shape ...int) *G.Node {
	values := make([]float64, tensor.Shape(shape).TotalSize())
	noise.Stream{Seed: uint64(len(values)), Purpose: 0}.Normal(values, uint32(name[0]), uint32(name[len(name)-1]))
	for i := range values {
		values[i] *= 0.3
	}
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	return G.NewTensor(g, tensor.Float64, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(v))
}

func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// flowers draws rows of four lengths and a one, around a centre for each of three kinds, and the kinds as 1, 2, 3.
func flowers(step, n int) (x, kinds []float64) {
	noises := make([]float64, 4*n)
	noise.Stream{Seed: 7}.Normal(noises, uint32(step), 0)
	centres := [3][4]float64{{5, 3.4, 1.5, 0.2}, {5.9, 2.8, 4.3, 1.3}, {6.6, 3, 5.6, 2}}
	for r := range n {
		for f, c := range centres[r%3] {
			x = append(x, c+0.2*noises[4*r+f])
		}
		x, kinds = append(x, 1), append(kinds, float64(r%3+1))
	}
	return x, kinds
}

// iris is least squares of the kind of a flower.
func iris(g *G.ExprGraph, batch int) (o engine.Objective, err error) {
	x := G.NewMatrix(g, tensor.Float64, G.WithName("flowers"), G.WithShape(batch, 5))
	y := G.NewVector(g, tensor.Float64, G.WithName("kinds"), G.WithShape(batch))
	theta := leaf(g, "theta", 5)
	predicted := must(G.Mul(x, theta))
	loss := must(G.Mean(must(G.Square(must(G.Sub(predicted, y))))))
	return engine.Objective{Loss: loss, Parameters: G.Nodes{theta}, Inputs: G.Nodes{x, y}}, nil
}

// issue286 is a classifier of two layers; its loss is the mean of probabilities times labels.
func issue286(g *G.ExprGraph, batch int) (o engine.Objective, err error) {
	x := G.NewMatrix(g, tensor.Float64, G.WithName("flowers"), G.WithShape(batch, 5))
	y := G.NewMatrix(g, tensor.Float64, G.WithName("kinds"), G.WithShape(batch, 3))
	hidden, out := leaf(g, "hidden", 5, 12), leaf(g, "out", 12, 3)
	probabilities := must(G.SoftMax(must(G.Mul(must(G.Rectify(must(G.Mul(x, hidden)))), out))))
	loss := must(G.Neg(must(G.Mean(must(G.HadamardProd(probabilities, y))))))
	return engine.Objective{Loss: loss, Parameters: G.Nodes{hidden, out}, Inputs: G.Nodes{x, y}}, nil
}

// logistic is a regression of 0 and 1 with a scalar bias, and a penalty of the weights.
func logistic(g *G.ExprGraph, batch int) (o engine.Objective, err error) {
	x := G.NewMatrix(g, tensor.Float64, G.WithName("flowers"), G.WithShape(batch, 5))
	y := G.NewVector(g, tensor.Float64, G.WithName("kinds"), G.WithShape(batch))
	w := leaf(g, "weights", 5)
	b := G.NewScalar(g, tensor.Float64, G.WithName("bias"), G.WithValue(0.0))
	one := G.NewConstant(1.0)
	p := must(G.Sigmoid(must(G.Add(must(G.Mul(x, w)), b))))
	yes := must(G.HadamardProd(must(G.Neg(y)), must(G.Log(p))))
	no := must(G.HadamardProd(must(G.Sub(one, y)), must(G.Log(must(G.Sub(one, p))))))
	penalty := must(G.Mul(G.NewConstant(0.01), must(G.Sum(must(G.Square(w))))))
	loss := must(G.Add(must(G.Mean(must(G.Sub(yes, no)))), penalty))
	right := must(G.Mean(must(G.Eq(must(G.Gt(p, G.NewConstant(0.5), true)), y, true))))
	return engine.Objective{Loss: loss, Parameters: G.Nodes{w, b}, Inputs: G.Nodes{x, y}, Metrics: []export.Named{{Name: "right", Node: right}}}, nil
}

// convnet is a convolution, a pool and a layer, on pictures of 6×6.
func convnet(g *G.ExprGraph, batch int) (o engine.Objective, err error) {
	x := G.NewTensor(g, tensor.Float64, 4, G.WithName("pictures"), G.WithShape(batch, 1, 6, 6))
	y := G.NewMatrix(g, tensor.Float64, G.WithName("kinds"), G.WithShape(batch, 2))
	filter, out := leaf(g, "filter", 3, 1, 3, 3), leaf(g, "out", 3*3*3, 2)
	seen := must(G.Rectify(must(G.Conv2d(x, filter, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))))
	pooled := must(G.MaxPool2D(seen, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	logits := must(G.Mul(must(G.Reshape(pooled, tensor.Shape{batch, 27})), out))
	loss := must(G.Neg(must(G.Mean(must(G.HadamardProd(must(G.LogSoftMax(logits)), y))))))
	return engine.Objective{Loss: loss, Parameters: G.Nodes{filter, out}, Inputs: G.Nodes{x, y}}, nil
}

// characters is a long short-term memory over a text that is part of the graph, one character a step: the rows of its embedding are sliced by
// the characters, and the logarithms of its probabilities by those that follow.
func characters(g *G.ExprGraph, _ int) (o engine.Objective, err error) {
	const text, letters, embedded, width = "hello world hello there", "helo wrdt", 4, 6
	index := map[rune]int{}
	for i, r := range letters {
		index[r] = i
	}
	parameter := func(name string, shape ...int) *G.Node {
		p := leaf(g, name, shape...)
		o.Parameters = append(o.Parameters, p)
		return p
	}
	type gate struct{ x, h, bias *G.Node }
	var gates [4]gate
	for i, name := range []string{"input", "forget", "output", "write"} {
		gates[i] = gate{parameter(name+"/x", width, embedded), parameter(name+"/h", width, width), parameter(name+"/bias", width)}
	}
	embedding, decode, bias := parameter("embedding", len(letters), embedded), parameter("decode", len(letters), width), parameter("last", len(letters))
	start := func(name string) *G.Node {
		n := G.NewVector(g, tensor.Float64, G.WithName(name), G.WithShape(width))
		o.Inputs = append(o.Inputs, n)
		return n
	}
	hidden, cell := start("hidden"), start("cell")
	for i, r := range text[:len(text)-1] {
		x := must(G.Slice(embedding, G.S(index[r])))
		open := func(k int, activate func(*G.Node) (*G.Node, error)) *G.Node {
			return must(activate(must(G.Add(must(G.Add(must(G.Mul(gates[k].x, x)), must(G.Mul(gates[k].h, hidden)))), gates[k].bias))))
		}
		in, forget, out, write := open(0, G.Sigmoid), open(1, G.Sigmoid), open(2, G.Sigmoid), open(3, G.Tanh)
		cell = must(G.Add(must(G.HadamardProd(forget, cell)), must(G.HadamardProd(in, write))))
		hidden = must(G.HadamardProd(out, must(G.Tanh(cell))))
		logs := must(G.LogSoftMax(must(G.Add(must(G.Mul(decode, hidden)), bias))))
		loss := must(G.Neg(must(G.Slice(logs, G.S(index[rune(text[i+1])])))))
		if o.Loss == nil {
			o.Loss = loss
		} else {
			o.Loss = must(G.Add(o.Loss, loss))
		}
	}
	return o, nil
}

// hot gives each of n rows a one for its class.
func hot(n, classes int) []float64 {
	x := make([]float64, n*classes)
	for r := range n {
		x[r*classes+r%classes] = 1
	}
	return x
}

// stripes draws pictures with a bright row or a bright column.
func stripes(step, n int) []float64 {
	x := make([]float64, 36*n)
	noise.Stream{Seed: 8}.Uniform64(x, uint32(step), 0)
	for r := range n {
		line := (step + r/2) % 6
		for i := range 6 {
			if r%2 == 0 {
				x[36*r+6*line+i] += 2
			} else {
				x[36*r+6*i+line] += 2
			}
		}
	}
	return x
}

var exampleModels = map[string]exampleModel{
	"iris": {12, iris, engine.Optimizer{Name: "sgd", LearningRate: 0.01}, func(step int) engine.Batch {
		x, y := flowers(step, 12)
		return engine.Batch{"flowers": x, "kinds": y}
	}, 0.2},
	"286": {12, issue286, engine.Optimizer{Name: "rmsprop", LearningRate: 0.01, Rho: 0.9}, func(step int) engine.Batch {
		x, _ := flowers(step, 12)
		return engine.Batch{"flowers": x, "kinds": hot(12, 3)}
	}, 1.2}, // the loss is negative: it grows
	"logistic regression": {12, logistic, engine.Optimizer{Name: "sgd", LearningRate: 0.1}, func(step int) engine.Batch {
		x, kinds := flowers(step, 12)
		for i, k := range kinds {
			kinds[i] = min(k-1, 1)
		}
		return engine.Batch{"flowers": x, "kinds": kinds}
	}, 0.7},
	"convnet": {8, convnet, engine.Optimizer{Name: "adam", LearningRate: 0.03}, func(step int) engine.Batch {
		return engine.Batch{"pictures": stripes(step, 8), "kinds": hot(8, 2)}
	}, 0.7},
	"charRNN": {1, characters, engine.Optimizer{Name: "rmsprop", LearningRate: 0.02, Rho: 0.9, Clip: 5}, func(int) engine.Batch {
		return engine.Batch{"hidden": make([]float64, 6), "cell": make([]float64, 6)}
	}, 0.5},
}

// Each example trains to the same weights on every engine, and learns.
func TestGorgoniasExamples(t *testing.T) {
	const steps = 40
	for name, m := range exampleModels {
		t.Run(name, func(t *testing.T) {
			made := engines(t, m.trace, m.optimizer, m.batch)
			var want engine.State
			for _, which := range []string{"tape", "compiled", "scan of 4"} {
				e := made[which]
				var first, last float64
				for step := range steps {
					v, err := e.Step(t.Context(), m.rows(step))
					if err != nil {
						t.Fatalf("%s: %v", which, err)
					}
					if step == 0 {
						first = v[0][0]
					}
					last = v[0][0]
				}
				if !(last <= m.falls*first) {
					t.Errorf("%s: the loss went from %g to %g in %d steps", which, first, last, steps)
				}
				if which == "tape" {
					want = e.State()
					continue
				}
				for _, s := range want.Tensors {
					got, _ := e.State().Tensor(s.Name)
					for i, x := range floats(got.Data) {
						if w := floats(s.Data)[i]; math.Abs(x-w) > 1e-9*max(1, math.Abs(w)) {
							t.Fatalf("%s: %s[%d] is %.12g, the tape's %.12g", which, s.Name, i, x, w)
						}
					}
				}
			}
		})
	}
}

// Each example's loss exports for any batch, where it has one, and gives what gorgonia's machine gives.
func TestGorgoniasExamplesExport(t *testing.T) {
	t.Parallel()
	on := ortest.Backend(t)
	for name, m := range exampleModels {
		trace := func(batch int) (t export.Traced, err error) {
			o, err := m.trace(G.NewGraph(), batch)
			for _, n := range o.Inputs {
				t.Inputs = append(t.Inputs, export.Named{Name: n.Name(), Node: n})
			}
			t.Outputs = []export.Named{{Name: "loss", Node: o.Loss}}
			return t, err
		}
		fixed := 0
		if name == "charRNN" { // which knows no batch
			fixed = 1
		}
		model, err := export.Graph(t.Context(), trace, export.Options{Batch: fixed})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data, err := model.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := backend.Load(t.Context(), on, data, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := export.Verify(t.Context(), loaded, trace, []int{m.batch}, func(int) []onnxtensor.Tensor {
			return bound(t, trace, m)
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		loaded.Close()
	}
}

// bound is the first step's batch as tensors.
func bound(t *testing.T, trace export.Trace, m exampleModel) (in []onnxtensor.Tensor) {
	t.Helper()
	traced, err := trace(m.batch)
	if err != nil {
		t.Fatal(err)
	}
	rows := m.rows(0)
	for _, n := range traced.Inputs {
		tensor := onnxtensor.Tensor{Name: n.Name, Data: rows[n.Name]}
		for _, d := range n.Node.Shape() {
			tensor.Shape = append(tensor.Shape, int64(d))
		}
		in = append(in, tensor)
	}
	return in
}

// What gorgonia differentiates wrongly is trained on no engine; its values alone are.
func TestWrongGradients(t *testing.T) {
	t.Parallel()
	on := ortest.Backend(t)
	adam := engine.Optimizer{Name: "adam", LearningRate: 0.01}
	for name, c := range map[string]struct {
		loss  func(x, w *G.Node) *G.Node
		wrong bool
	}{
		"the gradient of a part, for itself": {func(x, w *G.Node) *G.Node {
			part := must(G.Sum(must(G.Square(must(G.HadamardProd(x, w))))))
			if _, err := G.Grad(part, w); err != nil {
				panic(err)
			}
			return must(G.HadamardProd(part, G.NewConstant(3.0)))
		}, true},
		"a penalty of the gradient": {func(x, w *G.Node) *G.Node {
			part := must(G.Sum(must(G.Square(must(G.HadamardProd(x, w))))))
			grads, err := G.Grad(part, w)
			if err != nil {
				panic(err)
			}
			return must(G.Add(part, must(G.Sum(must(G.Square(grads[0]))))))
		}, true},
		"its own gradient": {func(x, w *G.Node) *G.Node {
			loss := must(G.Sum(must(G.Square(must(G.HadamardProd(x, w))))))
			if _, err := G.Grad(loss, w); err != nil {
				panic(err)
			}
			return loss
		}, false},
		"Log2":             {func(x, w *G.Node) *G.Node { return must(G.Log2(must(G.Square(must(G.HadamardProd(x, w)))))) }, true},
		"InverseSqrt":      {func(x, w *G.Node) *G.Node { return must(G.InverseSqrt(must(G.Square(must(G.HadamardProd(x, w)))))) }, true},
		"OuterProd":        {func(x, w *G.Node) *G.Node { return must(G.Square(must(G.OuterProd(x, w)))) }, true},
		"LogSumExp":        {func(x, w *G.Node) *G.Node { return must(G.LogSumExp(must(G.HadamardProd(x, w)), 0)) }, true},
		"Log2 of an input": {func(x, w *G.Node) *G.Node { return must(G.HadamardProd(must(G.Log2(x)), w)) }, false},
		"Log over ln 2": {func(x, w *G.Node) *G.Node {
			return must(G.HadamardDiv(must(G.Log(must(G.Square(w)))), G.NewConstant(math.Ln2)))
		}, false},
		"InverseSqrt as two": {func(x, w *G.Node) *G.Node { return must(G.Inverse(must(G.Sqrt(must(G.Square(w)))))) }, false},
		"a product as matrix": {func(x, w *G.Node) *G.Node {
			return must(G.Square(must(G.Mul(must(G.Reshape(x, tensor.Shape{3, 1})), must(G.Reshape(w, tensor.Shape{1, 3}))))))
		}, false},
	} {
		trace := func(g *G.ExprGraph, _ int) (engine.Objective, error) {
			x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(3))
			w := leaf(g, "w", 3)
			loss := c.loss(x, w)
			if !loss.IsScalar() {
				loss = must(G.Sum(loss))
			}
			return engine.Objective{Loss: loss, Parameters: G.Nodes{w}, Inputs: G.Nodes{x}}, nil
		}
		compiled, err := engine.Compile(t.Context(), on, trace, adam, 3, engine.Options{})
		if err == nil {
			compiled.Close()
		}
		if errors.Is(err, export.ErrWrong) != c.wrong || err != nil && !c.wrong {
			t.Errorf("%s, compiled: %v", name, err)
		}
		tape, err := engine.NewTape(t.Context(), trace, adam, 3)
		if err == nil {
			tape.Close()
		}
		if errors.Is(err, export.ErrWrong) != c.wrong || err != nil && !c.wrong {
			t.Errorf("%s, on the tape: %v", name, err)
		}
	}
}
