package onnxtest

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// chain puts n nodes behind the good graph, each of which next makes of the value before it.
func chain(n int, from string, next func(in, out string) *onnxpb.NodeProto) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		in := from
		for i := range n {
			out := fmt.Sprint("v", i)
			m.Graph.Node = append(m.Graph.Node, next(in, out))
			in = out
		}
	}
}

// given adds initialisers, then makes another change.
func given(change func(m *onnxpb.ModelProto), tensors ...*onnxpb.TensorProto) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		m.Graph.Initializer = append(m.Graph.Initializer, tensors...)
		change(m)
	}
}

// costly holds changes that make a graph small as a file and dear for a runtime: for minutes, or for all memory, before
// the first run.
func costly() map[string]func(m *onnxpb.ModelProto) {
	unary := func(op string) func(in, out string) *onnxpb.NodeProto {
		return func(in, out string) *onnxpb.NodeProto { return node(op, []string{in}, []string{out}) }
	}
	behind := func(op string, more ...string) func(in, out string) *onnxpb.NodeProto {
		return func(in, out string) *onnxpb.NodeProto {
			return node(op, append([]string{in}, more...), []string{out})
		}
	}
	after := func(first *onnxpb.NodeProto, then func(m *onnxpb.ModelProto)) func(m *onnxpb.ModelProto) {
		return func(m *onnxpb.ModelProto) { m.Graph.Node = append(m.Graph.Node, first); then(m) }
	}
	zero, one, far := int64s("zero", 0), int64s("one", 1), int64s("far", 1<<40)
	large := node("Expand", []string{"c", "large"}, []string{"big"})
	return map[string]func(m *onnxpb.ModelProto){
		"5,000 slices in a row": given(chain(5000, "y", behind("Slice", "zero", "far")), zero, far),
		"5,000 concatenations in a row": chain(5000, "y", func(in, out string) *onnxpb.NodeProto {
			return node("Concat", []string{in, "x"}, []string{out}, integer("axis", 0))
		}),
		"5,000 pads in a row":                given(chain(5000, "y", behind("Pad", "pads")), int64s("pads", 0, 0, 0, 1)),
		"5,000 gathers in a row":             given(chain(5000, "y", behind("Gather", "one")), one),
		"5,000 operators that nobody knows":  chain(5000, "y", unary("NoSuchOperator")),
		"20,000 sums of a value with itself": chain(20_000, "y", func(in, out string) *onnxpb.NodeProto { return node("Add", []string{in, in}, []string{out}) }),
		"5,000 gathers of many sizes": func(m *onnxpb.ModelProto) {
			w := proto.Clone(m.Graph.Input[0]).(*onnxpb.ValueInfoProto)
			w.Name = proto.String("w")
			w.Type.GetTensorType().Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "m"}
			m.Graph.Input = append(m.Graph.Input, w)
			for i := range 5000 { // other shapes, as far as anyone knows
				m.Graph.Node = append(m.Graph.Node, node("Gather", []string{"w", "v" + fmt.Sprint(i)}, []string{"z" + fmt.Sprint(i)}))
				m.Graph.Initializer = append(m.Graph.Initializer, int64s("v"+fmt.Sprint(i), make([]int64, i%1000+1)...))
			}
		},
		"1,000 steps on a constant of 2^24":  given(after(large, chain(1000, "big", unary("Tanh"))), int64s("large", 1<<23, 2)),
		"a constant of 2^30":                 given(after(large, func(*onnxpb.ModelProto) {}), int64s("large", 1<<29, 2)),
		"a constant stretched on both sides": given(after(large, chain(1, "big", behind("Add", "tall"))), int64s("large", 1<<15, 1, 2), &onnxpb.TensorProto{Name: proto.String("tall"), DataType: proto.Int32(1), Dims: []int64{1, 1 << 15, 1}, RawData: make([]byte, 4<<15)}),
		"a product of large constants":       given(after(large, chain(1, "big", behind("MatMul", "wide"))), int64s("large", 1<<15, 2), &onnxpb.TensorProto{Name: proto.String("wide"), DataType: proto.Int32(1), Dims: []int64{2, 1 << 15}, RawData: make([]byte, 8<<15)}),
		"a size that is multiplied":          given(after(node("Mul", []string{"much", "much"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("much", 1<<16)),
		"a size that is turned":              given(after(node("Neg", []string{"less"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("less", -1<<40)),
		"a size that is taken out of a list": given(after(node("Slice", []string{"list", "one", "far"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("list", 1, 1<<40), one, far),
		"a size that is gathered":            given(after(node("Gather", []string{"list", "one"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("list", 1, 1<<40), one),
		"a size that is a product":           given(after(node("ReduceProd", []string{"list"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("list", 1<<20, 1<<20)),
		"a reduction that reduces nothing":   given(after(node("ReduceMin", []string{"list"}, []string{"size"}, integer("noop_with_empty_axes", 1)), chain(1, "size", unary("ConstantOfShape"))), int64s("list", 1, 1<<40)),
		"a size of no number":                given(after(node("Slice", []string{"list", "nan", "one"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("list", 1<<40, 1), one, &onnxpb.TensorProto{Name: proto.String("nan"), DataType: proto.Int32(1), Dims: []int64{1}, FloatData: []float32{float32(math.NaN())}}),
		"a size by a step that is not known": given(after(node("Erf", []string{"much"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("much", 1<<16)),
		"a size by many steps":               given(after(node("Abs", []string{"much"}, []string{"size"}), chain(1, "size", unary("ConstantOfShape"))), int64s("much", -1<<40)),
		"a constant doubled 30 times": chain(30, "c", func(in, out string) *onnxpb.NodeProto {
			return node("Concat", []string{in, in}, []string{out}, integer("axis", 0))
		}),
		"a convolution of large constants": given(after(large, chain(1, "big", behind("Conv", "kernel"))), int64s("large", 1, 1, 1<<12, 1<<12),
			&onnxpb.TensorProto{Name: proto.String("kernel"), DataType: proto.Int32(1), Dims: []int64{1, 1, 101, 101}, RawData: make([]byte, 4*101*101)}),
		"a product of stacked constants":      given(after(large, chain(1, "big", behind("MatMul", "big"))), int64s("large", 64, 1<<9, 1<<9)),
		"a row repeated 2^30 times":           given(chain(1, "y", behind("Tile", "times")), int64s("times", 1, 1<<29)),
		"rows that nobody stretches together": asks("Expand", 1, 1<<20, 1<<10),
	}
}
