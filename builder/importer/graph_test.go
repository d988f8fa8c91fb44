package importer_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

const float, uint8s = onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_UINT8

// graph is a model of opset 17 with one input, x [n, 4]: see written.
func graph(t *testing.T, dtype onnxpb.TensorProto_DataType, outputs string, nodes ...string) []byte {
	t.Helper()
	return written{nodes: nodes, dtype: dtype, outputs: outputs}.encode(t)
}

// written is a model in short: nodes in the form "out = Op in in key=value", where a value is 3, 0.5, [1,2] or a word, and _ is an
// operand that is left out. Every weight and number of the initialisers below may be an operand; so may weights of any shape (t:3x2), and
// lists of whole numbers (i:1,-1), fractions (f:0.5,2) and truth values (b:1,0).
type written struct {
	nodes   []string
	outputs string // names; "y" where empty
	dtype   onnxpb.TensorProto_DataType
	opset   int64   // 17 where 0
	x       []int64 // of the input, without the batch; [4] where empty
	rank    int     // that outputs declare; 0 for none
}

// weights returns sines.
func weights(name string, dims ...int64) *onnxpb.TensorProto {
	w, n := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(float)), Dims: dims}, int64(1)
	for _, d := range dims {
		n *= d
	}
	for i := range n {
		w.RawData = binary.LittleEndian.AppendUint32(w.RawData, math.Float32bits(float32(math.Sin(float64(i+1)))))
	}
	return w
}

// operandOf returns the operand that a word writes, nil for a name.
func operandOf(t *testing.T, word string) *onnxpb.TensorProto {
	t.Helper()
	kind, text, is := strings.Cut(word, ":")
	if !is {
		return nil
	}
	out := &onnxpb.TensorProto{Name: &word}
	for _, v := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == 'x' }) {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := strconv.ParseInt(v, 10, 64)
		if err != nil && kind != "f" {
			t.Fatal(err)
		}
		out.FloatData, out.Int64Data, out.Int32Data = append(out.FloatData, float32(x)), append(out.Int64Data, whole), append(out.Int32Data, int32(whole))
	}
	out.Dims = []int64{int64(len(out.FloatData))}
	switch kind {
	case "t":
		return weights(word, out.Int64Data...)
	case "i":
		out.DataType, out.FloatData, out.Int32Data = proto.Int32(int32(onnxpb.TensorProto_INT64)), nil, nil
	case "f":
		out.DataType, out.Int64Data, out.Int32Data = proto.Int32(int32(float)), nil, nil
	case "b":
		out.DataType, out.Int64Data, out.FloatData = proto.Int32(int32(onnxpb.TensorProto_BOOL)), nil, nil
	}
	return out
}

// initialisers holds weights, which are sines, and numbers.
func initialisers() []*onnxpb.TensorProto {
	numbers := func(name string, dims []int64, x ...float32) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(float)), Dims: dims, FloatData: x}
	}
	ints := func(name string, x ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(x))}, Int64Data: x}
	}
	return []*onnxpb.TensorProto{
		weights("w", 4, 6), weights("turned", 6, 4), weights("v", 6), weights("encoder/v", 6), weights("s", 1), weights("u4", 4), weights("mean4", 4), weights("row4", 4), weights("square", 4, 4), weights("row", 1, 4), weights("high", 2, 1),
		numbers("variance", []int64{4}, 0.5, 1, 2, 0.25), numbers("variance2", []int64{2}, 0.5, 2), weights("c2", 2), weights("d2", 2),
		numbers("two", nil, 2), numbers("half", nil, 0.5), numbers("one", []int64{1}, 1), numbers("minus", nil, -1), numbers("three", nil, 3), numbers("deep", []int64{1, 1, 1}, 2),
		numbers("low", nil, -0.7), numbers("top", nil, 0.6), numbers("far", nil, -1e6), numbers("least", nil, -math.MaxFloat32), numbers("infinite", nil, float32(math.Inf(1))),
		numbers("eps", nil, 1e-6), numbers("rest", nil, 1-1e-6), numbers("nought", nil, 0), numbers("deep4", []int64{1}, 4), numbers("ten", nil, 10), numbers("most", nil, 0.98), numbers("rise", nil, 0.01), numbers("minus10", nil, -10), weights("pw", 6, 6), weights("u6", 6, 1),
		ints("two_three", 0, 2, 3), ints("flat", 0, -1), ints("fixed", 2, 6), ints("at1", 1), ints("at2", 2), ints("last", -1), ints("whole2", 2), ints("whole0", 0), ints("four", 4),
		{Name: proto.String("true"), DataType: proto.Int32(int32(onnxpb.TensorProto_BOOL)), Int32Data: []int32{1}},
		{Name: proto.String("false"), DataType: proto.Int32(int32(onnxpb.TensorProto_BOOL)), Int32Data: []int32{0}},
	}
}

func (w written) encode(t *testing.T) []byte {
	t.Helper()
	if w.outputs == "" {
		w.outputs = "y"
	}
	if w.dtype == 0 {
		w.dtype = float
	}
	if w.opset == 0 {
		w.opset = 17
	}
	if w.x == nil {
		w.x = []int64{4}
	}
	shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}}}}
	for _, d := range w.x {
		shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	info := func(name string, shape *onnxpb.TensorShapeProto) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(w.dtype)), Shape: shape}}}}
	}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{info("x", shape)}, Initializer: initialisers()}
	var result *onnxpb.TensorShapeProto
	for i := range w.rank {
		if result == nil {
			result = &onnxpb.TensorShapeProto{}
		}
		result.Dim = append(result.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprint("d", i)}})
	}
	for _, out := range strings.Fields(w.outputs) {
		g.Output = append(g.Output, info(out, result))
	}
	made := map[string]bool{}
	for _, line := range w.nodes {
		n := parseNode(t, line)
		for _, name := range n.Input {
			if written := operandOf(t, name); written != nil && !made[name] {
				g.Initializer, made[name] = append(g.Initializer, written), true
			}
		}
		g.Node = append(g.Node, n)
	}
	data, err := onnxpb.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: &w.opset}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := onnxcheck.Check(data); err != nil {
		t.Fatal(err)
	}
	return data
}

func parseNode(t *testing.T, line string) *onnxpb.NodeProto {
	t.Helper()
	words := strings.Fields(line)
	n := &onnxpb.NodeProto{Output: strings.Split(words[0], ","), OpType: &words[2]}
	for i, out := range n.Output {
		n.Output[i] = strings.TrimPrefix(out, "_")
	}
	for _, word := range words[3:] {
		name, text, is := strings.Cut(word, "=")
		if !is {
			n.Input = append(n.Input, strings.TrimPrefix(word, "_"))
			continue
		}
		a := &onnxpb.AttributeProto{Name: &name}
		if list, ok := strings.CutPrefix(text, "["); ok {
			a.Type = onnxpb.AttributeProto_INTS.Enum()
			for _, v := range strings.Split(strings.TrimSuffix(list, "]"), ",") {
				var i int64
				if _, err := fmt.Sscan(v, &i); err != nil {
					t.Fatal(err)
				}
				a.Ints = append(a.Ints, i)
			}
		} else if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), &i
		} else if f, err := strconv.ParseFloat(text, 32); err == nil {
			a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(float32(f))
		} else {
			a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(text)
		}
		n.Attribute = append(n.Attribute, a)
	}
	return n
}
