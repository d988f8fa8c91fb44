package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Interval arithmetic over the operators of a graph: between which numbers a value lies whatever the rows are, with the weights of the
// file. What is not known lies anywhere.

// An interval holds the numbers from least to most.
type interval struct{ least, most float64 }

// String says where, in words.
func (v interval) String() string {
	switch {
	case math.IsInf(v.most, 1):
		return fmt.Sprintf("at %.4g or above", v.least)
	case math.IsInf(v.least, -1):
		return fmt.Sprintf("at %.4g or below", v.most)
	}
	return fmt.Sprintf("between %.4g and %.4g", v.least, v.most)
}

var anywhere = interval{math.Inf(-1), math.Inf(1)}

// intervalOf returns where a value lies.
func (f *File) intervalOf(output string) interval {
	known := map[string]interval{}
	of := func(name string) interval {
		if v, ok := known[name]; ok {
			return v
		}
		if t, ok := f.weights[name]; ok {
			known[name] = extent(t)
			return known[name]
		}
		return anywhere
	}
	for _, i := range f.towards(output) {
		n := f.graph.Nodes[i]
		v := anywhere
		switch rule := intervals[n.Op]; {
		case n.Op == "Constant":
			if t, ok := n.Attributes["value"].(onnxgraph.Tensor); ok {
				v = extent(t)
			}
		case n.Op == "Clip":
			if s, ok := f.clamp(step{}, n); ok {
				v = of(n.Inputs[0]).map2(interval{s.a, s.a}, math.Max).map2(interval{s.b, s.b}, math.Min)
			}
		case n.Op == "Mul" && n.Inputs[0] == n.Inputs[1]:
			v = square(of(n.Inputs[0]))
		case n.Op == "Pow":
			if p, ok := f.number(n.Inputs[1]); ok {
				v = of(n.Inputs[0]).power(p)
			}
		case n.Op == "Mul" && (f.gates(n.Inputs[0], n.Inputs[1]) || f.gates(n.Inputs[1], n.Inputs[0])):
			v = interval{leastSwish, math.Inf(1)}
		case n.Op == "Div" && f.softens(n):
			v = interval{-1, 1}
		case rule != nil:
			in := make([]interval, len(n.Inputs))
			for i, name := range n.Inputs {
				in[i] = of(name)
			}
			v = rule(n, in)
		case n.Op == "ConstantOfShape" || n.Op == "OneHot" || onnxop.Has(n.Op, onnxop.ReadsShape): // of other numbers than the operand's
		case onnxop.Has(n.Op, onnxop.Moves) && len(n.Inputs) > 0:
			v = of(n.Inputs[0])
			if n.Op == "Concat" || n.Op == "Where" || n.Op == "Pad" {
				v = hull(n, of)
			}
		}
		if math.IsNaN(v.least) || math.IsNaN(v.most) {
			v = anywhere
		}
		for _, out := range n.Outputs {
			known[out] = v
		}
	}
	return of(output)
}

// gates reports that one value is the sigmoid of another, so that their product is x·σ(x).
func (f *File) gates(gate, x string) bool {
	i, ok := f.producer[gate]
	return ok && f.graph.Nodes[i].Op == "Sigmoid" && f.graph.Nodes[i].Inputs[0] == x
}

// softens reports x / (1 + |x|), which is softsign.
func (f *File) softens(n onnxgraph.Node) bool {
	i, ok := f.producer[n.Inputs[1]]
	if !ok || f.graph.Nodes[i].Op != "Add" {
		return false
	}
	for _, name := range f.graph.Nodes[i].Inputs {
		if at, ok := f.producer[name]; ok && f.graph.Nodes[at].Op == "Abs" && f.graph.Nodes[at].Inputs[0] == n.Inputs[0] {
			one, known := f.number(other(f.graph.Nodes[i].Inputs, name))
			return known && one >= 1
		}
	}
	return false
}

// other returns the one of two names that is not the given one.
func other(names []string, name string) string {
	if names[0] == name {
		return names[1]
	}
	return names[0]
}

// The least values of x·σ(x) and x·Φ(x).
const (
	leastSwish = -0.2785
	leastGelu  = -0.17
)

// extent returns where the numbers of a tensor lie.
func extent(t onnxgraph.Tensor) interval {
	values := onnxtensor.Tensor{Data: t.Data}.Floats()
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return anywhere
	}
	return interval{slices.Min(values), slices.Max(values)}
}

// hull returns where the numbers of several operands lie.
func hull(n onnxgraph.Node, of func(string) interval) interval {
	in := n.Inputs
	switch n.Op {
	case "Where":
		in = in[1:]
	case "Pad": // what is added is 0 unless it is told
		in = in[:1]
		if len(n.Inputs) > 2 && n.Inputs[2] != "" {
			in = []string{n.Inputs[0], n.Inputs[2]}
		}
	}
	v := of(in[0])
	if n.Op == "Pad" {
		v = interval{min(v.least, 0), max(v.most, 0)}
	}
	for _, name := range in[1:] {
		v = interval{min(v.least, of(name).least), max(v.most, of(name).most)}
	}
	return v
}

// intervals are the operators that are followed.
var intervals = map[string]func(n onnxgraph.Node, in []interval) interval{
	"Sigmoid":    rising(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }),
	"Tanh":       rising(math.Tanh),
	"Erf":        rising(math.Erf),
	"Relu":       rising(func(x float64) float64 { return max(x, 0) }),
	"Exp":        rising(math.Exp),
	"Log":        rising(func(x float64) float64 { return math.Log(max(x, 0)) }),
	"Sqrt":       rising(func(x float64) float64 { return math.Sqrt(max(x, 0)) }),
	"Softplus":   rising(func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }),
	"Selu":       selus,
	"Gelu":       func(n onnxgraph.Node, in []interval) interval { return interval{leastGelu, math.Inf(1)} },
	"Elu":        elus,
	"LeakyRelu":  leaks,
	"PRelu":      pRelus,
	"Neg":        func(_ onnxgraph.Node, in []interval) interval { return interval{-in[0].most, -in[0].least} },
	"Abs":        func(_ onnxgraph.Node, in []interval) interval { return absolute(in[0]) },
	"Reciprocal": func(_ onnxgraph.Node, in []interval) interval { return interval{1, 1}.over(in[0]) },
	"Add": func(_ onnxgraph.Node, in []interval) interval {
		return interval{in[0].least + in[1].least, in[0].most + in[1].most}
	},
	"Sub": func(_ onnxgraph.Node, in []interval) interval {
		return interval{in[0].least - in[1].most, in[0].most - in[1].least}
	},
	"Mul":               func(_ onnxgraph.Node, in []interval) interval { return in[0].times(in[1]) },
	"Div":               func(_ onnxgraph.Node, in []interval) interval { return in[0].over(in[1]) },
	"Max":               func(_ onnxgraph.Node, in []interval) interval { return folded(in, math.Max) },
	"Min":               func(_ onnxgraph.Node, in []interval) interval { return folded(in, math.Min) },
	"HardSigmoid":       truths,
	"HardSwish":         func(onnxgraph.Node, []interval) interval { return interval{leastHardSwish, math.Inf(1)} },
	"Mish":              func(onnxgraph.Node, []interval) interval { return interval{leastMish, math.Inf(1)} },
	"Softsign":          func(onnxgraph.Node, []interval) interval { return interval{-1, 1} },
	"Celu":              celus,
	"MaxPool":           pooled,
	"AveragePool":       pooled,
	"GlobalMaxPool":     pooled,
	"GlobalAveragePool": pooled,
	"ReduceMax":         func(_ onnxgraph.Node, in []interval) interval { return in[0] },
	"ReduceMin":         func(_ onnxgraph.Node, in []interval) interval { return in[0] },
	"ReduceL1":          positives,
	"ReduceL2":          positives,
	"ReduceSumSquare":   positives,
	"LpNormalization":   func(onnxgraph.Node, []interval) interval { return interval{-1, 1} },
	"Resize": func(n onnxgraph.Node, in []interval) interval {
		if n.Text("mode", "nearest") == "cubic" { // which goes beyond the numbers around it
			return anywhere
		}
		return in[0]
	},
	"Greater":    truths,
	"Less":       truths,
	"Softmax":    truths, // within [0,1] too
	"LogSoftmax": func(onnxgraph.Node, []interval) interval { return interval{math.Inf(-1), 0} },
	"ReduceMean": func(_ onnxgraph.Node, in []interval) interval { return in[0] },
	"ReduceSum": func(_ onnxgraph.Node, in []interval) interval { // of any number of elements
		v := anywhere
		if in[0].least >= 0 {
			v.least = 0
		}
		if in[0].most <= 0 {
			v.most = 0
		}
		return v
	},
}

// The least values of x·min(max(x/6 + 1/2, 0), 1) and x·tanh(softplus(x)).
const (
	leastHardSwish = -0.375
	leastMish      = -0.309
)

func positives(onnxgraph.Node, []interval) interval { return interval{0, math.Inf(1)} }

// pooled are numbers among others, or zeros of a padding.
func pooled(_ onnxgraph.Node, in []interval) interval {
	return interval{min(in[0].least, 0), max(in[0].most, 0)}
}

func celus(n onnxgraph.Node, in []interval) interval {
	alpha := float64(n.Float("alpha", 1))
	if alpha <= 0 {
		return anywhere
	}
	return interval{-alpha, math.Inf(1)}
}

func truths(onnxgraph.Node, []interval) interval { return interval{0, 1} }

func rising(f func(float64) float64) func(onnxgraph.Node, []interval) interval {
	return func(_ onnxgraph.Node, in []interval) interval { return interval{f(in[0].least), f(in[0].most)} }
}

func elus(n onnxgraph.Node, in []interval) interval {
	alpha := float64(n.Float("alpha", 1))
	if alpha < 0 {
		return anywhere
	}
	f := func(x float64) float64 {
		if x > 0 {
			return x
		}
		return alpha * math.Expm1(x)
	}
	return interval{f(in[0].least), f(in[0].most)}
}

func selus(n onnxgraph.Node, in []interval) interval {
	least := -float64(n.Float("alpha", seluAlpha)) * float64(n.Float("gamma", seluGamma))
	if least > 0 {
		return anywhere
	}
	return interval{least, math.Inf(1)}
}

func leaks(n onnxgraph.Node, in []interval) interval {
	alpha := float64(n.Float("alpha", 0.01))
	if alpha < 0 {
		return anywhere
	}
	f := func(x float64) float64 {
		if x >= 0 {
			return x
		}
		return -interval{alpha, alpha}.times(interval{-x, -x}).least
	}
	return interval{f(in[0].least), f(in[0].most)}
}

func pRelus(_ onnxgraph.Node, in []interval) interval {
	above := in[0].map2(interval{}, math.Max)
	below := in[0].map2(interval{}, math.Min).times(in[1])
	switch {
	case in[0].least >= 0:
		return above
	case in[0].most <= 0:
		return below
	}
	return interval{min(above.least, below.least), max(above.most, below.most)}
}

func folded(in []interval, f func(x, y float64) float64) interval {
	v := in[0]
	for _, w := range in[1:] {
		v = v.map2(w, f)
	}
	return v
}

// map2 returns where f of two numbers lies, for an f that rises with both.
func (v interval) map2(w interval, f func(x, y float64) float64) interval {
	return interval{f(v.least, w.least), f(v.most, w.most)}
}

func absolute(v interval) interval {
	if v.least <= 0 && v.most >= 0 {
		return interval{0, max(-v.least, v.most)}
	}
	a, b := math.Abs(v.least), math.Abs(v.most)
	return interval{min(a, b), max(a, b)}
}

func square(v interval) interval {
	v = absolute(v)
	return interval{v.least * v.least, v.most * v.most}
}

// power returns where vᵖ lies. A root of a negative number is none.
func (v interval) power(p float64) interval {
	whole := p == math.Trunc(p)
	switch {
	case p == 0:
		return interval{1, 1}
	case p < 0:
		return interval{1, 1}.over(v.power(-p))
	case whole && math.Mod(p, 2) == 0:
		v = absolute(v)
	case !whole:
		v = v.map2(interval{}, math.Max)
	}
	return interval{math.Pow(v.least, p), math.Pow(v.most, p)}
}

func (v interval) times(w interval) interval {
	out := interval{math.Inf(1), math.Inf(-1)}
	for _, x := range []float64{v.least, v.most} {
		for _, y := range []float64{w.least, w.most} {
			xy := x * y
			if x == 0 || y == 0 { // of infinity too: the numbers are finite
				xy = 0
			}
			out = interval{min(out.least, xy), max(out.most, xy)}
		}
	}
	return out
}

func (v interval) over(w interval) interval {
	if w.least < 0 && w.most > 0 {
		return anywhere
	}
	return v.times(interval{inverse(w.most, -1), inverse(w.least, 1)})
}

// inverse returns 1/x, and at 0 the infinity of the given sign.
func inverse(x float64, sign int) float64 {
	if x == 0 {
		return math.Inf(sign)
	}
	return 1 / x
}
