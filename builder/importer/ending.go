package importer

import (
	"errors"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Gives says what the result of a graph is.
type Gives string

// What a graph may give. Training works on logits: probabilities p become log p - log(1-p), those of categories log p.
const (
	Logits        Gives = "logits"
	Probabilities Gives = "probabilities"
)

// AllGives returns the words that [Options.Gives] takes besides "".
func AllGives() []string { return []string{string(Logits), string(Probabilities)} }

// ErrGives: the result lies within bounds that logits do not have, or on one side of 0, and not every graph that ends so gives
// probabilities.
var ErrGives = errors.New("say whether the values are logits or probabilities, or name another value of the graph")

// An ending is what a graph does last to one of its values, z, place by place:
//
//	w = slope · z + offset
//	y = min(max(scale · σ(w) + shift, least), most)
//
// or, of a softmax, min(max(softmax(z), least), most), or its logarithm.
type ending struct {
	node                        int // that squashes; behind it are only clamps, multiplications and additions of numbers, and other shapes
	z                           string
	slope, offset, scale, shift float64
	least, most                 float64
	softmax, log                bool   // log: the result is the logarithm
	behind                      []step // those behind it that change values, the last first
}

// endingOf finds out how a value comes about; it is not ok where it does not end so.
func (f *File) endingOf(output string) (e ending, ok bool) {
	moving := f.moving(output)
	var steps []step
	for name := output; ; {
		i, made := f.maker(name)
		if !made {
			return e, false
		}
		if e, ok = f.squash(i, moving); ok {
			break
		}
		s, ok := f.step(i, moving)
		if !ok {
			return e, false
		}
		steps = append(steps, s)
		name = s.of
	}
	for _, s := range slices.Backward(steps) {
		if !e.then(s) {
			return e, false
		}
		if s.kind != sameStep {
			e.behind = append(e.behind, s)
		}
	}
	return e, true
}

// maker returns the node whose first result a value is. It is not ok for inputs, weights and second results.
func (f *File) maker(name string) (i int, ok bool) {
	i, ok = f.producer[name]
	return i, ok && f.graph.Nodes[i].Outputs[0] == name
}

// A step is an operator that changes each number by itself, in a way that can be told from its constants.
type step struct {
	kind stepKind
	node int
	of   string // the value that it changes
	a, b float64
}

type stepKind int

const (
	sameStep   stepKind = iota // x
	affineStep                 // a·x + b
	clampStep                  // min(max(x, a), b)
	logStep                    // ln x
	expStep                    // eˣ
)

// step reads a node that only changes numbers in such a way.
func (f *File) step(i int, moving map[string]bool) (s step, ok bool) {
	n := f.graph.Nodes[i]
	if len(n.Inputs) == 0 {
		return s, false
	}
	s = step{node: i, of: n.Inputs[0], a: 1}
	// The other operand's number, and whether it comes first.
	c, first, two := 0.0, false, false
	if len(n.Inputs) == 2 && moving[n.Inputs[0]] != moving[n.Inputs[1]] {
		other := n.Inputs[1]
		if first = !moving[n.Inputs[0]]; first {
			s.of, other = n.Inputs[1], n.Inputs[0]
		}
		c, two = f.number(other)
	}
	switch op := n.Op; {
	case onnxop.Has(op, onnxop.KeepsOrder):
		return s, true
	case op == "Cast":
		to := onnxgraph.DTypes[n.Int("to", 0)]
		return s, to == onnxtensor.Float32 || to == onnxtensor.Float64
	case op == "Clip":
		return f.clamp(s, n)
	case op == "Log", op == "Exp":
		s.kind = map[string]stepKind{"Log": logStep, "Exp": expStep}[op]
		return s, true
	case op == "Neg":
		s.kind, s.a = affineStep, -1
		return s, true
	case !two:
		return s, false
	case op == "Max":
		s.kind, s.a, s.b = clampStep, c, math.Inf(1)
		return s, true
	case op == "Min":
		s.kind, s.a, s.b = clampStep, math.Inf(-1), c
		return s, true
	}
	s.kind = affineStep
	switch {
	case n.Op == "Add":
		s.b = c
	case n.Op == "Mul":
		s.a = c
	case n.Op == "Div" && !first:
		s.a = 1 / c
	case n.Op == "Sub" && first:
		s.a, s.b = -1, c
	case n.Op == "Sub":
		s.b = -c
	default:
		return s, false
	}
	return s, s.a != 0 && !math.IsInf(s.a, 0)
}

// clamp reads the bounds of a Clip.
func (f *File) clamp(s step, n onnxgraph.Node) (step, bool) {
	s.kind, s.a, s.b = clampStep, math.Inf(-1), math.Inf(1)
	for i, b := range []struct {
		name string
		to   *float64
	}{{"min", &s.a}, {"max", &s.b}} {
		if v, ok := n.Attributes[b.name].(float32); ok {
			*b.to = float64(v)
		} else if i+1 < len(n.Inputs) && n.Inputs[i+1] != "" {
			var ok bool
			if *b.to, ok = f.number(n.Inputs[i+1]); !ok {
				return s, false
			}
		}
	}
	return s, s.a <= s.b
}

// squash reads a node that makes probabilities of any numbers.
func (f *File) squash(i int, moving map[string]bool) (e ending, ok bool) {
	n := f.graph.Nodes[i]
	if len(n.Inputs) == 0 {
		return e, false
	}
	e = ending{node: i, z: n.Inputs[0], slope: 1, scale: 1, least: math.Inf(-1), most: math.Inf(1)}
	divisor, by := n.Inputs[0], 1.0
	switch n.Op {
	case "Sigmoid":
		return e, true
	case "Tanh": // 2σ(2z) - 1
		e.slope, e.scale, e.shift = 2, 2, -1
		return e, true
	case "Softmax", "LogSoftmax":
		e.softmax, e.log = true, n.Op == "LogSoftmax"
		return e, true
	case "Reciprocal":
	case "Pow":
		if power, known := f.number(n.Inputs[1]); !known || power != -1 {
			return e, false
		}
	case "Div":
		divisor = n.Inputs[1]
		if by, ok = f.number(n.Inputs[0]); !ok {
			return e, false
		}
	default:
		return e, false
	}
	// by / (c + d eᶻ) = by/c · σ(-z - ln(d/c))
	c, d := 0.0, 1.0
	for name := divisor; ; {
		at, made := f.maker(name)
		if !made {
			return e, false
		}
		s, ok := f.step(at, moving)
		switch {
		case ok && s.kind == affineStep: // c + d(a x + b)
			c, d = c+d*s.b, d*s.a
		case ok && s.kind == expStep && c > 0 && d > 0:
			e.z, e.slope, e.offset, e.scale = s.of, -1, -math.Log(d/c), by/c
			return e, true
		case !ok || s.kind != sameStep:
			return e, false
		}
		name = s.of
	}
}

// then adds a step behind an ending, and reports whether it can be.
func (e *ending) then(s step) bool {
	switch s.kind {
	case affineStep:
		if e.softmax || e.log {
			return false
		}
		e.scale, e.shift = s.a*e.scale, s.a*e.shift+s.b
		e.least, e.most = s.a*e.least+s.b, s.a*e.most+s.b
		if s.a < 0 {
			e.least, e.most = e.most, e.least
		}
	case clampStep:
		e.least, e.most = min(max(e.least, s.a), s.b), max(min(e.most, s.b), s.a)
	case logStep:
		if e.log {
			return false
		}
		e.log, e.least, e.most = true, math.Log(max(e.least, 0)), math.Log(max(e.most, 0))
	case expStep:
		if !e.log {
			return false
		}
		e.log, e.least, e.most = false, math.Exp(e.least), math.Exp(e.most)
	}
	return true
}

// exact is how near the constants of a sigmoid in other words are to those of the sigmoid: float32's roundings.
const exact = 1e-6

// asLogits changes an ending that gives probabilities into the one that gives their logits. Those of Bernoulli variables are σ(w) or
// 1 - σ(w) = σ(-w), perhaps clamped: their logits are w between the bounds' logits. Those of categories have logarithms. It is not ok
// where the ending gives something else.
func (e ending) asLogits() (logits ending, ok bool) {
	near := func(x, y float64) bool { return math.Abs(x-y) <= exact }
	switch {
	case e.softmax && !e.log:
		e.log, e.least, e.most = true, math.Log(max(e.least, 0)), math.Log(max(e.most, 0))
		fallthrough
	case e.softmax:
		if e.most >= 0 { // as logarithms of probabilities are anyway
			e.most = math.Inf(1)
		}
		return e, e.least < 0 && !math.IsInf(e.most, -1)
	case e.log || e.most <= 0 || e.least >= 1:
		return e, false
	case near(e.scale, 1) && near(e.shift, 0):
	case near(e.scale, -1) && near(e.shift, 1):
		e.slope, e.offset = -e.slope, -e.offset
	default:
		return e, false
	}
	e.least, e.most = logit(max(e.least, 0)), logit(min(e.most, 1))
	return e, true
}

// smoothed reports probabilities that were drawn a little towards 1/2: scale · σ(w) + (1 - scale)/2.
func (e ending) smoothed() bool {
	return !e.softmax && !e.log && math.Abs(e.scale/2+e.shift-0.5) <= exact && e.scale >= 0.9 && e.scale < 1
}

// logit returns log(p/(1-p)).
func logit(p float64) float64 { return math.Log(p) - math.Log1p(-p) }

// clamped reports bounds.
func (e ending) clamped() bool { return !math.IsInf(e.least, -1) || !math.IsInf(e.most, 1) }

// bounds says which, in words.
func (e ending) bounds() string { return interval{e.least, e.most}.String() }

// moving returns the values that depend on the graph's inputs, of those on which one depends.
func (f *File) moving(output string) map[string]bool {
	moving := map[string]bool{}
	for _, in := range f.graph.Inputs {
		moving[in.Name] = true
	}
	for _, i := range f.towards(output) {
		n := f.graph.Nodes[i]
		moves := slices.ContainsFunc(n.Inputs, func(in string) bool { return moving[in] })
		for _, out := range n.Outputs {
			moving[out] = moves && !onnxop.Has(n.Op, onnxop.ReadsShape)
		}
	}
	return moving
}

// number returns a value that is one number, whatever the rows are.
func (f *File) number(name string) (float64, bool) {
	t, ok := f.weights[name]
	if !ok {
		order := f.towards(name)
		if len(order) == 0 || len(order) > 16 || f.moving(name)[name] { // constants in a few steps
			return 0, false
		}
		g := &onnxgraph.Graph{Opset: f.graph.Opset, Initialisers: nil, Outputs: []onnxgraph.Value{{Info: onnxtensor.Info{Name: name}}}}
		for _, i := range order {
			n := f.graph.Nodes[i]
			g.Nodes = append(g.Nodes, n)
			for _, in := range n.Inputs {
				if w, ok := f.weights[in]; ok && !slices.ContainsFunc(g.Initialisers, func(t onnxgraph.Tensor) bool { return t.Name == in }) {
					g.Initialisers = append(g.Initialisers, w)
				}
			}
		}
		program, err := onnxeval.Load(g)
		if err != nil {
			return 0, false
		}
		out, err := program.Evaluate(nil)
		if err != nil {
			return 0, false
		}
		t = out[0]
	}
	x, one := oneNumber(&t)
	return x, one && len(t.Shape) < 2
}
