package export

import (
	"maps"
	"slices"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// dropExpands lets an operator that broadcasts take what an Expand took, where the other operands alone give the
// result its shape:
//
//	b [n] ─ Expand ─ [batch,n] ─┐                      b [n] ───────┐
//	                            Add ─ [batch,n]   =>                Add ─ [batch,n]
//	x [batch,n] ────────────────┘                      x [batch,n] ─┘
func (e *emitter) dropExpands() (changed bool) {
	source := map[string]string{}
	for _, n := range e.graph.Node {
		if n.GetOpType() == "Expand" {
			source[n.Output[0]] = n.Input[0]
		}
	}
	for _, n := range e.graph.Node {
		result, known := e.shapes[n.Output[0]]
		if !onnxop.Broadcasts(n.GetOpType()) || !known {
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
			} else {
				changed = true
			}
		}
	}
	return changed
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

// sinkExpands computes once what is computed alike for every element. Symbolic gradients repeat a number, such as 1/batch, to a
// matrix before they negate or scale it:
//
//	c ─ Expand ─ Unsqueeze ─ Expand ─ Neg ─ y   =>   c ─ Neg ─ Expand ─ y
//
// and dropExpands can then drop the one Expand that is left. Shapes that vary with the batch stay as they are.
func (e *emitter) sinkExpands() (changed bool) {
	number := map[string]string{} // the value of one element that every element of another equals
	for _, in := range slices.Sorted(maps.Keys(e.shapes)) {
		if e.isNumber(in) {
			number[in] = in
		}
	}
	nodes := make([]*onnxpb.NodeProto, 0, len(e.graph.Node))
	for _, n := range e.graph.Node {
		out := n.Output[0]
		operands, ok := e.numbersOf(n, number)
		if !ok || e.isNumber(out) {
			nodes = append(nodes, n)
			continue
		}
		root, op := operands[0], n.GetOpType()
		shape, known := e.shapes[out]
		sizes, varying := static(shape)
		pointwise := onnxop.Has(op, onnxop.Pointwise)
		if !known || varying > 0 || (op == "Expand" && n.Input[0] == root) || (op != "Expand" && !pointwise) {
			if !pointwise { // it holds the same number, and is what it was
				number[out] = root
			}
			nodes = append(nodes, n)
			continue
		}
		if pointwise {
			root = e.unique(n.GetName())
			nodes = append(nodes, &onnxpb.NodeProto{
				Name: proto.String(root), OpType: n.OpType, Attribute: n.Attribute, Input: operands, Output: []string{root},
			})
			e.shapes[root] = nil
		}
		number[out] = root
		nodes = append(nodes, &onnxpb.NodeProto{
			Name: n.Name, OpType: proto.String("Expand"), Input: []string{root, e.Ints(sizes...)}, Output: n.Output,
		})
		changed = true
	}
	e.graph.Node = nodes
	return changed
}

// isNumber reports whether a value has no dimensions.
func (e *emitter) isNumber(value string) bool {
	shape, known := e.shapes[value]
	return known && len(shape) == 0
}

// numbersOf returns the numbers that a node's operands repeat, where all of them do and the node treats every element
// alike.
func (e *emitter) numbersOf(n *onnxpb.NodeProto, number map[string]string) (operands []string, ok bool) {
	data := n.Input
	switch op := n.GetOpType(); {
	case op == "Expand" || onnxop.Has(op, onnxop.KeepsOrder):
		data = n.Input[:1] // the rest is a shape
	case !onnxop.Has(op, onnxop.Pointwise):
		return nil, false
	}
	for _, in := range data {
		root, ok := number[in]
		if !ok {
			return nil, false
		}
		operands = append(operands, root)
	}
	return operands, len(operands) > 0
}
