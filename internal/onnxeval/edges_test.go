package onnxeval_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"google.golang.org/protobuf/proto"
)

// an edge is one node with operands at the edge of what ONNX defines.
type edge struct {
	name  string
	node  onnxgraph.Node
	opset int64 // 0 is 20
	in    []onnxgraph.Tensor
	known []int            // operands that are initialisers in any case, besides those of types that no graph takes
	out   onnxtensor.DType // "" is that of the first operand
	// apart says what is different and why, where it is to stay so. Then each must give an answer or an error.
	apart string
}

const (
	overflow = "what an integer beyond its type becomes is left open"
	layout   = "onnxruntime finds a NaN in a vector, and passes over it in rows and columns, as is done here in all"
	dropped  = "onnxruntime keeps a NaN or drops it, as the layout has it: here it is kept"
)

var (
	nan, inf = float32(math.NaN()), float32(math.Inf(1))
	nan64    = math.NaN()
	negative = float32(math.Copysign(0, -1))
)

func op(name string, attributes ...any) onnxgraph.Node {
	n := node(name, "z")
	for i := 0; i < len(attributes); i += 2 {
		n = with(n, attributes[i].(string), attributes[i+1])
	}
	return n
}

func u8(x ...uint8) onnxgraph.Tensor                 { return tensor(onnxtensor.Uint8, []int{len(x)}, x...) }
func i32(x ...int32) onnxgraph.Tensor                { return tensor(onnxtensor.Int32, []int{len(x)}, x...) }
func bools(x ...bool) onnxgraph.Tensor               { return tensor(onnxtensor.Bool, []int{len(x)}, x...) }
func v32(x ...float32) onnxgraph.Tensor              { return f32([]int{len(x)}, x...) }
func v64(x ...float64) onnxgraph.Tensor              { return tensor(onnxtensor.Float64, []int{len(x)}, x...) }
func row64(shape []int, x ...int64) onnxgraph.Tensor { return tensor(onnxtensor.Int64, shape, x...) }
func ts(t ...onnxgraph.Tensor) []onnxgraph.Tensor    { return t }

var odd = v32(nan, inf, -inf, 0, negative, 0.5, -0.5, 1.5, 2.5, -2.5, 3e38, -3e38, 1e-45, 127.5, 128.5, 255.5, 256, -1, -129)

func edges() []edge {
	list := []edge{
		{name: "", node: op("Gather"), in: ts(v32(1, 2, 3), i64(0, 2, -1, -3))},
		{name: "beyond", node: op("Gather"), in: ts(v32(1, 2, 3), i64(0, 3))},
		{name: "before", node: op("Gather"), in: ts(v32(1, 2, 3), i64(-4))},
		{name: "far", node: op("Gather"), in: ts(v32(1, 2, 3), i64(math.MinInt64, math.MaxInt64))},
		{name: "of nothing", node: op("Gather"), in: ts(f32([]int{0, 2}), i64(0))},
		{name: "no index", node: op("Gather"), in: ts(v32(1, 2), i64())},
		{name: "no index of nothing", node: op("Gather"), in: ts(f32([]int{0, 2}), i64())},
		{name: "axis beyond", node: op("Gather", "axis", int64(1)), in: ts(v32(1, 2, 3), i64(0))},
		{name: "negative of opset 9", node: op("Gather"), opset: 9, in: ts(v32(1, 2, 3), i64(-1))},
		{name: "int32 index", node: op("Gather"), in: ts(v32(1, 2, 3), i32(-1, 2))},
		{name: "fractional index", node: op("Gather"), in: ts(v32(1, 2, 3), v32(1))},
		{name: "empty rows", node: op("Gather"), in: ts(f32([]int{3, 0}), i64(5))},

		{name: "", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(3), i64(-9), i64(0), i64(-1)), known: []int{1, 2, 3, 4}},
		{name: "backwards by 2", node: op("Slice"), in: ts(v32(1, 2, 3, 4, 5), i64(-1), i64(math.MinInt64), i64(0), i64(-2)), known: []int{1, 2, 3, 4}},
		{name: "beyond", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(2), i64(math.MaxInt64)), known: []int{1, 2}},
		{name: "after the end", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(9), i64(12)), known: []int{1, 2}},
		{name: "of a step of 0", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(0), i64(4), i64(0), i64(0)), known: []int{1, 2, 3, 4}},
		{name: "of a huge step", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(1), i64(4), i64(0), i64(math.MaxInt64)), known: []int{1, 2, 3, 4}},
		{name: "of a huge step backwards", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(3), i64(-9), i64(0), i64(math.MinInt64)), known: []int{1, 2, 3, 4}},
		{name: "of the least step but one", node: op("Slice"), in: ts(v32(1, 2, 3, 4), i64(3), i64(-9), i64(0), i64(math.MinInt64+1)), known: []int{1, 2, 3, 4}},
		{name: "of an axis twice", node: op("Slice"), in: ts(f32([]int{2, 2}, 1, 2, 3, 4), i64(0, 0), i64(1, 1), i64(0, -2)), known: []int{1, 2, 3}},
		{name: "of an axis beyond", node: op("Slice"), in: ts(v32(1, 2, 3), i64(0), i64(1), i64(1)), known: []int{1, 2, 3}},
		{name: "of unequal bounds", node: op("Slice"), in: ts(v32(1, 2, 3), i64(0, 0), i64(1)), known: []int{1, 2}},
		{name: "to the first", node: op("Slice"), in: ts(v32(1, 2, 3), i64(2), i64(0), i64(0), i64(-1)), known: []int{1, 2, 3, 4}},

		{name: "by 0 and -1", node: op("Reshape"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(0, -1)), known: []int{1}},
		{name: "by two -1", node: op("Reshape"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(-1, -1)), known: []int{1}},
		{name: "by -2", node: op("Reshape"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(-2, 3)), known: []int{1}},
		{name: "that does not fit", node: op("Reshape"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(4, -1)), known: []int{1}},
		{name: "to more", node: op("Reshape"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(7)), known: []int{1}},
		{name: "by a 0 beyond", node: op("Reshape"), in: ts(v32(1, 2), i64(2, 0)), known: []int{1}},
		{name: "to nothing", node: op("Reshape"), in: ts(v32(1), i64()), known: []int{1}},
		{name: "of several to a number", node: op("Reshape"), in: ts(v32(1, 2), i64()), known: []int{1}},
		{name: "of nothing by -1", node: op("Reshape"), in: ts(f32([]int{0, 3}), i64(0, -1)), known: []int{1}},
		{name: "of nothing with allowzero", node: op("Reshape", "allowzero", int64(1)), in: ts(f32([]int{0, 3}), i64(3, 0)), known: []int{1}},
		{name: "of nothing by -1 with allowzero", node: op("Reshape", "allowzero", int64(1)), in: ts(f32([]int{0, 3}), i64(-1, 0)), known: []int{1}},

		{name: "NaN", node: op("ArgMax"), in: ts(v32(1, nan, 3)), out: onnxtensor.Int64, apart: layout},
		{name: "NaN first", node: op("ArgMax"), in: ts(v32(nan, 1, 3)), out: onnxtensor.Int64},
		{name: "NaN last", node: op("ArgMax"), in: ts(v32(1, 3, nan)), out: onnxtensor.Int64, apart: layout},
		{name: "NaN alone", node: op("ArgMax"), in: ts(v32(nan, nan)), out: onnxtensor.Int64},
		{name: "NaN", node: op("ArgMin"), in: ts(v32(3, nan, 1)), out: onnxtensor.Int64, apart: layout},
		{name: "NaN first", node: op("ArgMin"), in: ts(v32(nan, 3, 1)), out: onnxtensor.Int64},
		{name: "ties", node: op("ArgMax"), in: ts(v32(1, 3, 3, 2)), out: onnxtensor.Int64},
		{name: "last of ties", node: op("ArgMax", "select_last_index", int64(1)), in: ts(v32(1, 3, 3, 2)), out: onnxtensor.Int64},
		{name: "last of ties", node: op("ArgMin", "select_last_index", int64(1)), in: ts(v32(1, 3, 1, 2)), out: onnxtensor.Int64},
		{name: "last with NaN", node: op("ArgMax", "select_last_index", int64(1)), in: ts(v32(nan, 3, nan, 3, nan)), out: onnxtensor.Int64},
		{name: "last with NaN", node: op("ArgMin", "select_last_index", int64(1)), in: ts(v32(nan, 3, nan, 3, nan)), out: onnxtensor.Int64},
		{name: "NaN later", node: op("ArgMax", "select_last_index", int64(1)), in: ts(v32(3, nan, 3, nan)), out: onnxtensor.Int64},
		{name: "NaN between", node: op("ArgMin", "select_last_index", int64(1)), in: ts(v32(3, 4, nan, 3, 2)), out: onnxtensor.Int64},
		{name: "NaN in rows", node: op("ArgMax", "axis", int64(1)), in: ts(f32([]int{3, 3}, 1, nan, 3, nan, 2, 1, 4, 5, nan)), out: onnxtensor.Int64},
		{name: "NaN in columns", node: op("ArgMax", "axis", int64(0)), in: ts(f32([]int{3, 3}, 1, nan, 3, nan, 2, 1, 4, 5, nan)), out: onnxtensor.Int64},
		{name: "NaN in the middle", node: op("ArgMin", "axis", int64(1)), in: ts(f32([]int{1, 3, 2}, 1, nan, 3, nan, nan, 2)), out: onnxtensor.Int64},
		{name: "NaN of float64", node: op("ArgMax"), in: ts(v64(1, nan64, 3)), out: onnxtensor.Int64, apart: layout},
		{name: "zeros of both signs", node: op("ArgMax"), in: ts(v32(negative, 0)), out: onnxtensor.Int64},
		{name: "of nothing", node: op("ArgMax"), in: ts(f32([]int{0, 2})), out: onnxtensor.Int64},
		{name: "nothing of something", node: op("ArgMax"), in: ts(f32([]int{2, 0})), out: onnxtensor.Int64},
		{name: "axis beyond", node: op("ArgMax", "axis", int64(1)), in: ts(v32(1, 2)), out: onnxtensor.Int64},
		{name: "without the axis", node: op("ArgMax", "keepdims", int64(0)), in: ts(v32(1, 2)), out: onnxtensor.Int64},

		{name: "constant, cut", node: op("Pad"), in: ts(v32(1, 2, 3, 4), i64(-1, 2), v32(9)), known: []int{1}},
		{name: "cut to nothing", node: op("Pad"), in: ts(v32(1, 2, 3), i64(-1, -2)), known: []int{1}},
		{name: "cut too much", node: op("Pad"), in: ts(v32(1, 2, 3), i64(-2, -2)), known: []int{1}},
		{name: "cut more than there is, then padded", node: op("Pad"), in: ts(v32(1, 2, 3), i64(-4, 5), v32(9)), known: []int{1}},
		{name: "edge, cut", node: op("Pad", "mode", "edge"), in: ts(v32(1, 2, 3, 4), i64(-1, 2)), known: []int{1}},
		{name: "edge, cut to nothing, padded", node: op("Pad", "mode", "edge"), in: ts(v32(1, 2, 3), i64(-3, 2)), known: []int{1}},
		{name: "reflect", node: op("Pad", "mode", "reflect"), in: ts(v32(1, 2, 3, 4), i64(2, 3)), known: []int{1}},
		{name: "reflect, cut", node: op("Pad", "mode", "reflect"), in: ts(v32(1, 2, 3, 4), i64(-1, 2)), known: []int{1}},
		{name: "reflect, cut behind", node: op("Pad", "mode", "reflect"), in: ts(v32(1, 2, 3, 4), i64(2, -2)), known: []int{1}},
		{name: "reflect too far", node: op("Pad", "mode", "reflect"), in: ts(v32(1, 2, 3), i64(4, 0)), known: []int{1}},
		{name: "reflect of one", node: op("Pad", "mode", "reflect"), in: ts(v32(1), i64(1, 0)), known: []int{1}},
		{name: "reflect of one along another", node: op("Pad", "mode", "reflect"), in: ts(f32([]int{1, 3}, 1, 2, 3), i64(0, 1, 0, 1)), known: []int{1}},
		{name: "reflect by all", node: op("Pad", "mode", "reflect"), in: ts(v32(1, 2, 3), i64(2, 2)), known: []int{1}},
		{name: "edge of two axes, cut", node: op("Pad", "mode", "edge"), in: ts(f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), i64(1, -1, -1, 2)), known: []int{1}},
		{name: "edge, cut behind", node: op("Pad", "mode", "edge"), in: ts(v32(1, 2, 3, 4), i64(2, -2)), known: []int{1}},
		{name: "wrap, cut behind", node: op("Pad", "mode", "wrap"), in: ts(v32(1, 2, 3, 4), i64(2, -1)), known: []int{1}},
		{name: "wrap", node: op("Pad", "mode", "wrap"), in: ts(v32(1, 2, 3), i64(2, 1)), known: []int{1}},
		{name: "wrap far", node: op("Pad", "mode", "wrap"), in: ts(v32(1, 2, 3), i64(7, 4)), known: []int{1}, apart: "onnxruntime repeats once before the operand, and leaves the rest unset"},
		{name: "wrap, cut", node: op("Pad", "mode", "wrap"), in: ts(v32(1, 2, 3, 4), i64(-1, 2)), known: []int{1}},
		{name: "another mode", node: op("Pad", "mode", "mirror"), in: ts(v32(1, 2, 3), i64(1, 1)), known: []int{1}},
		{name: "too few", node: op("Pad"), in: ts(v32(1, 2, 3), i64(1)), known: []int{1}},
		{name: "an axis twice", node: op("Pad"), in: ts(v32(1, 2, 3), i64(1, 1, 1, 1), v32(0), i64(0, -1)), known: []int{1, 3}},
		{name: "of nothing", node: op("Pad"), in: ts(f32([]int{0}), i64(1, 1), v32(7)), known: []int{1}},
		{name: "of nothing by its edge", node: op("Pad", "mode", "edge"), in: ts(f32([]int{0}), i64(1, 1)), known: []int{1}},

		{name: "out of range", node: op("OneHot"), in: ts(i64(0, 2, 3, -1, -3, -4), i64(3), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32},
		{name: "of no depth", node: op("OneHot"), in: ts(i64(0), i64(0), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32},
		{name: "of a negative depth", node: op("OneHot"), in: ts(i64(0), i64(-1), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32},
		{name: "of three values", node: op("OneHot"), in: ts(i64(0), i64(2), v32(5, 7, 9)), known: []int{1}, out: onnxtensor.Float32},
		{name: "of fractions", node: op("OneHot"), in: ts(v32(0.9, -0.9, 1.5, -1.5), f32([]int{1}, 3), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32, apart: "ONNX casts fractions to integers, onnxruntime finds no place for them"},
		{name: "of NaN", node: op("OneHot"), in: ts(v32(nan, inf, -inf, 1e30), f32([]int{1}, 3), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32, apart: "NaN and what is beyond integers has no place"},
		{name: "axis beyond", node: op("OneHot", "axis", int64(2)), in: ts(i64(0), i64(3), v32(5, 7)), known: []int{1}, out: onnxtensor.Float32},

		{name: "least above most", node: op("Clip"), in: ts(v32(-5, 0, 2, 5, nan), f32(nil, 3), f32(nil, 1))},
		{name: "NaN bounds", node: op("Clip"), in: ts(odd, f32(nil, nan), f32(nil, 1))},
		{name: "a NaN bound", node: op("Clip"), in: ts(odd, f32(nil, -1), f32(nil, nan))},
		{name: "odd numbers", node: op("Clip"), in: ts(odd, f32(nil, -1), f32(nil, 1))},
		{name: "zeros", node: op("Clip"), in: ts(v32(0, negative), f32(nil, 0), f32(nil, 1))},
		{name: "bounds of two", node: op("Clip"), in: ts(odd, v32(0, 1), f32(nil, 1))},
		{name: "integers", node: op("Clip"), in: ts(i64(-5, 0, 5), row64(nil, 3), row64(nil, 1))},

		{name: "-inf", node: op("Softmax"), in: ts(v32(-inf, -inf, -inf))},
		{name: "some -inf", node: op("Softmax"), in: ts(v32(-inf, 0, -inf))},
		{name: "inf", node: op("Softmax"), in: ts(v32(inf, 0, 1))},
		{name: "NaN", node: op("Softmax"), in: ts(v32(nan, 0, 1))},
		{name: "-inf", node: op("LogSoftmax"), in: ts(v32(-inf, -inf, -inf))},
		{name: "some -inf", node: op("LogSoftmax"), in: ts(v32(-inf, 0, -inf))},
		{name: "far", node: op("LogSoftmax"), in: ts(v32(-3e38, 3e38))},
		{name: "of nothing", node: op("Softmax"), in: ts(f32([]int{2, 0}))},

		{name: "of nothing", node: op("ReduceMax", "keepdims", int64(0)), in: ts(f32([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "of nothing", node: op("ReduceMin"), in: ts(f32([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "of nothing", node: op("ReduceSum"), in: ts(f32([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "of nothing", node: op("ReduceProd"), in: ts(f32([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "of nothing", node: op("ReduceMean"), in: ts(f32([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "integers of nothing", node: op("ReduceMax"), in: ts(row64([]int{2, 0}), i64(1)), known: []int{1}},
		{name: "NaN", node: op("ReduceMax"), in: ts(v32(1, nan, 3)), apart: dropped},
		{name: "NaN last", node: op("ReduceMax"), in: ts(v32(1, 3, nan)), apart: dropped},
		{name: "NaN first", node: op("ReduceMin"), in: ts(v32(nan, 1, 3)), apart: dropped},
		{name: "infinities", node: op("ReduceSum"), in: ts(v32(inf, -inf))},
		{name: "an overflow", node: op("ReduceSum"), in: ts(i32(math.MaxInt32, 1)), apart: overflow},
		{name: "an overflow of int64", node: op("ReduceSum"), in: ts(i64(math.MaxInt64, 1)), apart: overflow},
		{name: "an overflow", node: op("ReduceProd"), in: ts(i32(1<<20, 1<<20)), apart: overflow},
		{name: "an overflow", node: op("ReduceMean"), in: ts(i32(math.MaxInt32, 1)), apart: overflow},
		{name: "negative integers", node: op("ReduceMean"), in: ts(i32(-1, -2))},
		{name: "an axis twice", node: op("ReduceSum"), in: ts(f32([]int{2, 2}, 1, 2, 3, 4), i64(0, -2)), known: []int{1}},
		{name: "an axis beyond", node: op("ReduceSum"), in: ts(v32(1, 2), i64(1)), known: []int{1}},
		{name: "no axes, nothing to do", node: op("ReduceSum", "noop_with_empty_axes", int64(1)), in: ts(v32(1, 2), i64()), known: []int{1}},
		{name: "no axes", node: op("ReduceSum"), in: ts(v32(1, 2), i64()), known: []int{1}},

		{name: "that do not fit", node: op("Expand"), in: ts(v32(1, 2, 3), i64(2)), known: []int{1}},
		{name: "to nothing", node: op("Expand"), in: ts(v32(1), i64(0)), known: []int{1}},
		{name: "to less", node: op("Expand"), in: ts(f32([]int{2, 1}, 1, 2), i64(1)), known: []int{1}},
		{name: "by -1", node: op("Expand"), in: ts(v32(1, 2, 3), i64(-1)), known: []int{1}},
		{name: "that do not fit", node: op("Where"), in: ts(bools(true, false), v32(1, 2, 3), v32(1)), out: onnxtensor.Float32},
		{name: "stretched", node: op("Where"), in: ts(bools(true, false), f32([]int{3, 1}, 1, 2, nan), f32(nil, 9)), out: onnxtensor.Float32},
		{name: "of two types", node: op("Where"), in: ts(bools(true), v32(1), i64(1)), out: onnxtensor.Float32},
		{name: "that do not fit", node: op("Add"), in: ts(v32(1, 2), v32(1, 2, 3))},
		{name: "of nothing and one", node: op("Add"), in: ts(f32([]int{0}), v32(1))},
		{name: "of nothing and two", node: op("Add"), in: ts(f32([]int{0}), v32(1, 2))},
		{name: "of two types", node: op("Add"), in: ts(v32(1), i64(1))},

		{name: "more than there are", node: outputs(op("TopK"), "z", "y"), in: ts(v32(1, 2), i64(3)), known: []int{1}},
		{name: "none of several", node: outputs(op("TopK"), "z", "y"), in: ts(v32(1, 2), i64(0)), known: []int{1}},
		{name: "a negative number", node: outputs(op("TopK"), "z", "y"), in: ts(v32(1, 2), i64(-1)), known: []int{1}},
		{name: "of an axis that is not there", node: outputs(op("TopK", "axis", int64(1)), "z", "y"), in: ts(v32(1, 2), i64(1)), known: []int{1}},
		{name: "zeros of both signs", node: outputs(op("TopK"), "z", "y"), in: ts(v32(negative, 0, negative), i64(3)), known: []int{1}},
		{name: "infinities", node: outputs(op("TopK", "largest", int64(0)), "z", "y"), in: ts(v32(1, inf, -inf, inf), i64(4)), known: []int{1}},
		{name: "equal ones beyond those kept", node: outputs(op("TopK"), "z", "y"), in: ts(v32(slices.Repeat([]float32{1, 2, 2, 3, 1}, 40)...), i64(70)), known: []int{1}},
		{name: "uneven", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3, 4, 5))},
		{name: "uneven by number", node: outputs(op("Split", "num_outputs", int64(2)), "z", "y"), in: ts(v32(1, 2, 3, 4, 5))},
		{name: "more parts than elements", node: outputs(op("Split", "num_outputs", int64(3)), "z", "y", "x"), in: ts(v32(1, 2))},
		{name: "uneven of opset 13", node: outputs(op("Split"), "z", "y"), opset: 13, in: ts(v32(1, 2, 3, 4, 5))},
		{name: "even of opset 13", node: outputs(op("Split"), "z", "y"), opset: 13, in: ts(v32(1, 2, 3, 4))},
		{name: "of a wrong sum", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3), i64(1, 1)), known: []int{1}},
		{name: "with an empty part", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3), i64(0, 3)), known: []int{1}},
		{name: "with a negative part", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3), i64(-1, 4)), known: []int{1}},
		{name: "of more lengths than parts", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3), i64(1, 1, 1)), known: []int{1}},
		{name: "of fewer lengths than parts", node: outputs(op("Split"), "z", "y"), in: ts(v32(1, 2, 3), i64(3)), known: []int{1}},
		{name: "by a wrong number", node: outputs(op("Split", "num_outputs", int64(3)), "z", "y"), in: ts(v32(1, 2, 3))},
		{name: "by number and lengths", node: outputs(op("Split", "num_outputs", int64(2)), "z", "y"), in: ts(v32(1, 2, 3), i64(1, 2)), known: []int{1}},

		{name: "of empties", node: op("Concat", "axis", int64(0)), in: ts(f32([]int{0}), v32(1), f32([]int{0}))},
		{name: "of nothing but empties", node: op("Concat", "axis", int64(0)), in: ts(f32([]int{0, 2}), f32([]int{0, 2}))},
		{name: "of empties of other shapes", node: op("Concat", "axis", int64(0)), in: ts(f32([]int{0, 3}), f32([]int{1, 2}, 1, 2))},
		{name: "of an empty vector and a matrix", node: op("Concat", "axis", int64(0)), in: ts(f32([]int{0}), f32([]int{1, 2}, 1, 2))},
		{name: "of two types", node: op("Concat", "axis", int64(0)), in: ts(v32(1), i64(1))},
		{name: "of an axis beyond", node: op("Concat", "axis", int64(1)), in: ts(v32(1), v32(1))},
		{name: "without an axis", node: op("Concat"), in: ts(v32(1), v32(1))},

		{name: "of negative bases", node: op("Pow"), in: ts(v32(-2, -2, -2, 0, 0, 0, negative, 1, nan, inf, -inf), v32(0.5, 3, -1, 0, -1, nan, -1, nan, 0, -1, 3))},
		{name: "of integers", node: op("Pow"), in: ts(i32(-2, 0, 3, 1), i32(3, 0, 4, 100))},
		{name: "of integers that overflow", node: op("Pow"), in: ts(i32(3), i32(40)), apart: overflow},
		{name: "of integers by negatives", node: op("Pow"), in: ts(i32(2, 1, -1), i32(-1, -1, -1))},
		{name: "of 0 by a negative", node: op("Pow"), in: ts(i32(0), i32(-1)), apart: overflow},
		{name: "of large integers", node: op("Pow"), in: ts(i64(3), i64(39))},
		{name: "squares of integers", node: op("Pow"), in: ts(i64(3037000499, 4000000000), f32(nil, 2))},

		{name: "", node: op("Round"), in: ts(odd)},
		{name: "", node: op("Floor"), in: ts(odd)},
		{name: "", node: op("Ceil"), in: ts(odd)},
		{name: "", node: op("Sign"), in: ts(odd)},
		{name: "", node: op("Relu"), in: ts(v32(nan, inf, -inf, 0, 0.5, -0.5, 3e38, -3e38, 1e-45, -1e-45))},
		{name: "zeros", node: op("Relu"), in: ts(v32(0, negative)), apart: "the sign of the larger of two zeros"},
		{name: "", node: op("LeakyRelu"), in: ts(odd)},
		{name: "", node: op("PRelu"), in: ts(odd, v32(0.5))},
		{name: "", node: op("Abs"), in: ts(odd)},
		{name: "", node: op("Neg"), in: ts(odd)},
		{name: "the least", node: op("Abs"), in: ts(i32(math.MinInt32, 1))},
		{name: "the least", node: op("Neg"), in: ts(i64(math.MinInt64))},
		{name: "", node: op("Reciprocal"), in: ts(odd)},
		{name: "", node: op("Sqrt"), in: ts(odd)},
		{name: "", node: op("Log"), in: ts(v32(-1, 0, negative, -inf, inf, nan, 1))},
		{name: "", node: op("Exp"), in: ts(v32(-inf, inf, nan, 0, 100, -200))},
		{name: "", node: op("Sigmoid"), in: ts(v32(-inf, inf, nan, 0, 200, -200))},
		{name: "", node: op("Tanh"), in: ts(v32(-inf, inf, nan, 0, negative, 200, -200))},
		{name: "", node: op("Softplus"), in: ts(v32(-inf, inf, nan, 200, -200))},
		{name: "", node: op("Erf"), in: ts(v32(-inf, inf, nan, 0, negative))},
		{name: "", node: op("Gelu"), in: ts(v32(-inf, inf, nan, 0, 200, -200))},
		{name: "", node: op("Elu"), in: ts(v32(-inf, inf, nan, 0, negative))},
		{name: "", node: op("Selu"), in: ts(v32(-inf, inf, nan, 0))},
		{name: "", node: op("Cos"), in: ts(v32(-inf, inf, nan, 0))},
		{name: "", node: op("Sin"), in: ts(v32(-inf, inf, nan, 0, negative))},

		{name: "wraps", node: op("Add"), in: ts(u8(250, 1), u8(10, 2))},
		{name: "wraps", node: op("Sub"), in: ts(u8(1, 0), u8(2, 255))},
		{name: "wraps", node: op("Mul"), in: ts(u8(16, 255), u8(16, 255))},
		{name: "wraps int32", node: op("Add"), in: ts(i32(math.MaxInt32), i32(1))},
		{name: "wraps int64", node: op("Mul"), in: ts(i64(math.MaxInt64, 1<<62), i64(2, 4))},
		{name: "integers", node: op("Div"), in: ts(i32(7, -7, 7, -7), i32(2, 2, -2, -2))},
		{name: "integers by 0", node: op("Div"), in: ts(i32(7, 8), i32(0, 1))},
		{name: "bytes by 0", node: op("Div"), in: ts(u8(7, 8), u8(1, 0))},
		{name: "all by 0", node: op("Div"), in: ts(i64(7, 8), row64(nil, 0))},
		{name: "nothing by 0", node: op("Div"), in: ts(row64([]int{0}), row64(nil, 0))},
		{name: "the least by -1", node: op("Div"), in: ts(i64(math.MinInt64), i64(-1))},
		{name: "by -1 of another type", node: op("Div"), in: ts(tensor(onnxgraph.Int16, []int{1}, int16(math.MinInt16)), tensor(onnxgraph.Int16, []int{1}, int16(-1))), apart: overflow},
		{name: "numbers by 0", node: op("Div"), in: ts(v32(1, -1, 0, nan, inf), v32(0, 0, 0, 0, inf))},

		{name: "NaN", node: op("Max"), in: ts(v32(nan, 1, nan, inf), v32(1, nan, nan, nan))},
		{name: "NaN", node: op("Min"), in: ts(v32(nan, 1, nan, -inf), v32(1, nan, nan, nan))},
		{name: "NaN of three", node: op("Max"), in: ts(v32(nan, 1, 2), v32(1, nan, 1), v32(1, 1, nan))},
		{name: "NaN and a number", node: op("Max"), in: ts(v32(nan, 1, -1), f32(nil, 0))},
		{name: "a NaN for all", node: op("Min"), in: ts(v32(nan, 1, -1), f32(nil, nan))},
		{name: "", node: op("Equal"), in: ts(odd, odd), out: onnxtensor.Bool},
		{name: "NaN", node: op("Less"), in: ts(v32(nan, 1, nan), v32(1, nan, nan)), out: onnxtensor.Bool},
		{name: "NaN", node: op("GreaterOrEqual"), in: ts(v32(nan, 1, nan), v32(1, nan, nan)), out: onnxtensor.Bool},

		{name: "", node: op("QuantizeLinear"), in: ts(v32(-1e30, -1, 0.5, 1.5, 2.5, 254.5, 255.5, 300, 1e30, inf, -inf), f32(nil, 1), u8one(0)), out: onnxtensor.Uint8},
		{name: "with a zero point", node: op("QuantizeLinear"), in: ts(v32(-1e30, -128.5, -128, 0.5, 1.5, 126.5, 127.5, 300, inf, -inf), f32(nil, 1), u8one(128)), out: onnxtensor.Uint8},
		{name: "of a small scale", node: op("QuantizeLinear"), in: ts(v32(-1, 1, 1e-30), f32(nil, 1e-38), u8one(3)), out: onnxtensor.Uint8},
		{name: "by 0", node: op("QuantizeLinear"), in: ts(v32(-1, 1), f32(nil, 0), u8one(3)), out: onnxtensor.Uint8},
		{name: "a negative scale", node: op("QuantizeLinear"), in: ts(v32(-1, 1, 3), f32(nil, -1), u8one(3)), out: onnxtensor.Uint8},
		{name: "NaN", node: op("QuantizeLinear"), in: ts(v32(nan), f32(nil, 1), u8one(3)), out: onnxtensor.Uint8, apart: "ONNX does not say what NaN becomes"},
		{name: "an axis beyond", node: op("QuantizeLinear", "axis", int64(1)), in: ts(v32(1, 2), v32(1, 2), u8(0, 0)), out: onnxtensor.Uint8},
		{name: "fewer scales", node: op("QuantizeLinear", "axis", int64(0)), in: ts(v32(1, 2, 3), v32(1, 2), u8(0, 0)), out: onnxtensor.Uint8},
		{name: "", node: op("DequantizeLinear"), in: ts(u8(0, 3, 255), f32(nil, 0.1), u8one(3)), out: onnxtensor.Float32},
		{name: "NaN", node: op("DequantizeLinear"), in: ts(u8(0, 3, 255), f32(nil, nan), u8one(3)), out: onnxtensor.Float32},
		{name: "integers", node: op("DequantizeLinear"), in: ts(i32(math.MinInt32, math.MaxInt32, 16777217), f32(nil, 1)), out: onnxtensor.Float32},

		{name: "of a negative part", node: op("ConstantOfShape"), in: ts(i64(-1)), known: []int{0}, out: onnxtensor.Float32},
		{name: "of nothing", node: op("ConstantOfShape"), in: ts(i64(0, 2)), known: []int{0}, out: onnxtensor.Float32},
		{name: "of a number", node: op("ConstantOfShape"), in: ts(i64()), known: []int{0}, out: onnxtensor.Float32},
		{name: "of more than 1", node: op("Squeeze"), in: ts(f32([]int{1, 2}, 1, 2), i64(1)), known: []int{1}},
		{name: "all", node: op("Squeeze"), in: ts(f32([]int{1, 2, 1}, 1, 2))},
		{name: "an axis beyond", node: op("Squeeze"), in: ts(f32([]int{1, 2}, 1, 2), i64(2)), known: []int{1}},
		{name: "an axis twice", node: op("Unsqueeze"), in: ts(v32(1, 2), i64(0, 0)), known: []int{1}},
		{name: "an axis beyond", node: op("Unsqueeze"), in: ts(v32(1, 2), i64(3)), known: []int{1}},
		{name: "an axis beyond", node: op("Flatten", "axis", int64(3)), in: ts(f32([]int{1, 2}, 1, 2))},
		{name: "of an axis twice", node: op("Transpose", "perm", []int64{0, 0}), in: ts(f32([]int{1, 2}, 1, 2))},
		{name: "of a negative axis", node: op("Transpose", "perm", []int64{-1, 0}), in: ts(f32([]int{1, 2}, 1, 2))},
		{name: "of too few", node: op("Transpose", "perm", []int64{0}), in: ts(f32([]int{1, 2}, 1, 2))},
		{name: "from beyond", node: op("Shape", "start", int64(5), "end", int64(-9)), in: ts(f32([]int{1, 2}, 1, 2)), out: onnxtensor.Int64},
		{name: "that do not fit", node: op("MatMul"), in: ts(f32([]int{1, 2}, 1, 2), f32([]int{3, 1}, 1, 2, 3))},
		{name: "of nothing", node: op("MatMul"), in: ts(f32([]int{2, 0}), f32([]int{0, 2}))},
		{name: "of a vector", node: op("MatMul"), in: ts(v32(1, 2), f32([]int{2, 1}, 3, 4))},
		{name: "of a number", node: op("MatMul"), in: ts(f32(nil, 1), v32(1))},
		{name: "NaN times 0", node: op("MatMul"), in: ts(f32([]int{1, 2}, nan, inf), f32([]int{2, 1}, 0, 0))},
		{name: "0 times NaN", node: op("MatMul"), in: ts(f32([]int{1, 2}, 0, 1), f32([]int{2, 1}, nan, 1)), apart: "gonum leaves out products with 0"},
		{name: "of a bias that does not fit", node: op("Gemm"), in: ts(f32([]int{1, 2}, 1, 2), f32([]int{2, 1}, 1, 2), v32(1, 2, 3))},
		{name: "of a stretched bias", node: op("Gemm"), in: ts(f32([]int{2, 1}, 1, 2), f32([]int{1, 2}, 1, 2), f32([]int{2, 1}, 5, 6))},
		{name: "times 0", node: op("Gemm", "alpha", float32(0)), in: ts(f32([]int{1, 1}, nan), f32([]int{1, 1}, 1), v32(1)), apart: "BLAS leaves NaN times an alpha of 0 out"},
		{name: "plus 0 times NaN", node: op("Gemm", "beta", float32(0)), in: ts(f32([]int{1, 1}, 1), f32([]int{1, 1}, 1), v32(nan))},
		{name: "a kernel beyond", node: op("Conv"), in: ts(f32([]int{1, 1, 2}, 1, 2), f32([]int{1, 1, 3}, 1, 2, 3))},
		{name: "of other channels", node: op("Conv"), in: ts(f32([]int{1, 2, 2}, 1, 2, 3, 4), f32([]int{1, 1, 1}, 1))},
		{name: "a stride of 0", node: op("Conv", "strides", []int64{0}), in: ts(f32([]int{1, 1, 2}, 1, 2), f32([]int{1, 1, 1}, 1))},
		{name: "a negative pad", node: op("Conv", "pads", []int64{-1, 0}), in: ts(f32([]int{1, 1, 3}, 1, 2, 3), f32([]int{1, 1, 1}, 1))},
		{name: "NaN", node: op("BatchNormalization"), in: ts(f32([]int{1, 2}, 1, 2), v32(1, 1), v32(0, 0), v32(0, 0), v32(-1, nan))},
		{name: "equal numbers", node: op("LayerNormalization"), in: ts(f32([]int{1, 2}, 2, 2), v32(1, 1))},
		{name: "of truth values", node: op("Not"), in: ts(v32(1))},
		{name: "of numbers", node: op("And"), in: ts(v32(1), v32(1)), out: onnxtensor.Bool},
	}
	for _, to := range []struct {
		number int64
		dtype  onnxtensor.DType
	}{{6, onnxtensor.Int32}, {7, onnxtensor.Int64}, {2, onnxtensor.Uint8}, {9, onnxtensor.Bool}, {1, onnxtensor.Float32}, {11, onnxtensor.Float64}} {
		n := op("Cast", "to", to.number)
		within := v32(0, negative, 0.5, -0.5, 1.5, 254.9, 2.5)
		apart := "ONNX defines no number for NaN, infinities and what is out of an integer type's range"
		if to.dtype == onnxtensor.Bool || to.dtype == onnxtensor.Float32 || to.dtype == onnxtensor.Float64 {
			apart = ""
		}
		list = append(list,
			edge{name: "within " + string(to.dtype), node: n, in: ts(within), out: to.dtype},
			edge{name: "odd to " + string(to.dtype), node: n, in: ts(odd), out: to.dtype, apart: apart},
			edge{name: "float64 to " + string(to.dtype), node: n, in: ts(v64(nan64, math.Inf(-1), 1e300, -1e300, 1e-300, 0.1)), out: to.dtype, apart: apart},
			edge{name: "int64 to " + string(to.dtype), node: n, in: ts(i64(math.MinInt64, math.MaxInt64, -1, 256, 1<<32, 1<<53+1)), out: to.dtype},
			edge{name: "int32 to " + string(to.dtype), node: n, in: ts(i32(math.MinInt32, math.MaxInt32, -1, 256, 16777217)), out: to.dtype},
			edge{name: "bool to " + string(to.dtype), node: n, in: ts(bools(true, false)), out: to.dtype},
			edge{name: "uint8 to " + string(to.dtype), node: n, in: ts(u8(0, 1, 255)), out: to.dtype},
		)
	}
	return list
}

func u8one(x uint8) onnxgraph.Tensor { return tensor(onnxtensor.Uint8, []int{}, x) }

func outputs(n onnxgraph.Node, names ...string) onnxgraph.Node {
	n.Outputs = names
	return n
}

// Pure Go gives what onnxruntime gives at the edges of what ONNX defines, to the bit, or both refuse; whether operands are known when
// the graph is loaded or not.
func TestEdges(t *testing.T) {
	t.Parallel()
	native, pure := ortest.Backend(t), purego.New()
	for _, e := range edges() {
		for _, constant := range []bool{false, true} {
			model, in := e.model(constant, nil)
			got, err := runOn(t.Context(), pure, model, in)
			model, in = e.model(constant, got) // with their ranks
			want, wantErr := runOn(t.Context(), native, model, in)
			what := fmt.Sprintf("%s %s (all constant: %t)", e.node.Op, e.name, constant)
			if e.apart != "" {
				continue
			}
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s: pure Go %v, %.300v; onnxruntime %v, %.300v", what, show(got), err, show(want), wantErr)
				continue
			}
			if err == nil && !alike(got, want) {
				t.Errorf("%s: pure Go gives %v, onnxruntime %v", what, show(got), show(want))
			}
		}
	}
}

func show(list []backend.Tensor) string {
	s := ""
	for _, t := range list {
		s += fmt.Sprintf("%v%v ", t.Data, t.Shape)
	}
	return s
}

// alike compares to the bit; all NaN are one.
func alike(a, b []backend.Tensor) bool {
	return slices.EqualFunc(a, b, func(x, y backend.Tensor) bool {
		if !slices.Equal(x.Shape, y.Shape) || reflect.TypeOf(x.Data) != reflect.TypeOf(y.Data) {
			return false
		}
		bits := func(f float64) uint64 {
			if f != f {
				return 1
			}
			return math.Float64bits(f)
		}
		if d, ok := x.Data.([]int64); ok {
			return slices.Equal(d, y.Data.([]int64))
		}
		return slices.EqualFunc(x.Floats(), y.Floats(), func(p, q float64) bool { return bits(p) == bits(q) })
	})
}

func runOn(ctx context.Context, b backend.Backend, model []byte, in []backend.Tensor) ([]backend.Tensor, error) {
	g, err := backend.Load(ctx, b, model, "edge")
	if err != nil {
		return nil, err
	}
	defer g.Close()
	return g.Run(ctx, in...)
}

// model makes a graph of the node. Operands become inputs where graphs take them and constant is not set, initialisers elsewhere.
func (e edge) model(constant bool, results []backend.Tensor) (model []byte, in []backend.Tensor) {
	opset := e.opset
	if opset == 0 {
		opset = 20
	}
	p := &onnxpb.NodeProto{OpType: proto.String(e.node.Op), Name: proto.String("n"), Output: e.node.Outputs}
	for name, v := range e.node.Attributes {
		a := &onnxpb.AttributeProto{Name: proto.String(name)}
		switch v := v.(type) {
		case int64:
			a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(v)
		case []int64:
			a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
		case float32:
			a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
		case string:
			a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
		}
		p.Attribute = append(p.Attribute, a)
	}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Node: []*onnxpb.NodeProto{p}}
	input := func(t onnxgraph.Tensor) {
		shape := &onnxpb.TensorShapeProto{}
		b := backend.Tensor{Name: t.Name, Shape: []int64{}, Data: t.Data}
		for _, d := range t.Shape {
			b.Shape = append(b.Shape, int64(d))
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprint(t.Name, len(shape.Dim))}})
		}
		in = append(in, b)
		g.Input = append(g.Input, info(t.Name, t.DType, shape))
	}
	unused := v32(0)
	unused.Name = "unused"
	input(unused)
	for i, t := range e.in {
		t.Name = operandName(i)
		p.Input = append(p.Input, t.Name)
		_, n, taken := onnxtensor.DTypeOf(t.Data)
		if constant || n == 0 || !taken || slices.Contains(e.known, i) {
			g.Initializer = append(g.Initializer, tensorProto(t))
			continue
		}
		input(t)
	}
	out := e.out
	if out == "" {
		out = e.in[0].DType
	}
	for i, name := range e.node.Outputs {
		var shape *onnxpb.TensorShapeProto
		if results != nil {
			shape = &onnxpb.TensorShapeProto{}
			for k := range results[i].Shape {
				shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprint(name, k)}})
			}
		}
		g.Output = append(g.Output, info(name, out, shape))
	}
	model, err := onnxpb.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(opset)}}, Graph: g})
	if err != nil {
		panic(err) // a row of the table
	}
	return model, in
}

func info(name string, d onnxtensor.DType, shape *onnxpb.TensorShapeProto) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(numberOf(d)), Shape: shape}}}}
}

func numberOf(d onnxtensor.DType) int32 {
	for number, name := range onnxgraph.DTypes {
		if name == d {
			return int32(number)
		}
	}
	return 0
}

func tensorProto(t onnxgraph.Tensor) *onnxpb.TensorProto {
	p := &onnxpb.TensorProto{Name: proto.String(t.Name), DataType: proto.Int32(numberOf(t.DType))}
	for _, d := range t.Shape {
		p.Dims = append(p.Dims, int64(d))
	}
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.LittleEndian, t.Data); err != nil {
		panic(err) // a row of the table
	}
	p.RawData = raw.Bytes()
	return p
}
