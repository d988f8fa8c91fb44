package onnxeval_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// run computes one node for operands a, b, c, …; those in known are initialisers.
func run(opset int64, n onnxgraph.Node, operands []onnxgraph.Tensor, known ...int) ([]onnxgraph.Tensor, error) {
	g := &onnxgraph.Graph{Opset: opset, Nodes: []onnxgraph.Node{n}}
	for _, out := range n.Outputs {
		g.Outputs = append(g.Outputs, onnxgraph.Value{Info: onnxtensor.Info{Name: out}})
	}
	var in []onnxgraph.Tensor
	for i, t := range operands {
		t.Name = operandName(i)
		if slices.Contains(known, i) {
			g.Initialisers = append(g.Initialisers, t)
			continue
		}
		v := onnxgraph.Value{Info: onnxtensor.Info{Name: t.Name, DType: t.DType}}
		for _, d := range t.Shape {
			v.Shape = append(v.Shape, int64(d))
		}
		g.Inputs, in = append(g.Inputs, v), append(in, t)
	}
	p, err := onnxeval.Load(g)
	if err != nil {
		return nil, err
	}
	return p.Evaluate(in)
}

func operandName(i int) string { return string(rune('a' + i)) }

func tensor[T any](d onnxtensor.DType, shape []int, x ...T) onnxgraph.Tensor {
	return onnxgraph.Tensor{DType: d, Shape: shape, Data: x}
}

func f32(shape []int, x ...float32) onnxgraph.Tensor { return tensor(onnxtensor.Float32, shape, x...) }

func i64(x ...int64) onnxgraph.Tensor { return tensor(onnxtensor.Int64, []int{len(x)}, x...) }

// What internal/onnxop says of an operator is true of its kernel here.
func TestFacts(t *testing.T) {
	t.Parallel()
	for op := range onnxeval.Operators() {
		if _, ok := onnxop.Lookup(op); !ok {
			t.Errorf("%s has no row of facts in internal/onnxop", op)
		}
	}
	opset := int64(24)
	truths := map[string]bool{"And": true, "Or": true, "Xor": true, "Not": true}
	x, y := []float32{0.3, 0.7, 0.2, 0.9, 0.4, 0.6}, []float32{0.8, 0.1, 0.2, 0.5, 0.3, 0.7}
	operand := func(op string, i, rows int) onnxgraph.Tensor {
		values := [][]float32{x, y, x}[i]
		if op == "Where" && i == 0 || truths[op] {
			b := make([]bool, 2*rows)
			for k := range b {
				b[k] = values[k] > 0.35
			}
			return tensor(onnxtensor.Bool, []int{rows, 2}, b...)
		}
		return f32([]int{rows, 2}, slices.Clone(values[:2*rows])...)
	}
	for op := range onnxeval.Operators() {
		facts, _ := onnxop.Lookup(op)
		n := node(op, "z")
		if op == "Cast" {
			n = with(n, "to", int64(11))
		}
		count := facts.Least
		if op == "Max" || op == "Min" {
			count = 2
		}
		for i := range count {
			n.Inputs = append(n.Inputs, operandName(i))
		}
		if onnxop.Has(op, onnxop.Pointwise) {
			// rows of three computed at once are those of one row each
			var all []onnxgraph.Tensor
			for i := range count {
				all = append(all, operand(op, i, 3))
			}
			whole, err := run(opset, n, all)
			if err != nil {
				t.Errorf("%s: %v", op, err)
				continue
			}
			for place := range 6 {
				var one []onnxgraph.Tensor
				for _, v := range all {
					one = append(one, onnxgraph.Tensor{DType: v.DType, Shape: []int{1, 1}, Data: reflect.ValueOf(v.Data).Slice(place, place+1).Interface()})
				}
				got, err := run(opset, n, one)
				if err != nil {
					t.Fatalf("%s: %v", op, err)
				}
				if !reflect.DeepEqual(got[0].Data, reflect.ValueOf(whole[0].Data).Slice(place, place+1).Interface()) {
					t.Errorf("%s of element %d alone is %v, among others %v", op, place, got[0].Data, whole[0].Data)
				}
			}
		}
		if onnxop.Has(op, onnxop.Commutes) {
			there, err := run(opset, n, []onnxgraph.Tensor{operand(op, 0, 3), operand(op, 1, 3)})
			back, err2 := run(opset, n, []onnxgraph.Tensor{operand(op, 1, 3), operand(op, 0, 3)})
			if err != nil || err2 != nil || !reflect.DeepEqual(there[0].Data, back[0].Data) {
				t.Errorf("%s does not commute: %v and %v (%v, %v)", op, there, back, err, err2)
			}
		}
		if onnxop.Has(op, onnxop.KeepsOrder) {
			in := []onnxgraph.Tensor{f32([]int{1, 3, 2}, x...)}
			n := node(op, "z", "a")
			switch op {
			case "Reshape":
				n.Inputs, in = []string{"a", "b"}, append(in, i64(6))
			case "Unsqueeze":
				n.Inputs, in = []string{"a", "b"}, append(in, i64(0))
			}
			got, err := run(opset, n, in, 1)
			if err != nil || !reflect.DeepEqual(got[0].Data, x) {
				t.Errorf("%s of %v is %v (%v)", op, x, got, err)
			}
		}
		for _, i := range facts.Shaping {
			unknown(t, op, i, facts.Least)
		}
	}
}

// unknown plans an operator whose operand i, which shapes the result, is an input without numbers.
func unknown(t *testing.T, op string, i, least int) {
	t.Helper()
	n := node(op, "z")
	g := &onnxgraph.Graph{Opset: 20, Outputs: []onnxgraph.Value{{Info: onnxtensor.Info{Name: "z"}}}}
	var in []onnxgraph.Tensor
	for k := range max(least, i+1) {
		n.Inputs = append(n.Inputs, operandName(k))
		v := onnxgraph.Tensor{Name: operandName(k), DType: onnxtensor.Float32, Shape: []int{2}}
		if k > 0 || op == "ConstantOfShape" {
			v.DType, v.Shape = onnxtensor.Int64, []int{1}
		}
		g.Inputs, in = append(g.Inputs, onnxgraph.Value{Info: onnxtensor.Info{Name: v.Name, DType: v.DType}}), append(in, v)
	}
	g.Nodes = []onnxgraph.Node{n}
	p, err := onnxeval.Load(g)
	if err == nil {
		_, _, err = p.Plan(t.Context(), in, nil)
	}
	if !errors.Is(err, onnxeval.ErrUnknown) {
		t.Errorf("%s with an unknown operand %d: the error is %v, want ErrUnknown", op, i+1, err)
	}
}

// Forms of operators that ONNX's own tests no longer have: of older opsets, of other element types, and what ONNX leaves open. The
// numbers follow from the operators' pages by hand.
func TestForms(t *testing.T) {
	t.Parallel()
	x := f32([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	half := func(v ...float32) onnxgraph.Tensor {
		h := make([]onnxgraph.Float16, len(v))
		for i, f := range v {
			h[i] = onnxgraph.Float16(map[float32]uint16{0: 0, 1: 0x3c00, 2: 0x4000, 3: 0x4200, 0.5: 0x3800}[f])
		}
		return tensor(onnxgraph.Half, []int{len(v)}, h...)
	}
	for name, c := range map[string]struct {
		opset int64
		node  onnxgraph.Node
		in    []onnxgraph.Tensor
		shape []int
		want  any
	}{
		"bounds as attributes":                         {6, with(with(node("Clip", "z", "a"), "min", float32(2)), "max", float32(4)), []onnxgraph.Tensor{x}, []int{2, 3}, []float32{2, 2, 3, 4, 4, 4}},
		"bounds that cross":                            {13, node("Clip", "z", "a", "b", "c"), []onnxgraph.Tensor{x, f32(nil, 5), f32(nil, 3)}, []int{2, 3}, []float32{3, 3, 3, 3, 3, 3}},
		"a slice by attributes":                        {9, with(with(with(node("Slice", "z", "a"), "starts", []int64{1}), "ends", []int64{-1}), "axes", []int64{1}), []onnxgraph.Tensor{x}, []int{2, 1}, []float32{2, 5}},
		"pads as an attribute":                         {10, with(with(node("Pad", "z", "a"), "pads", []int64{0, 1, 0, 0}), "value", float32(9)), []onnxgraph.Tensor{x}, []int{2, 4}, []float32{9, 1, 2, 3, 9, 4, 5, 6}},
		"axes as an attribute":                         {11, with(node("ReduceSum", "z", "a"), "axes", []int64{-1}), []onnxgraph.Tensor{x}, []int{2, 1}, []float32{6, 15}},
		"a mean's axes, in 17":                         {17, with(with(node("ReduceMean", "z", "a"), "axes", []int64{0}), "keepdims", int64(0)), []onnxgraph.Tensor{x}, []int{3}, []float32{2.5, 3.5, 4.5}},
		"squeezed by an attribute":                     {11, with(node("Squeeze", "z", "a"), "axes", []int64{0}), []onnxgraph.Tensor{f32([]int{1, 2, 1}, 1, 2)}, []int{2, 1}, []float32{1, 2}},
		"unsqueezed by an attribute":                   {11, with(node("Unsqueeze", "z", "a"), "axes", []int64{0, -1}), []onnxgraph.Tensor{x}, []int{1, 2, 3, 1}, []float32{1, 2, 3, 4, 5, 6}},
		"split by an attribute":                        {11, with(with(node("Split", "z", "a"), "axis", int64(1)), "split", []int64{3}), []onnxgraph.Tensor{x}, []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}},
		"a softmax of all that follow, as in opset 11": {11, with(node("Softmax", "z", "a"), "axis", int64(0)), []onnxgraph.Tensor{f32([]int{2, 2}, 0, 0, 0, 0)}, []int{2, 2}, []float32{0.25, 0.25, 0.25, 0.25}},
		"a softmax along one axis, as in 13":           {13, with(node("Softmax", "z", "a"), "axis", int64(0)), []onnxgraph.Tensor{f32([]int{2, 2}, 0, 0, 0, 0)}, []int{2, 2}, []float32{0.5, 0.5, 0.5, 0.5}},
		"a softmax of huge numbers":                    {13, node("Softmax", "z", "a"), []onnxgraph.Tensor{f32([]int{1, 2}, 3e38, 3e38)}, []int{1, 2}, []float32{0.5, 0.5}},
		"whole numbers divided":                        {14, node("Div", "z", "a", "b"), []onnxgraph.Tensor{i64(7, -7), i64(2, 2)}, []int{2}, []int64{3, -3}},
		"the least number divided by -1":               {14, node("Div", "z", "a", "b"), []onnxgraph.Tensor{tensor(onnxtensor.Int32, []int{1}, int32(-1<<31)), tensor(onnxtensor.Int32, []int{1}, int32(-1))}, []int{1}, []int32{-1 << 31}},
		"bytes that overflow":                          {14, node("Add", "z", "a", "b"), []onnxgraph.Tensor{tensor(onnxtensor.Uint8, []int{1}, uint8(200)), tensor(onnxtensor.Uint8, []int{1}, uint8(100))}, []int{1}, []uint8{44}},
		"half precision, computed in float32":          {17, node("Mul", "z", "a", "b"), []onnxgraph.Tensor{half(1, 2), half(2, 0.5)}, []int{2}, half(2, 1).Data},
		"half precision, moved":                        {17, with(node("Concat", "z", "a", "b"), "axis", int64(0)), []onnxgraph.Tensor{half(1), half(3)}, []int{2}, half(1, 3).Data},
		"a whole exponent":                             {15, node("Pow", "z", "a", "b"), []onnxgraph.Tensor{f32([]int{2}, 3, -2), i64(2)}, []int{2}, []float32{9, 4}},
		"a sign of NaN's absence":                      {13, node("Sign", "z", "a"), []onnxgraph.Tensor{f32([]int{3}, -2, 0, 5)}, []int{3}, []float32{-1, 0, 1}},
		"the last of equals":                           {13, with(with(node("ArgMax", "z", "a"), "axis", int64(1)), "select_last_index", int64(1)), []onnxgraph.Tensor{f32([]int{1, 3}, 2, 2, 1)}, []int{1, 1}, []int64{1}},
		"a sum of nothing":                             {13, node("ReduceSum", "z", "a"), []onnxgraph.Tensor{f32([]int{0, 3})}, []int{1, 1}, []float32{0}},
		"an index from the end":                        {13, node("Gather", "z", "a", "b"), []onnxgraph.Tensor{x, i64(-1)}, []int{1, 3}, []float32{4, 5, 6}},
		"rounded to even, and saturated":               {13, node("QuantizeLinear", "z", "a", "b"), []onnxgraph.Tensor{f32([]int{4}, 0.5, 1.5, -3, 999), f32(nil, 1)}, []int{4}, []uint8{0, 2, 0, 255}},
		"an operand that is left out":                  {13, node("Clip", "z", "a", "", "b"), []onnxgraph.Tensor{x, f32(nil, 2)}, []int{2, 3}, []float32{1, 2, 2, 2, 2, 2}},
		"a matrix product of an empty inner axis":      {13, node("MatMul", "z", "a", "b"), []onnxgraph.Tensor{f32([]int{2, 0}), f32([]int{0, 1})}, []int{2, 1}, []float32{0, 0}},
	} {
		var known []int // what shapes results must be
		if facts, _ := onnxop.Lookup(c.node.Op); facts.Shaping != nil {
			known = facts.Shaping
		}
		got, err := run(c.opset, c.node, c.in, known...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(got[0].Shape, c.shape) || !reflect.DeepEqual(got[0].Data, c.want) {
			t.Errorf("%s: %v%v, want %v%v", name, got[0].Shape, got[0].Data, c.shape, c.want)
		}
	}
}

// Forms that are not there are refused, with a word that says which.
func TestFormsRefused(t *testing.T) {
	t.Parallel()
	x := f32([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	picture := f32([]int{1, 1, 2, 2}, 1, 2, 3, 4)
	for name, c := range map[string]struct {
		node onnxgraph.Node
		in   []onnxgraph.Tensor
		kind error
		text string
	}{
		"too many operands":         {node("Relu", "z", "a", "b"), []onnxgraph.Tensor{x, x}, onnxeval.ErrShape, "it takes 1"},
		"too few":                   {node("Clip", "z"), nil, onnxeval.ErrShape, "it takes 1 to 3"},
		"one left out":              {node("Add", "z", "", "a"), []onnxgraph.Tensor{x}, onnxeval.ErrShape, "lacks operand 1"},
		"types that differ":         {node("Add", "z", "a", "b"), []onnxgraph.Tensor{x, i64(1)}, onnxeval.ErrShape, "types"},
		"shapes that do not fit":    {node("Add", "z", "a", "b"), []onnxgraph.Tensor{x, f32([]int{2}, 1, 2)}, onnxeval.ErrShape, "fit"},
		"whole numbers' logarithm":  {node("Log", "z", "a"), []onnxgraph.Tensor{i64(1)}, onnxeval.ErrUnsupported, "int64"},
		"unsigned numbers negated":  {node("Neg", "z", "a"), []onnxgraph.Tensor{tensor(onnxtensor.Uint8, []int{1}, uint8(1))}, onnxeval.ErrUnsupported, "uint8"},
		"numbers as truth values":   {node("Not", "z", "a"), []onnxgraph.Tensor{x}, onnxeval.ErrUnsupported, "float32"},
		"a condition of numbers":    {node("Where", "z", "a", "a", "a"), []onnxgraph.Tensor{x}, onnxeval.ErrUnsupported, "operand 1"},
		"an unknown gelu":           {with(node("Gelu", "z", "a"), "approximate", "erf"), []onnxgraph.Tensor{x}, onnxeval.ErrUnsupported, "erf"},
		"training, of a batch":      {with(node("BatchNormalization", "z", "a", "b", "b", "b", "b"), "training_mode", int64(1)), []onnxgraph.Tensor{x, f32([]int{3}, 1, 1, 1)}, onnxeval.ErrUnsupported, "training_mode"},
		"an unknown automatic pad":  {with(node("Conv", "z", "a", "a"), "auto_pad", "SOME"), []onnxgraph.Tensor{picture}, onnxeval.ErrUnsupported, "SOME"},
		"a kernel that is too wide": {node("Conv", "z", "a", "b"), []onnxgraph.Tensor{picture, f32([]int{1, 1, 3, 3}, make([]float32, 9)...)}, onnxeval.ErrShape, "kernel"},
		"groups that do not fit":    {with(node("Conv", "z", "a", "a"), "group", int64(2)), []onnxgraph.Tensor{picture}, onnxeval.ErrShape, "groups"},
		"matrices that do not fit":  {node("MatMul", "z", "a", "a"), []onnxgraph.Tensor{x}, onnxeval.ErrShape, "inner dimensions 3 and 2"},
		"a bias that does not fit":  {node("Gemm", "z", "a", "b", "c"), []onnxgraph.Tensor{x, f32([]int{3, 1}, 1, 1, 1), f32([]int{3}, 1, 1, 1)}, onnxeval.ErrShape, "bias"},
		"an axis beyond the rank":   {with(node("Softmax", "z", "a"), "axis", int64(2)), []onnxgraph.Tensor{x}, onnxeval.ErrShape, "axis 2 of rank 2"},
		"an axis named twice":       {with(node("Transpose", "z", "a"), "perm", []int64{1, 1}), []onnxgraph.Tensor{x}, onnxeval.ErrShape, "does not name each"},
		"a division by 0":           {node("Div", "z", "a", "b"), []onnxgraph.Tensor{i64(7), i64(0)}, onnxeval.ErrShape, "divided by 0"},
		"parts that do not add up":  {node("Split", "z", "a", "b"), []onnxgraph.Tensor{x, i64(1, 2)}, onnxeval.ErrShape, "parts"},
		"a pad of another kind":     {with(node("Pad", "z", "a", "b"), "mode", "mirror"), []onnxgraph.Tensor{x, i64(0, 1, 0, 0)}, onnxeval.ErrUnsupported, "mirror"},
		"an index that is not":      {node("Gather", "z", "a", "b"), []onnxgraph.Tensor{x, i64(2)}, onnxeval.ErrShape, "index 2 of 2"},
		"the mean of nothing":       {node("ReduceMean", "z", "a"), []onnxgraph.Tensor{f32([]int{0})}, onnxeval.ErrShape, "mean of nothing"},
		"the largest of nothing":    {node("ArgMax", "z", "a"), []onnxgraph.Tensor{f32([]int{0})}, onnxeval.ErrShape, "nothing"},
		"scales of blocks":          {with(node("QuantizeLinear", "z", "a", "b"), "block_size", int64(2)), []onnxgraph.Tensor{x, f32(nil, 1)}, onnxeval.ErrUnsupported, "blocks"},
		"a type that is not read":   {with(node("Cast", "z", "a"), "to", int64(16)), []onnxgraph.Tensor{x}, onnxeval.ErrUnsupported, "BFLOAT16"},
		"more than one result":      {onnxgraph.Node{Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"z", "y"}}, []onnxgraph.Tensor{x}, onnxeval.ErrUnsupported, "2 results"},
	} {
		var known []int
		for i := 1; i < len(c.in); i++ {
			known = append(known, i)
		}
		_, err := run(20, c.node, c.in, known...)
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%s: the error is %v, want %v with %q", name, err, c.kind, c.text)
		}
	}
}
