package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"hash"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/train/engine"
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A kind is an objective of one sort that engines must take, with its loss written in float64: enough to step by finite
// differences.
type kind struct {
	trace   engine.Trace
	names   []string
	start   [][]float64 // parameters in row-major order
	batch   engine.Batch
	formula func(w [][]float64) float64
}

var columns = []float64{0.3, -0.2, 0.5, 0.7, -0.4, 0.1} // a [2,3] in row-major order

func kinds() map[string]kind {
	x := []float64{1, 0, 0.5, 0.2, 1, 0, 0.9, 0.4}
	xent := func(p, x float64) float64 { return -(x*math.Log(p) + (1-x)*math.Log(1-p)) }
	sigmoid := func(l float64) float64 { return 1 / (1 + math.Exp(-l)) }
	return map[string]kind{
		"binary cross-entropy": {
			trace: func(g *G.ExprGraph, batch int) (engine.Objective, error) {
				w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(vector(-0.7, 0.2, 1.1, 0.4, 0.3, -0.3, 0.8, 0.1)))
				in := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(8))
				p := G.Must(G.Sigmoid(w))
				before := G.Must(G.Mean(G.Must(G.Log1p(G.Must(G.Neg(p))))))
				loss := G.Must(G.Sub(G.Must(G.Mean(G.Must(G.BinaryXent(p, in)))), before))
				return engine.Objective{Loss: loss, Parameters: G.Nodes{w}, Inputs: G.Nodes{in}}, nil
			},
			names: []string{"w"}, start: [][]float64{{-0.7, 0.2, 1.1, 0.4, 0.3, -0.3, 0.8, 0.1}}, batch: engine.Batch{"x": x},
			formula: func(w [][]float64) (sum float64) {
				for i := range x {
					p := sigmoid(w[0][i])
					sum += (xent(p, x[i]) - math.Log1p(-p)) / 8
				}
				return sum
			},
		},
		"scalars": {
			trace: func(g *G.ExprGraph, batch int) (engine.Objective, error) {
				a := G.NewScalar(g, tensor.Float64, G.WithName("a"), G.WithValue(0.5))
				b := G.NewScalar(g, tensor.Float64, G.WithName("b"), G.WithValue(tensor.New(tensor.FromScalar(-0.25))))
				in := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(8))
				line := G.Must(G.Add(G.Must(G.Mul(in, a)), b))
				loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(line, G.Must(G.Square(in))))))))
				return engine.Objective{Loss: loss, Parameters: G.Nodes{a, b}, Inputs: G.Nodes{in}}, nil
			},
			names: []string{"a", "b"}, start: [][]float64{{0.5}, {-0.25}}, batch: engine.Batch{"x": x},
			formula: func(w [][]float64) (sum float64) {
				for _, x := range x {
					d := x*w[0][0] + w[1][0] - x*x
					sum += d * d / 8
				}
				return sum
			},
		},
		"no inputs": {
			trace: func(g *G.ExprGraph, batch int) (engine.Objective, error) {
				w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(vector(1, 2, 3)))
				c := G.NewVector(g, tensor.Float64, G.WithName("c"), G.WithValue(vector(0.5, -1, 2)))
				loss := G.Must(G.Sum(G.Must(G.Square(G.Must(G.Sub(w, c))))))
				return engine.Objective{Loss: loss, Parameters: G.Nodes{w}}, nil
			},
			names: []string{"w"}, start: [][]float64{{1, 2, 3}},
			formula: func(w [][]float64) (sum float64) {
				for i, c := range []float64{0.5, -1, 2} {
					sum += (w[0][i] - c) * (w[0][i] - c)
				}
				return sum
			},
		},
		"column-major": layout(func() *tensor.Dense {
			return tensor.New(tensor.WithShape(2, 3), tensor.AsFortran(append([]float64(nil), columns...)))
		}),
		"transposed": layout(func() *tensor.Dense {
			t := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{0.3, 0.7, -0.2, -0.4, 0.5, 0.1}))
			if err := t.T(); err != nil {
				panic(err)
			}
			return t
		}),
		"a part": layout(func() *tensor.Dense {
			t := tensor.New(tensor.WithShape(2, 5), tensor.WithBacking([]float64{9, 0.3, -0.2, 0.5, 9, 9, 0.7, -0.4, 0.1, 9}))
			v, err := t.Slice(nil, G.S(1, 4))
			if err != nil {
				panic(err)
			}
			return v.(*tensor.Dense)
		}),
	}
}

func vector(x ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))
}

// layout is a kind whose parameter holds the numbers of columns in another order in memory.
func layout(value func() *tensor.Dense) kind {
	rows := []float64{1, 0.5, -1, 2}
	return kind{
		trace: func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			w := G.NewMatrix(g, tensor.Float64, G.WithName("w"), G.WithShape(2, 3), G.WithValue(value()))
			in := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 2))
			y := G.Must(G.Tanh(G.Must(G.Mul(in, w))))
			weights := G.NewMatrix(g, tensor.Float64, G.WithName("c"), G.WithShape(2, 3), G.WithValue(value()))
			loss := G.Must(G.Sum(G.Must(G.HadamardProd(y, weights))))
			return engine.Objective{Loss: loss, Parameters: G.Nodes{w}, Inputs: G.Nodes{in}}, nil
		},
		names: []string{"w"}, start: [][]float64{columns}, batch: engine.Batch{"x": rows},
		formula: func(w [][]float64) (sum float64) {
			for r := range 2 {
				for c := range 3 {
					sum += math.Tanh(rows[2*r]*w[0][c]+rows[2*r+1]*w[0][3+c]) * columns[3*r+c]
				}
			}
			return sum
		},
	}
}

// Every kind of objective steps as finite differences of its formula do, on every engine.
func TestKindsAgainstFiniteDifferences(t *testing.T) {
	t.Parallel()
	const rate, steps = 0.1, 3
	for name, k := range kinds() {
		for which, e := range engines(t, k.trace, engine.Optimizer{Name: "sgd", LearningRate: rate, Momentum: 0.5}, 2) {
			w := make([][]float64, len(k.start))
			velocity := make([][]float64, len(k.start))
			for i := range w {
				w[i], velocity[i] = append([]float64(nil), k.start[i]...), make([]float64, len(k.start[i]))
			}
			for step := range steps {
				values, err := e.Step(t.Context(), k.batch)
				if err != nil {
					t.Fatalf("%s: %s: %v", name, which, err)
				}
				if want := k.formula(w); math.Abs(values[0][0]-want) > 1e-8 {
					t.Fatalf("%s: %s: the loss of step %d is %.10g, the formula gives %.10g", name, which, step+1, values[0][0], want)
				}
				grads := differences(k.formula, w)
				for i := range w {
					for j := range w[i] {
						velocity[i][j] = 0.5*velocity[i][j] + grads[i][j]
						w[i][j] -= rate * velocity[i][j]
					}
				}
			}
			s := e.State()
			for i, n := range k.names {
				got, ok := s.Tensor(n)
				if err := got.Check(); !ok || err != nil {
					t.Fatalf("%s: %s: the state's %q: %t, %v", name, which, n, ok, err)
				}
				for j, x := range floats(got.Data) {
					if math.Abs(x-w[i][j]) > 1e-7 {
						t.Errorf("%s: %s: %s[%d] is %.9g, steps by finite differences give %.9g", name, which, n, j, x, w[i][j])
					}
				}
			}
			if err := e.Restore(s); err != nil {
				t.Errorf("%s: %s: %v", name, which, err)
			}
		}
	}
}

func differences(f func([][]float64) float64, w [][]float64) [][]float64 {
	const h = 1e-5
	grads := make([][]float64, len(w))
	for i := range w {
		grads[i] = make([]float64, len(w[i]))
		for j, x := range w[i] {
			w[i][j] = x + h
			above := f(w)
			w[i][j] = x - h
			grads[i][j] = (above - f(w)) / (2 * h)
			w[i][j] = x
		}
	}
	return grads
}

// Scalars are clipped, kept in float32 and moved by Adam as others are: all engines agree.
func TestScalarParameters(t *testing.T) {
	t.Parallel()
	trace := func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		a := G.NewScalar(g, tensor.Float32, G.WithName("a"), G.WithValue(float32(0.5)))
		w := G.NewVector(g, tensor.Float32, G.WithName("w"), G.WithValue(tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 2, 3}))))
		x := G.NewScalar(g, tensor.Float32, G.WithName("x"))
		loss := G.Must(G.Sum(G.Must(G.Square(G.Must(G.Sub(G.Must(G.Mul(w, a)), x))))))
		return engine.Objective{Loss: loss, Parameters: G.Nodes{a, w}, Inputs: G.Nodes{x}}, nil
	}
	made := engines(t, trace, engine.Optimizer{Name: "adam", LearningRate: 0.01, Clip: 0.5}, 1)
	var want []engine.Values
	for _, which := range []string{"tape", "compiled", "scan of 4"} {
		got, err := made[which].Step(t.Context(), engine.Batch{"x": []float32{2}}, engine.Batch{"x": []float32{1}}, engine.Batch{"x": []float32{3}})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		for i := range want {
			if math.Abs(got[i][0]-want[i][0]) > 1e-5*math.Abs(want[i][0]) {
				t.Errorf("%s: the loss of step %d is %g, the tape has %g", which, i+1, got[i][0], want[i][0])
			}
		}
		if s, _ := made[which].State().Tensor("a"); len(s.Shape) != 0 {
			t.Errorf("%s: the scalar's shape in the state is %v", which, s.Shape)
		}
	}
}

// Whole numbers go in as they are: vectors and scalars of int64, int32, uint8 and gorgonia's int.
func TestWholeInputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dtype tensor.Dtype
		data  func(x ...int) any
	}{
		{tensor.Int64, slice[int64]}, {tensor.Int32, slice[int32]}, {tensor.Uint8, slice[uint8]}, {tensor.Int, slice[int64]},
	} {
		for _, scalar := range []bool{false, true} {
			trace := func(g *G.ExprGraph, batch int) (engine.Objective, error) {
				w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(vector(1, 2, 3)))
				var x *G.Node
				if scalar {
					x = G.NewScalar(g, c.dtype, G.WithName("x"))
				} else {
					x = G.NewVector(g, c.dtype, G.WithName("x"), G.WithShape(3))
				}
				f := G.Must(G.ApplyOp(toFloat{scalar}, x))
				loss := G.Must(G.Sum(G.Must(G.HadamardProd(w, f))))
				return engine.Objective{Loss: loss, Parameters: G.Nodes{w}, Inputs: G.Nodes{x}}, nil
			}
			batch, want := engine.Batch{"x": c.data(3, 0, 2)}, 9.0
			if scalar {
				batch, want = engine.Batch{"x": c.data(2)}, 12
			}
			for which, e := range engines(t, trace, engine.Optimizer{Name: "sgd", LearningRate: 0.1}, 3) {
				got, err := e.Step(t.Context(), batch)
				if err != nil {
					t.Errorf("%v, scalar %t: %s: %v", c.dtype, scalar, which, err)
				} else if got[0][0] != want {
					t.Errorf("%v, scalar %t: %s: the loss is %g, want %g", c.dtype, scalar, which, got[0][0], want)
				}
			}
		}
	}
}

func slice[T int64 | int32 | uint8](x ...int) any {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(v)
	}
	return out
}

// toFloat casts whole numbers to float64, which gorgonia has no operation for.
type toFloat struct{ scalar bool }

func (op toFloat) Arity() int { return 1 }
func (op toFloat) Type() hm.Type {
	if op.scalar {
		return hm.NewFnType(hm.TypeVariable('a'), tensor.Float64)
	}
	return hm.NewFnType(G.TensorType{Dims: 1, Of: hm.TypeVariable('a')}, G.TensorType{Dims: 1, Of: tensor.Float64})
}
func (op toFloat) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op toFloat) Do(in ...G.Value) (G.Value, error) {
	if op.scalar {
		return G.NewF64(builder.Floats(in[0])[0]), nil
	}
	return vector(builder.Floats(in[0])...), nil
}
func (op toFloat) ReturnsPtr() bool      { return false }
func (op toFloat) CallsExtern() bool     { return false }
func (op toFloat) OverwritesInput() int  { return -1 }
func (op toFloat) WriteHash(h hash.Hash) { fmt.Fprint(h, op.String()) }
func (op toFloat) Hashcode() uint32      { return 77 }
func (op toFloat) String() string        { return fmt.Sprintf("ToFloat %t", op.scalar) }
func (op toFloat) DiffWRT(int) []bool    { return []bool{false} }
func (op toFloat) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) {
	return G.Nodes{nil}, nil
}
func (op toFloat) ONNX(w builder.ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Cast", map[string]any{"to": int64(11)}, in[0]), nil
}

// wrongShape is an operation whose gradient has another shape than its operand.
type wrongShape struct{ toFloat }

func (wrongShape) DiffWRT(int) []bool { return []bool{true} }
func (wrongShape) String() string     { return "WrongShape" }
func (wrongShape) SymDiff(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.Sum(grad)
	return G.Nodes{n}, err
}

// What is wrong with an objective is told by the parameter that it concerns.
func TestErrorsNameTheParameter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trace engine.Trace
		want  string
	}{
		"a gradient of another shape": {func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(vector(1, 2, 3)))
			loss := G.Must(G.Sum(G.Must(G.ApplyOp(wrongShape{}, w))))
			return engine.Objective{Loss: loss, Parameters: G.Nodes{w}}, nil
		}, `the parameter "w"`},
		"no name": {func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			w := G.NewVector(g, tensor.Float64, G.WithValue(vector(1, 2, 3)))
			return engine.Objective{Loss: G.Must(G.Sum(w)), Parameters: G.Nodes{w}}, nil
		}, "has no name"},
		"no value": {func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithShape(3))
			return engine.Objective{Loss: G.Must(G.Sum(w)), Parameters: G.Nodes{w}}, nil
		}, `the parameter "w" holds no value`},
		"a mask": {func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			v := vector(1, 2, 3)
			v.ResetMask(true)
			w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithValue(v))
			return engine.Objective{Loss: G.Must(G.Sum(w)), Parameters: G.Nodes{w}}, nil
		}, `the parameter "w": a value of shape (3) has a mask`},
	} {
		_, err := engine.NewTape(context.Background(), c.trace, engine.Optimizer{Name: "sgd", LearningRate: 0.1}, 1)
		if !errors.Is(err, engine.ErrObjective) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}
