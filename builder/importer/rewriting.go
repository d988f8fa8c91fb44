package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// without returns the graph with an ending of logits in place of the one that it has: everything else, and all names, stay. at is the
// first node in the place of the one that squashed, which reads z; left are nodes that were made to change nothing.
func (f *File) without(e ending) (changed *File, at int, left map[int]bool) {
	r := f.rewrite()
	left = map[int]bool{}
	behind := map[int]step{}
	for _, s := range e.behind {
		behind[s.node] = s
	}
	dtype := f.dtypeOf(e.z)
	for i, n := range f.graph.Nodes {
		s, isBehind := behind[i]
		switch {
		case i == e.node:
			at = len(r.graph.Nodes)
			r.transform(e, n, dtype)
			left[at] = r.graph.Nodes[at].Op == "Identity"
		case isBehind:
			left[len(r.graph.Nodes)] = true
			r.graph.Nodes = append(r.graph.Nodes, onnxgraph.Node{Name: n.Name, Op: "Identity", Inputs: []string{s.of}, Outputs: n.Outputs})
		default:
			r.graph.Nodes = append(r.graph.Nodes, n)
		}
	}
	return newFile(r.graph), at, left
}

// A rewriting is a graph whose nodes are being replaced.
type rewriting struct {
	graph *onnxgraph.Graph
	taken map[string]bool
}

// rewrite begins a copy of the graph without nodes.
func (f *File) rewrite() *rewriting {
	r := &rewriting{graph: new(onnxgraph.Graph), taken: map[string]bool{}}
	*r.graph = *f.graph
	r.graph.Nodes = nil
	r.graph.Initialisers = slices.Clone(f.graph.Initialisers)
	for _, v := range f.graph.Inputs {
		r.taken[v.Name] = true
	}
	for _, t := range f.graph.Initialisers {
		r.taken[t.Name] = true
	}
	for _, n := range f.graph.Nodes {
		for _, out := range n.Outputs {
			r.taken[out] = true
		}
	}
	return r
}

// name returns a name that the graph does not have.
func (r *rewriting) name(like string) string {
	name := like
	for i := 2; r.taken[name]; i++ {
		name = fmt.Sprintf("%s %d", like, i)
	}
	r.taken[name] = true
	return name
}

// number adds a constant.
func (r *rewriting) number(x float64, dtype onnxtensor.DType) string {
	t := onnxgraph.Tensor{Name: r.name("importer number"), DType: dtype, Data: []float32{float32(x)}}
	if dtype == onnxtensor.Float64 {
		t.Data = []float64{x}
	}
	r.graph.Initialisers = append(r.graph.Initialisers, t)
	return t.Name
}

// add adds a node and returns the name of its result, which is out where that is not "".
func (r *rewriting) add(op, out string, in ...string) string {
	if out == "" {
		out = r.name("importer " + op)
	}
	r.graph.Nodes = append(r.graph.Nodes, onnxgraph.Node{Op: op, Inputs: in, Outputs: []string{out}})
	return out
}

// clip adds min(max(x, least), most), in the form of the graph's opset.
func (r *rewriting) clip(out, x string, least, most float64, dtype onnxtensor.DType) string {
	if r.graph.Opset >= 11 {
		bound := func(b float64) string {
			if math.IsInf(b, 0) {
				return ""
			}
			return r.number(b, dtype)
		}
		return r.add("Clip", out, x, bound(least), bound(most))
	}
	out = r.add("Clip", out, x)
	attributes := map[string]any{}
	if !math.IsInf(least, 0) {
		attributes["min"] = float32(least)
	}
	if !math.IsInf(most, 0) {
		attributes["max"] = float32(most)
	}
	r.graph.Nodes[len(r.graph.Nodes)-1].Attributes = attributes
	return out
}

// transform adds what an ending of logits makes of z, as the result of the node that it replaces.
func (r *rewriting) transform(e ending, n onnxgraph.Node, dtype onnxtensor.DType) {
	x, out := e.z, n.Outputs[0]
	last := func(more bool) string { // the name of a result
		if more {
			return ""
		}
		return out
	}
	if e.softmax {
		if !e.clamped() {
			r.add("Identity", out, x)
			return
		}
		x = r.add("LogSoftmax", "", x)
		r.graph.Nodes[len(r.graph.Nodes)-1].Attributes = n.Attributes
		r.clip(out, x, e.least, e.most, dtype)
		return
	}
	moved := e.offset != 0
	if e.slope != 1 {
		x = r.add("Mul", last(moved || e.clamped()), x, r.number(e.slope, dtype))
	}
	if moved {
		x = r.add("Add", last(e.clamped()), x, r.number(e.offset, dtype))
	}
	switch {
	case e.clamped():
		r.clip(out, x, e.least, e.most, dtype)
	case x != out:
		r.add("Identity", out, x)
	}
}

// The bounds between which probabilities must lie for their logits to be numbers: the least normal float32, and the greatest below 1.
const (
	leastProbability = 0x1p-126
	mostProbability  = 1 - 0x1p-24
)

// ofProbabilities returns the graph with the logits of a value of probabilities behind it, and their name: log p - log(1-p), or of
// categories log p.
func (f *File) ofProbabilities(output string, categories bool) (changed *File, logits string) {
	r, dtype := f.rewrite(), f.dtypeOf(output)
	r.graph.Nodes = slices.Clone(f.graph.Nodes)
	p := r.clip("", output, leastProbability, mostProbability, dtype)
	logits = r.add("Log", "", p)
	if !categories {
		logits = r.add("Sub", "", logits, r.add("Log", "", r.add("Sub", "", r.number(1, dtype), p)))
	}
	return newFile(r.graph), logits
}

// dtypeOf returns the element type of a value of fractions.
func (f *File) dtypeOf(name string) onnxtensor.DType {
	for range f.graph.Nodes {
		i, ok := f.producer[name]
		if !ok {
			break
		}
		n := f.graph.Nodes[i]
		if n.Op == "Cast" {
			return onnxgraph.DTypes[n.Int("to", 0)]
		}
		if n.Op == "Constant" || len(n.Inputs) == 0 {
			return onnxtensor.Float32
		}
		name = n.Inputs[0]
	}
	for _, in := range f.graph.Inputs {
		if in.Name == name {
			return in.DType
		}
	}
	if t, ok := f.weights[name]; ok {
		return t.DType
	}
	return onnxtensor.Float32
}
