package runtime_test

import (
	"errors"
	"maps"
	"math"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/runtime"
	"google.golang.org/protobuf/proto"
)

// Codes are numbers within [0,1]: between 0 and 1 lies what is between two codes.
func TestDecodeRefusesBadCodes(t *testing.T) {
	t.Parallel()
	m := open(t, dist.Bernoulli, 4, 0)
	for _, c := range []struct {
		value float32
		ok    bool
	}{{0, true}, {1, true}, {0.25, true}, {float32(math.NaN()), false}, {float32(math.Inf(1)), false}, {-0.5, false}, {2, false}} {
		codes := []float32{0, 1, 0, 1, 0, 1, c.value, 1}
		_, err := m.Decode(t.Context(), nil, codes)
		_, err2 := m.DecodeLogits(t.Context(), nil, codes)
		for _, err := range []error{err, err2} {
			if c.ok && err != nil || !c.ok && !errors.Is(err, runtime.ErrInput) {
				t.Errorf("%g: %v, want it taken: %v", c.value, err, c.ok)
			}
		}
	}
}

// A graph that loads and fails when it runs, or gives another number of rows than it takes, is a bad bundle on every backend.
func TestGraphsThatFailInRuns(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 4, 0))
	m.Variants = nil
	shape := func(name string, values ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(7), Dims: []int64{int64(len(values))}, Int64Data: values}
	}
	for name, nodes := range map[string][]*onnxpb.NodeProto{
		"an index that is computed, and out of range": {
			{OpType: proto.String("Cast"), Input: []string{"old"}, Output: []string{"whole"}, Attribute: []*onnxpb.AttributeProto{{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(7)}}},
			{OpType: proto.String("Mul"), Input: []string{"whole", "zero"}, Output: []string{"none"}},
			{OpType: proto.String("Add"), Input: []string{"none", "far"}, Output: []string{"index"}},
			{OpType: proto.String("ReduceMax"), Input: []string{"index"}, Output: []string{"one"}, Attribute: []*onnxpb.AttributeProto{{Name: proto.String("axes"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{1}}, {Name: proto.String("keepdims"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)}}},
			{OpType: proto.String("Gather"), Input: []string{"old", "one"}, Output: []string{bundle.LatentLogits}},
		},
		"two rows of each": {
			{OpType: proto.String("Concat"), Input: []string{"old", "old"}, Output: []string{bundle.LatentLogits}, Attribute: []*onnxpb.AttributeProto{{Name: proto.String("axis"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)}}},
		},
	} {
		p, err := onnxpb.Unmarshal(graphs[bundle.EncoderFile])
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Graph.Node {
			for i, out := range n.Output {
				if out == bundle.LatentLogits {
					n.Output[i] = "old"
				}
			}
		}
		p.Graph.Initializer = append(p.Graph.Initializer, shape("zero", 0), shape("far", 1000))
		p.Graph.Node = append(p.Graph.Node, nodes...)
		bad, err := onnxpb.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		changed := maps.Clone(graphs)
		changed[bundle.EncoderFile] = bad
		for on, b := range backends(t) {
			model, err := runtime.New(t.Context(), m, changed, runtime.WithBackend(b))
			if err == nil {
				_, err = model.Logits(t.Context(), nil, make([]float32, 12))
				if _, err2 := model.Score(t.Context(), nil, make([]float32, 12)); !errors.Is(err2, bundle.ErrBad) {
					t.Errorf("%s on %s: Score gives %v, want ErrBad", name, on, err2)
				}
				model.Close()
			}
			if !errors.Is(err, bundle.ErrBad) {
				t.Errorf("%s on %s: %v, want ErrBad", name, on, err)
			}
		}
	}
}
