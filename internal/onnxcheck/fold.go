package onnxcheck

import (
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
)

// Exporters compute shapes from constants by a few operators. This file follows them for short lists, so that what is asked for by
// a computed size is bounded too. Ranks are not followed: a number is a list of one.

// maps are the operators of one operand that are followed, number by number.
var maps = map[string]func(a float64) float64{
	"Identity":  same,
	"Squeeze":   same,
	"Unsqueeze": same,
	"Reshape":   same,
	"Cast":      same,
	"Neg":       func(a float64) float64 { return -a },
	"Abs":       math.Abs,
	"Floor":     math.Floor,
	"Ceil":      math.Ceil,
	"Round":     math.RoundToEven,
	"Not": func(a float64) float64 {
		if a == 0 {
			return 1
		}
		return 0
	},
}

func same(a float64) float64 { return a }

// reductions are the operators that are followed where they make one number of a whole list.
var reductions = map[string]func(a, b float64) float64{
	"ReduceSum":  func(a, b float64) float64 { return a + b },
	"ReduceProd": func(a, b float64) float64 { return a * b },
	"ReduceMax":  math.Max,
	"ReduceMin":  math.Min,
}

// folds are the operators that are followed, for operands of one length or of length 1.
var folds = map[string]func(a, b float64) float64{
	"Add": func(a, b float64) float64 { return a + b },
	"Sub": func(a, b float64) float64 { return a - b },
	"Mul": func(a, b float64) float64 { return a * b },
	"Div": func(a, b float64) float64 { return math.Trunc(a / b) },
	"Mod": func(a, b float64) float64 { return a - b*math.Floor(a/b) },
	"Pow": math.Pow,
	"Max": math.Max,
	"Min": math.Min,
	"Equal": func(a, b float64) float64 {
		if a == b {
			return 1
		}
		return 0
	},
}

// numbersOf returns the numbers of a node's result, nil where they are not known.
func (s *scope) numbersOf(n *onnxpb.NodeProto) []float64 {
	var in [][]float64
	for _, name := range n.Input {
		v := s.constants[name]
		if len(v) == 0 || len(v) >= maxNumbers {
			return nil
		}
		in = append(in, v)
	}
	switch op := n.GetOpType(); {
	case op == "Constant" && len(n.Attribute) == 1:
		return attributeNumbers(n.Attribute[0]) // value, value_int, value_ints and so on
	case len(in) == 0:
		return nil
	case maps[op] != nil:
		return stretched(len(in[0]), in[:1], func(v []float64) float64 { return maps[op](v[0]) })
	case reductions[op] != nil && s.vector(n.Input[0]) && !keepsAll(n):
		all := in[0][0]
		for _, v := range in[0][1:] {
			all = reductions[op](all, v)
		}
		return []float64{all}
	case op == "Gather" && len(in) == 2 && s.vector(n.Input[0]):
		return gathered(in[0], in[1])
	case op == "Slice" && len(in) > 2 && s.vector(n.Input[0]) && len(in[1]) == 1 && len(in[2]) == 1 && (len(in) < 5 || len(in[4]) == 1 && in[4][0] == 1):
		from, to := place(in[1][0], len(in[0])), place(in[2][0], len(in[0]))
		return in[0][from:max(from, to)]
	case op == "Concat":
		var all []float64
		for _, v := range in {
			if all = append(all, v...); len(all) > maxNumbers {
				return nil
			}
		}
		return all
	case op == "ConstantOfShape" && len(in[0]) == 1 && in[0][0] >= 1 && in[0][0] < maxNumbers:
		value := 0.0
		for _, a := range n.Attribute {
			if v := attributeNumbers(a); len(v) == 1 {
				value = v[0]
			}
		}
		list := make([]float64, int(in[0][0]))
		for i := range list {
			list[i] = value
		}
		return list
	case op == "Where" && len(in) == 3:
		return stretched(max(len(in[0]), len(in[1]), len(in[2])), in, func(v []float64) float64 {
			if v[0] != 0 {
				return v[1]
			}
			return v[2]
		})
	case folds[op] != nil && len(in) == 2:
		return stretched(max(len(in[0]), len(in[1])), in, func(v []float64) float64 { return folds[op](v[0], v[1]) })
	}
	return nil
}

// stretched computes a list of n numbers, or none where the operands' lengths do not fit.
func stretched(n int, in [][]float64, f func(v []float64) float64) []float64 {
	out, at := make([]float64, n), make([]float64, len(in))
	for i := range out {
		for k, v := range in {
			switch len(v) {
			case n:
				at[k] = v[i]
			case 1:
				at[k] = v[0]
			default:
				return nil
			}
		}
		out[i] = f(at)
	}
	return out
}

// vector reports a value of one dimension, whose numbers are a list whatever axis is meant.
func (s *scope) vector(name string) bool { return len(s.sizes[name].dims) == 1 }

// keepsAll reports a reduction that reduces nothing where it is given no axes.
func keepsAll(n *onnxpb.NodeProto) bool {
	return slices.ContainsFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool { return a.GetName() == "noop_with_empty_axes" && a.GetI() != 0 })
}

// gathered returns the numbers at some places, nil where one lies outside.
func gathered(list, at []float64) []float64 {
	var out []float64
	for _, i := range at {
		if i < 0 {
			i += float64(len(list))
		}
		if !(i >= 0 && i < float64(len(list))) {
			return nil
		}
		out = append(out, list[int(i)])
	}
	return out
}

// place returns where a Slice of n numbers begins or ends.
func place(i float64, n int) int {
	if i < 0 {
		i += float64(n)
	}
	if !(i > 0) { // no number, too
		return 0
	}
	return int(min(i, float64(n)))
}

// checkSizes refuses a size that follows from constants in a way that is not followed: a runtime computes it while it makes
// a session, whatever it is.
func (s *scope) checkSizes(n *onnxpb.NodeProto) error {
	facts, _ := onnxop.Lookup(n.GetOpType())
	if n.GetOpType() == "Reshape" { // which makes nothing new
		return nil
	}
	sizes := facts.Sizes
	switch n.GetOpType() {
	case "Range":
		sizes = []int{0, 1, 2}
	case "Pad":
		sizes = []int{1}
	}
	for _, i := range sizes {
		if i < len(n.Input) && n.Input[i] != "" && s.sizes[n.Input[i]].constant && len(s.constants[n.Input[i]]) == 0 && !s.empty(n.Input[i]) {
			return refuse("node %.100q (%.100q) asks for a size that is computed from constants: write it as a constant", n.GetName(), n.GetOpType())
		}
	}
	return nil
}

// empty reports a constant without elements, such as the shape of a scalar.
func (s *scope) empty(name string) bool {
	return s.sizes[name].dims != nil && s.sizes[name].elements() == 0
}
