package export

import (
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
)

// foldTransposes lets a Gemm read a matrix that it would get transposed, and transpose it itself:
//
//	A ─ Transpose ─ Aᵀ ─ Gemm ─ y   =>   A ─ Gemm{transA=1} ─ y
func (e *emitter) foldTransposes() (changed bool) {
	producer := e.producers()
	for _, n := range e.graph.Node {
		if n.GetOpType() != "Gemm" {
			continue
		}
		for i, name := range []string{"transA", "transB"} {
			t := producer[n.Input[i]]
			if t == nil || t.GetOpType() != "Transpose" || len(t.Attribute) != 1 || !slices.Equal(t.Attribute[0].Ints, []int64{1, 0}) {
				continue
			}
			n.Input[i] = t.Input[0]
			flip(n, name)
			changed = true
		}
	}
	return changed
}

// flip changes an attribute of a node between 0 and 1; absent is 0.
func flip(n *onnxpb.NodeProto, name string) {
	i := slices.IndexFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool { return a.GetName() == name })
	if i < 0 {
		n.Attribute = append(n.Attribute, attribute(name, int64(1)))
		slices.SortFunc(n.Attribute, func(a, b *onnxpb.AttributeProto) int { return strings.Compare(a.GetName(), b.GetName()) })
		return
	}
	n.Attribute[i] = attribute(name, 1-n.Attribute[i].GetI())
}

// fuseBias gives a Gemm the bias that is added to it:
//
//	x ─ Gemm ─ xW ─ Add ─ y        x ─ Gemm ─ y
//	    W ┘      b ┘          =>       W ┘ b ┘
func (e *emitter) fuseBias() bool {
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
	return len(fused) > 0
}

// isBias reports whether a value exists before any node runs and is a vector as long as a matrix is wide: Gemm's third
// operand must exist before the Gemm.
func (e *emitter) isBias(value string, matrix []dim) bool {
	shape, known := e.shapes[value]
	leaf := slices.ContainsFunc(e.graph.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == value }) ||
		slices.ContainsFunc(e.graph.Input, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == value })
	return known && leaf && len(shape) == 1 && len(matrix) == 2 && shape[0] == matrix[1] && !shape[0].byBatch
}
