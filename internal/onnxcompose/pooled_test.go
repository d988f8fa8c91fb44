package onnxcompose_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"google.golang.org/protobuf/proto"
)

// textInfo describes a value of a text model: int64 [b,t], or float32 [b,t,2] or [b,2].
func textInfo(name string, element onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d < 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "any"}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(element)), Shape: shape},
	}}}
}

// textModel gives each token a row of a table of three rows, by its number.
func textModel(t *testing.T, opset int64, change func(g *onnxpb.GraphProto)) []byte {
	t.Helper()
	g := &onnxpb.GraphProto{
		Name:  proto.String("g"),
		Input: []*onnxpb.ValueInfoProto{textInfo("input_ids", onnxpb.TensorProto_INT64, -1, -1), textInfo("attention_mask", onnxpb.TensorProto_INT64, -1, -1)},
		Initializer: []*onnxpb.TensorProto{{
			Name: proto.String("table"), Dims: []int64{3, 2}, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{3, 4, 1, 0, 0, 8},
		}},
		Node:   []*onnxpb.NodeProto{{Name: proto.String("Gather"), OpType: proto.String("Gather"), Input: []string{"table", "input_ids"}, Output: []string{"hidden"}}},
		Output: []*onnxpb.ValueInfoProto{textInfo("hidden", onnxpb.TensorProto_FLOAT, -1, -1, 2)},
	}
	if change != nil {
		change(g)
	}
	data, err := onnxpb.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(7), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(opset)}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// runText runs a graph on tokens 0 1 2, the last masked, and 2 0 0, the last two masked.
func runText(t *testing.T, on backend.Backend, model []byte) []onnxtensor.Tensor {
	t.Helper()
	g, err := backend.Load(t.Context(), on, model, "text")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	shape := []int64{2, 3}
	out, err := g.Run(t.Context(), onnxtensor.Tensor{Name: "input_ids", Shape: shape, Data: []int64{0, 1, 2, 2, 0, 0}}, onnxtensor.Tensor{Name: "attention_mask", Shape: shape, Data: []int64{1, 1, 0, 1, 0, 0}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPooled(t *testing.T) {
	t.Parallel()
	own := func(g *onnxpb.GraphProto) {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("ReduceMax"), Input: []string{"hidden"}, Output: []string{"sentence_embedding"}, Attribute: []*onnxpb.AttributeProto{
			{Name: proto.String("axes"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{1}}, {Name: proto.String("keepdims"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)},
		}})
		g.Output = append(g.Output, textInfo("sentence_embedding", onnxpb.TensorProto_FLOAT, -1, 2))
	}
	half := float32(math.Sqrt(0.5))
	for name, c := range map[string]struct {
		pooling   string
		normalize bool
		want      []float32
	}{
		"mean":       {"mean", false, []float32{2, 2, 0, 8}},
		"mean, unit": {"mean", true, []float32{half, half, 0, 1}},
		"cls":        {"cls", false, []float32{3, 4, 0, 8}},
		"cls, unit":  {"cls", true, []float32{0.6, 0.8, 0, 1}},
		"its own":    {"output", false, []float32{3, 8, 3, 8}},
	} {
		for _, opset := range []int64{11, 14, 17} { // axes are attributes before 13
			pooled, width, err := onnxcompose.Pooled(textModel(t, opset, own), c.pooling, c.normalize)
			if err != nil || width != 2 {
				t.Fatalf("%s: %d, %v", name, width, err)
			}
			for _, on := range []backend.Backend{ortest.Backend(t), purego.New()} {
				got := runText(t, on, pooled)[0].Data.([]float32)
				for i, want := range c.want {
					if math.Abs(float64(got[i]-want)) > 1e-6 {
						t.Errorf("%s, opset %d, %s: %v, want %v", name, opset, on.Name(), got, c.want)
						break
					}
				}
			}
		}
	}
}

// A text model, an encoder of another opset and a threshold become one graph, and keep their names apart.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	pooled, _, err := onnxcompose.Pooled(textModel(t, 14, func(g *onnxpb.GraphProto) {
		g.Node[0].Output[0], g.Output[0].Name = "latent_logits", proto.String("latent_logits")
	}), "mean", false)
	if err != nil {
		t.Fatal(err)
	}
	encoder := model(t, "sample", []string{"latent_logits"}, "latent_logits=Neg sample")
	threshold := model(t, "latent_logits", []string{"code"}, "code=Abs latent_logits")
	whole, err := onnxcompose.Embedded(pooled, encoder, threshold, "sample", "latent_logits", "code")
	if err != nil {
		t.Fatal(err)
	}
	out := runText(t, ortest.Backend(t), whole)
	for i, want := range [][]float32{{2, 2, 0, 8}, {-2, -2, 0, -8}, {2, 2, 0, 8}} {
		if got := out[i].Data.([]float32); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", out[i].Name, got, want)
		}
	}
	only, err := onnxcompose.Only(whole, onnxcompose.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if out := runText(t, ortest.Backend(t), only); len(out) != 1 || out[0].Name != onnxcompose.Embedding {
		t.Errorf("%v is left of it", out)
	}
	if _, err := onnxcompose.Only(whole, "reconstruction"); err == nil {
		t.Error("an output was found that there is not")
	}
	for opset, want := range map[int64]string{11: "opset 11", 18: "opset 18"} {
		pooled, _, err := onnxcompose.Pooled(textModel(t, opset, nil), "mean", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := onnxcompose.Embedded(pooled, encoder, threshold, "sample", "code"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("opset %d: %v", opset, err)
		}
	}
}

func TestPooledRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pooling string
		change  func(g *onnxpb.GraphProto)
		want    string
	}{
		"another input": {"mean", func(g *onnxpb.GraphProto) {
			g.Input = append(g.Input, textInfo("position_ids", onnxpb.TensorProto_INT64, -1, -1))
		}, `takes "position_ids"`},
		"no mask":           {"mean", func(g *onnxpb.GraphProto) { g.Input = g.Input[:1] }, `no input "attention_mask"`},
		"small numbers":     {"mean", func(g *onnxpb.GraphProto) { g.Input[0] = textInfo("input_ids", onnxpb.TensorProto_INT32, -1, -1) }, `"input_ids" is not int64`},
		"one text":          {"mean", func(g *onnxpb.GraphProto) { g.Input[0] = textInfo("input_ids", onnxpb.TensorProto_INT64, -1) }, `"input_ids" is not int64`},
		"no width":          {"mean", func(g *onnxpb.GraphProto) { g.Output[0] = textInfo("hidden", onnxpb.TensorProto_FLOAT, -1, -1, -1) }, "3 dimensions"},
		"no output of text": {"output", nil, "2 dimensions"},
		"no such pooling":   {"max", nil, `pooling "max"`},
	} {
		if _, _, err := onnxcompose.Pooled(textModel(t, 14, c.change), c.pooling, true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
