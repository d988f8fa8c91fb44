package export

import (
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// simplify runs the passes. Each changes the graph's form and no result.
func (e *emitter) simplify() {
	e.dropExpands()
	e.joinReshapes()
	e.dropDead() // before counting readers
	e.fuseBias()
	e.dropDead()
}

// dropDead removes nodes and initialisers that no output needs: gradients that nobody reads, sizes that only counted
// repeats, what other passes leave behind.
func (e *emitter) dropDead() {
	needed := map[string]bool{}
	for _, o := range e.graph.Output {
		needed[o.GetName()] = true
	}
	for _, n := range slices.Backward(e.graph.Node) {
		if needed[n.Output[0]] {
			for _, in := range n.Input {
				needed[in] = true
			}
		}
	}
	e.graph.Node = slices.DeleteFunc(e.graph.Node, func(n *onnxpb.NodeProto) bool { return !needed[n.Output[0]] })
	e.graph.Initializer = slices.DeleteFunc(e.graph.Initializer, func(t *onnxpb.TensorProto) bool { return !needed[t.GetName()] })
}

// broadcasting holds the operators whose operands ONNX broadcasts by itself.
// https://onnx.ai/onnx/repo-docs/Broadcasting.html
var broadcasting = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true, "Greater": true, "GreaterOrEqual": true,
	"Less": true, "LessOrEqual": true, "Equal": true, "Where": true, "Min": true, "Max": true,
}

// dropExpands lets an operator that broadcasts take what an Expand took, where the other operands alone give the
// result its shape:
//
//	b [n] ─ Expand ─ [batch,n] ─┐                      b [n] ───────┐
//	                            Add ─ [batch,n]   =>                Add ─ [batch,n]
//	x [batch,n] ────────────────┘                      x [batch,n] ─┘
func (e *emitter) dropExpands() {
	source := map[string]string{}
	for _, n := range e.graph.Node {
		if n.GetOpType() == "Expand" {
			source[n.Output[0]] = n.Input[0]
		}
	}
	for _, n := range e.graph.Node {
		result, known := e.shapes[n.Output[0]]
		if !broadcasting[n.GetOpType()] || !known {
			continue
		}
		for i, in := range n.Input {
			from, ok := source[in]
			if !ok {
				continue
			}
			old := n.Input[i]
			n.Input[i] = from
			if shape, ok := e.broadcast(n.Input); !ok || !sameDims(shape, result) {
				n.Input[i] = old
			}
		}
	}
}

// broadcast returns the shape to which ONNX brings values of known shapes, aligned at their last dimensions.
func (e *emitter) broadcast(values []string) (result []dim, ok bool) {
	for _, v := range values {
		shape, known := e.shapes[v]
		if !known {
			return nil, false
		}
		for len(result) < len(shape) {
			result = slices.Insert(result, 0, dim{n: 1})
		}
		for i, d := range shape {
			at := len(result) - len(shape) + i
			switch {
			case result[at] == dim{n: 1}:
				result[at] = d
			case d != result[at] && d != dim{n: 1}:
				return nil, false
			}
		}
	}
	return result, true
}

// joinReshapes lets a Reshape read what an earlier Reshape read, and readers of a Reshape that ends where it began read
// the value itself:
//
//	x ─ Reshape ─ y ─ Reshape ─ z   =>   x ─ Reshape ─ z,   and z is x where the shapes agree
func (e *emitter) joinReshapes() {
	source := map[string]string{} // of a reshaped value
	same := map[string]string{}   // a value for one that is equal to it in content and shape
	for _, n := range e.graph.Node {
		for i, in := range n.Input {
			if x, ok := same[in]; ok {
				n.Input[i] = x
			}
		}
		if n.GetOpType() != "Reshape" {
			continue
		}
		if x, ok := source[n.Input[0]]; ok {
			n.Input[0] = x
		}
		source[n.Output[0]] = n.Input[0]
		from, known := e.shapes[n.Input[0]]
		if to, ok := e.shapes[n.Output[0]]; known && ok && sameDims(from, to) && !e.isOutput(n.Output[0]) {
			same[n.Output[0]] = n.Input[0]
		}
	}
}

func (e *emitter) isOutput(value string) bool {
	return slices.ContainsFunc(e.graph.Output, func(o *onnxpb.ValueInfoProto) bool { return o.GetName() == value })
}

// fuseBias gives a Gemm the bias that is added to it:
//
//	x ─ Gemm ─ xW ─ Add ─ y        x ─ Gemm ─ y
//	    W ┘      b ┘          =>       W ┘ b ┘
func (e *emitter) fuseBias() {
	uses := e.uses()
	producer := map[string]*onnxpb.NodeProto{}
	fused := map[*onnxpb.NodeProto]bool{}
	for _, n := range e.graph.Node {
		producer[n.Output[0]] = n
		if n.GetOpType() != "Add" {
			continue
		}
		for i, in := range n.Input {
			gemm, bias := producer[in], n.Input[1-i]
			if gemm == nil || gemm.GetOpType() != "Gemm" || len(gemm.Input) != 2 || uses[in] != 1 || !e.isBias(bias, e.shapes[in]) {
				continue
			}
			gemm.Input = append(gemm.Input, bias)
			gemm.Output = n.Output
			producer[n.Output[0]] = gemm
			fused[n] = true
			break
		}
	}
	e.graph.Node = slices.DeleteFunc(e.graph.Node, func(n *onnxpb.NodeProto) bool { return fused[n] })
}

// isBias reports whether a value is there before any node runs and is a vector as long as a matrix is wide: Gemm's third
// operand must exist where the Gemm stands.
func (e *emitter) isBias(value string, matrix []dim) bool {
	shape, known := e.shapes[value]
	leaf := slices.ContainsFunc(e.graph.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == value }) ||
		slices.ContainsFunc(e.graph.Input, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == value })
	return known && leaf && len(shape) == 1 && len(matrix) == 2 && shape[0] == matrix[1] && !shape[0].byBatch
}

// uses counts the readers of each value, the graph's outputs among them.
func (e *emitter) uses() map[string]int {
	uses := map[string]int{}
	for _, n := range e.graph.Node {
		for _, in := range n.Input {
			uses[in]++
		}
	}
	for _, o := range e.graph.Output {
		uses[o.GetName()]++
	}
	return uses
}
