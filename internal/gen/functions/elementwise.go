package main

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A function is one of gorgonia's that build graphs, in the forms in which it is measured.
type function struct {
	name  string
	forms []form
}

type (
	unary    = func(*G.Node) (*G.Node, error)
	binary   = func(a, b *G.Node) (*G.Node, error)
	compare2 = func(a, b *G.Node, same bool) (*G.Node, error)
)

var matrix = [][]int{{-1, 3}}

// pointwise is a function of each element.
func pointwise(name string, f unary, want func(float64) float64, change func(*form)) function {
	r := form{
		shapes: matrix, signed: true,
		build: func(in []*G.Node) (*G.Node, error) { return f(in[0]) },
		want:  func(in []array) array { return in[0].each(want) },
	}
	if change != nil {
		change(&r)
	}
	return function{name, []form{r}}
}

func positive(f *form) { f.signed = false }
func flat(f *form)     { f.flat = true }

func sigmoid(x float64) float64  { return 1 / (1 + math.Exp(-x)) }
func softplus(x float64) float64 { return math.Log1p(math.Exp(x)) }

func sign(x float64) float64 {
	if x < 0 {
		return -1
	}
	return 1
}

var unaries = []function{
	pointwise("Abs", G.Abs, math.Abs, nil),
	pointwise("Sign", G.Sign, sign, flat),
	pointwise("Ceil", G.Ceil, math.Ceil, flat),
	pointwise("Floor", G.Floor, math.Floor, flat),
	pointwise("Sin", G.Sin, math.Sin, nil),
	pointwise("Cos", G.Cos, math.Cos, nil),
	pointwise("Exp", G.Exp, math.Exp, nil),
	pointwise("Log", G.Log, math.Log, positive),
	pointwise("Log2", G.Log2, math.Log2, positive),
	pointwise("Neg", G.Neg, func(x float64) float64 { return -x }, nil),
	pointwise("Square", G.Square, func(x float64) float64 { return x * x }, nil),
	pointwise("Sqrt", G.Sqrt, math.Sqrt, positive),
	pointwise("Inverse", G.Inverse, func(x float64) float64 { return 1 / x }, positive),
	pointwise("InverseSqrt", G.InverseSqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, positive),
	pointwise("Cube", G.Cube, func(x float64) float64 { return x * x * x }, nil),
	pointwise("Tanh", G.Tanh, math.Tanh, nil),
	pointwise("Sigmoid", G.Sigmoid, sigmoid, nil),
	pointwise("Log1p", G.Log1p, math.Log1p, positive),
	pointwise("Expm1", G.Expm1, math.Expm1, nil),
	pointwise("Softplus", G.Softplus, softplus, nil),
	pointwise("Rectify", G.Rectify, func(x float64) float64 { return max(x, 0) }, nil),
	pointwise("LeakyRelu", func(x *G.Node) (*G.Node, error) { return G.LeakyRelu(x, 0.1) }, func(x float64) float64 { return max(x, 0.1*x) }, nil),
	pointwise("Mish", G.Mish, func(x float64) float64 { return x * math.Tanh(softplus(x)) }, nil),
	pointwise("ConvType", thereAndBack, func(x float64) float64 { return x }, nil),
}

// thereAndBack converts to the other float type and back.
func thereAndBack(x *G.Node) (*G.Node, error) {
	other := tensor.Float64
	if x.Dtype() == other {
		other = tensor.Float32
	}
	y, err := G.ConvType(x, x.Dtype(), other)
	if err != nil {
		return nil, err
	}
	return G.ConvType(y, other, x.Dtype())
}

// both makes the form of a function of two operands.
func both(name string, a, b []int, f binary, want func(a, b array) array) form {
	return form{
		name: name, shapes: [][]int{a, b},
		build: func(in []*G.Node) (*G.Node, error) { return f(in[0], in[1]) },
		want:  func(in []array) array { return want(in[0], in[1]) },
	}
}

func elements(f func(x, y float64) float64) func(a, b array) array {
	return func(a, b array) array { return combine(a, b, f) }
}

// arithmetic is a function of the elements of two tensors, or of a tensor and a scalar. gorgonia's gradient by the scalar keeps the
// tensor's shape, so that none of the function's results can be differentiated by it.
func arithmetic(name string, f binary, want func(x, y float64) float64) function {
	m := []int{-1, 3}
	left, last := both("scalar first", nil, m, f, elements(want)), both("scalar last", m, nil, f, elements(want))
	left.wrt, last.wrt = []int{1}, []int{0}
	by := both("by a scalar operand", m, nil, f, elements(want))
	by.wrt = []int{1}
	return function{name, []form{both("", m, m, f, elements(want)), left, last, by}}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func comparison(name string, f compare2, want func(x, y float64) bool) function {
	m := []int{-1, 3}
	r := both("", m, m, func(a, b *G.Node) (*G.Node, error) { return f(a, b, true) }, elements(func(x, y float64) float64 { return truth(want(x, y)) }))
	r.flat = true
	s := both("scalar last", m, nil, r.buildBoth(), elements(func(x, y float64) float64 { return truth(want(x, y)) }))
	s.flat = true
	booleans := both("booleans", m, m, func(a, b *G.Node) (*G.Node, error) { return f(a, b, false) }, elements(func(x, y float64) float64 { return truth(want(x, y)) }))
	booleans.flat = true
	return function{name, []form{r, s, booleans}}
}

func (f form) buildBoth() binary {
	return func(a, b *G.Node) (*G.Node, error) { return f.build([]*G.Node{a, b}) }
}

var binaries = []function{
	arithmetic("Add", G.Add, plus),
	arithmetic("Sub", G.Sub, func(x, y float64) float64 { return x - y }),
	arithmetic("HadamardProd", G.HadamardProd, times),
	arithmetic("HadamardDiv", G.HadamardDiv, func(x, y float64) float64 { return x / y }),
	arithmetic("Div", G.Div, func(x, y float64) float64 { return x / y }),
	arithmetic("Pow", G.Pow, math.Pow),
	comparison("Lt", G.Lt, func(x, y float64) bool { return x < y }),
	comparison("Gt", G.Gt, func(x, y float64) bool { return x > y }),
	comparison("Lte", G.Lte, func(x, y float64) bool { return x <= y }),
	comparison("Gte", G.Gte, func(x, y float64) bool { return x >= y }),
	comparison("Eq", G.Eq, func(x, y float64) bool { return x == y }),
	comparison("Ne", G.Ne, func(x, y float64) bool { return x != y }),
	{"MinBetween", []form{both("", []int{-1, 3}, []int{-1, 3}, G.MinBetween, elements(math.Min))}},
	{"MaxBetween", []form{both("", []int{-1, 3}, []int{-1, 3}, G.MaxBetween, elements(math.Max))}},
	{"ReduceAdd", []form{both("", []int{-1, 3}, []int{-1, 3}, func(a, b *G.Node) (*G.Node, error) { return G.ReduceAdd(G.Nodes{a, b, a}) },
		elements(func(x, y float64) float64 { return 2*x + y }))}},
	{"ReduceMul", []form{both("scalars", []int{}, []int{}, func(a, b *G.Node) (*G.Node, error) { return G.ReduceMul(G.Nodes{a, b, a}) },
		elements(func(x, y float64) float64 { return x * x * y })),
		both("matrices", []int{3, 3}, []int{3, 3}, func(a, b *G.Node) (*G.Node, error) { return G.ReduceMul(G.Nodes{a, b}) }, matmul)}},
	{"BinaryXent", []form{{shapes: [][]int{{-1, 3}, {-1, 3}},
		build: func(in []*G.Node) (*G.Node, error) { return G.BinaryXent(G.Must(G.Sigmoid(in[0])), in[1]) },
		want: func(in []array) array {
			return combine(in[0], in[1], func(x, t float64) float64 {
				return -t*math.Log(sigmoid(x)) - (1-t)*math.Log(1-sigmoid(x))
			})
		}}}},
}

// broadcast is a function of two operands, each repeated along an axis of size 1, or lacking it.
func broadcast(name string, f func(a, b *G.Node, left, right []byte) (*G.Node, error), want func(x, y float64) float64, flat bool) function {
	forms := []form{
		both("right, over the batch", []int{-1, 3}, []int{1, 3}, func(a, b *G.Node) (*G.Node, error) { return f(a, b, nil, []byte{0}) }, elements(want)),
		both("left, over the columns", []int{-1, 1}, []int{-1, 3}, func(a, b *G.Node) (*G.Node, error) { return f(a, b, []byte{1}, nil) }, elements(want)),
		both("right, a vector", []int{-1, 3}, []int{3}, func(a, b *G.Node) (*G.Node, error) { return f(a, b, nil, []byte{0}) },
			func(a, b array) array { return combine(a, b.insert(0), want) }),
		both("right, two axes of four", []int{-1, 2, 2, 3}, []int{1, 2, 1, 3}, func(a, b *G.Node) (*G.Node, error) { return f(a, b, nil, []byte{0, 2}) }, elements(want)),
	}
	for i := range forms {
		forms[i].flat = flat
	}
	return function{name, forms}
}

func broadcastComparison(name string, f func(a, b *G.Node, same bool, left, right []byte) (*G.Node, error), want func(x, y float64) bool) function {
	return broadcast(name, func(a, b *G.Node, left, right []byte) (*G.Node, error) { return f(a, b, true, left, right) },
		func(x, y float64) float64 { return truth(want(x, y)) }, true)
}

var broadcasts = []function{
	broadcast("Broadcast", func(a, b *G.Node, left, right []byte) (*G.Node, error) {
		x, y, err := G.Broadcast(a, b, G.NewBroadcastPattern(left, right))
		if err != nil {
			return nil, err
		}
		return G.HadamardProd(x, y)
	}, times, false),
	broadcast("BroadcastAdd", G.BroadcastAdd, plus, false),
	broadcast("BroadcastSub", G.BroadcastSub, func(x, y float64) float64 { return x - y }, false),
	broadcast("BroadcastHadamardProd", G.BroadcastHadamardProd, times, false),
	broadcast("BroadcastHadamardDiv", G.BroadcastHadamardDiv, func(x, y float64) float64 { return x / y }, false),
	broadcast("BroadcastPow", G.BroadcastPow, math.Pow, false),
	broadcastComparison("BroadcastLt", G.BroadcastLt, func(x, y float64) bool { return x < y }),
	broadcastComparison("BroadcastGt", G.BroadcastGt, func(x, y float64) bool { return x > y }),
	broadcastComparison("BroadcastLte", G.BroadcastLte, func(x, y float64) bool { return x <= y }),
	broadcastComparison("BroadcastGte", G.BroadcastGte, func(x, y float64) bool { return x >= y }),
	broadcastComparison("BroadcastEq", G.BroadcastEq, func(x, y float64) bool { return x == y }),
	broadcastComparison("BroadcastNe", G.BroadcastNe, func(x, y float64) bool { return x != y }),
	{"Auto", []form{both("over the batch", []int{-1, 3}, []int{1, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Auto(G.BroadcastHadamardProd, a, b) }, elements(times))}},
}

// leaves are nodes without operands, used once each.
var leaves = []function{
	leafFunction("NewScalar", 2, func(g *G.ExprGraph, d tensor.Dtype) *G.Node {
		return G.NewScalar(g, d, G.WithName("two"), G.WithValue(number(d, 2)))
	}),
	leafFunction("NewVector", 2, func(g *G.ExprGraph, d tensor.Dtype) *G.Node {
		return sumOf(G.NewVector(g, d, G.WithName("v"), G.WithValue(dense(d, []float64{1.5, 0.5}, 2))))
	}),
	leafFunction("NewMatrix", 2, func(g *G.ExprGraph, d tensor.Dtype) *G.Node {
		return sumOf(G.NewMatrix(g, d, G.WithName("m"), G.WithValue(dense(d, []float64{1.5, 0.5}, 1, 2))))
	}),
	leafFunction("NewTensor", 2, func(g *G.ExprGraph, d tensor.Dtype) *G.Node {
		return sumOf(G.NewTensor(g, d, 3, G.WithName("t"), G.WithValue(dense(d, []float64{1.5, 0.5}, 1, 2, 1))))
	}),
	leafFunction("NewConstant", 2, func(_ *G.ExprGraph, d tensor.Dtype) *G.Node { return G.NewConstant(number(d, 2)) }),
	leafFunction("NodeFromAny", 2, func(g *G.ExprGraph, d tensor.Dtype) *G.Node { return G.NodeFromAny(g, number(d, 2), G.WithName("any")) }),
	{"OneHotVector", []form{{shapes: matrix,
		build: func(in []*G.Node) (*G.Node, error) {
			return G.Mul(in[0], G.OneHotVector(1, 3, in[0].Dtype(), G.WithName("hot"), G.In(in[0].Graph())))
		},
		want: func(in []array) array { return in[0].slice(1, 1, 2, 1).drop(1) }}}},
	random("UniformRandomNode", func(g *G.ExprGraph, d tensor.Dtype, n int) *G.Node { return G.UniformRandomNode(g, d, 0, 1, n, 3) }),
	random("GaussianRandomNode", func(g *G.ExprGraph, d tensor.Dtype, n int) *G.Node { return G.GaussianRandomNode(g, d, 0, 1, n, 3) }),
	random("BinomialRandomNode", func(g *G.ExprGraph, d tensor.Dtype, n int) *G.Node { return G.BinomialRandomNode(g, d, 3, 0.5, n, 3) }),
	{"Dropout", []form{
		{name: "in training", shapes: matrix, random: true, build: func(in []*G.Node) (*G.Node, error) { return G.Dropout(in[0], 0.5) }},
		{name: "in testing mode", shapes: matrix, testing: true, build: func(in []*G.Node) (*G.Node, error) {
			y, err := G.Dropout(in[0], 0.3)
			if err != nil {
				return nil, err
			}
			return y, y.Op().(G.TrainModeOp).SetTraining(false)
		}, want: func(in []array) array { return in[0] }},
	}},
}

// leafFunction measures a leaf as a factor of the operand.
func leafFunction(name string, factor float64, f func(*G.ExprGraph, tensor.Dtype) *G.Node) function {
	return function{name, []form{{
		shapes: matrix,
		build:  func(in []*G.Node) (*G.Node, error) { return G.HadamardProd(in[0], f(in[0].Graph(), in[0].Dtype())) },
		want:   func(in []array) array { return in[0].each(func(x float64) float64 { return factor * x }) },
	}}}
}

func random(name string, f func(*G.ExprGraph, tensor.Dtype, int) *G.Node) function {
	return function{name, []form{{shapes: matrix, random: true,
		build: func(in []*G.Node) (*G.Node, error) {
			return G.Add(in[0], f(in[0].Graph(), in[0].Dtype(), in[0].Shape()[0]))
		}}}}
}

func sumOf(n *G.Node) *G.Node { return G.Must(G.Sum(n)) }

func number(d tensor.Dtype, x float64) any {
	if d == tensor.Float32 {
		return float32(x)
	}
	return x
}

func dense(d tensor.Dtype, x []float64, shape ...int) *tensor.Dense {
	if d == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	narrow := make([]float32, len(x))
	for i, v := range x {
		narrow[i] = float32(v)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(narrow))
}
