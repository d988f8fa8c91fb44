package onnxcheck

import (
	"math"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
)

// Exporters compute shapes from constants by a few operators. This file follows them for short lists, so that what is asked for by
// a computed size is bounded too. Ranks are not followed: a number is a list of one.

// folds are the operators that are followed, for operands of one length or of length 1.
var folds = map[string]func(a, b float64) float64{
	"Add": func(a, b float64) float64 { return a + b },
	"Sub": func(a, b float64) float64 { return a - b },
	"Mul": func(a, b float64) float64 { return a * b },
	"Div": func(a, b float64) float64 { return math.Trunc(a / b) },
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
	case op == "Identity", op == "Squeeze", op == "Unsqueeze", op == "Reshape", op == "Cast":
		return in[0]
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
