package variant_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"google.golang.org/protobuf/proto"
)

// A product is one of an int8 graph: its Gemm and the QuantizeLinear after it, in whole numbers.
type product struct {
	weights       []int8 // [rows, columns]
	biases        []int32
	scales        []float32 // of the columns
	inScale       float32
	rows, columns int
	outScale      float32 // 0: float32 logits
}

// products reads an int8 graph of Gemm, Relu, QuantizeLinear and so on.
func products(t *testing.T, model []byte) []product {
	t.Helper()
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	inits, nodes := map[string]*onnxpb.TensorProto{}, map[string]*onnxpb.NodeProto{}
	for _, i := range m.Graph.Initializer {
		inits[i.GetName()] = i
	}
	for _, n := range m.Graph.Node {
		nodes[n.Output[0]] = n
	}
	read := func(name string, to any) {
		if _, err := binary.Decode(inits[name].RawData, binary.LittleEndian, to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var all []product
	for _, n := range m.Graph.Node {
		if n.GetOpType() == "QuantizeLinear" {
			read(n.Input[1], &all[len(all)-1].outScale)
		}
		if n.GetOpType() != "Gemm" || nodes[n.Input[0]].GetOpType() != "DequantizeLinear" {
			continue
		}
		x, w, b := nodes[n.Input[0]], nodes[n.Input[1]], nodes[n.Input[2]]
		dims := inits[w.Input[0]].Dims
		p := product{rows: int(dims[0]), columns: int(dims[1])}
		p.weights, p.biases, p.scales = make([]int8, p.rows*p.columns), make([]int32, p.columns), make([]float32, p.columns)
		read(w.Input[0], p.weights)
		read(w.Input[1], p.scales)
		read(b.Input[0], p.biases)
		read(x.Input[1], &p.inScale)
		all = append(all, p)
	}
	return all
}

// whole computes a row's logits in whole numbers of 64 bits, which nothing saturates.
func whole(all []product, row []byte) []float32 {
	for _, p := range all {
		var logits []float32
		var next []byte
		for j := range p.columns {
			sum := int64(p.biases[j])
			for i := range p.rows {
				sum += int64(row[i]) * int64(p.weights[i*p.columns+j])
			}
			scale := p.inScale * p.scales[j]
			if p.outScale == 0 {
				logits = append(logits, float32(sum)*scale)
				continue
			}
			scale /= p.outScale
			next = append(next, byte(math.RoundToEven(min(max(float64(float32(sum)*scale), 0), 255))))
		}
		if row = next; logits != nil {
			return logits
		}
	}
	return nil
}

// The brightest rows meet the largest weights: what runs is whole numbers to the last bit, so that nothing saturates on a
// processor without VNNI, and codes are the same with it and without.
func TestWholeNumbers(t *testing.T) {
	s := source(t, builder.Model{
		Input: []int{784}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 24, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{48}}, Decoder: builder.MLP{Hidden: []int{2}}, Activation: builder.ReLU,
	})
	extreme := func(name string, rows, columns int) []*onnxpb.TensorProto { // columns of 1, of -1, and of both
		w := make([]float32, rows*columns)
		for i := range w {
			if w[i] = 1; i%columns%3 == 1 || i%columns%3 == 2 && i/columns%3 == 0 {
				w[i] = -1
			}
		}
		return []*onnxpb.TensorProto{
			{Name: proto.String(name), DataType: proto.Int32(1), Dims: []int64{int64(rows), int64(columns)}, FloatData: w},
			{Name: proto.String(name + "/b"), DataType: proto.Int32(1), Dims: []int64{int64(columns)}, FloatData: make([]float32, columns)},
		}
	}
	node := func(name, op string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{Name: &name, OpType: &op, Input: in, Output: []string{name}}
	}
	one := modelOf(t, []*onnxpb.NodeProto{node("latent_logits", "Gemm", "sample", "w", "w/b")}, extreme("w", 784, 24),
		value("sample", onnxpb.TensorProto_FLOAT, 784), value("latent_logits", onnxpb.TensorProto_FLOAT, 24))
	two := modelOf(t, []*onnxpb.NodeProto{node("h", "Gemm", "sample", "v", "v/b"), node("r", "Relu", "h"), node("latent_logits", "Gemm", "r", "w", "w/b")},
		append(extreme("v", 784, 48), extreme("w", 48, 24)...), value("sample", onnxpb.TensorProto_FLOAT, 784), value("latent_logits", onnxpb.TensorProto_FLOAT, 24))
	all := append(bytes.Repeat([]byte{255}, 784), rows(30, 784, 3)...)
	for i, b := range rows(30, 784, 8) { // black and white
		all = append(all, 255*(b>>7), 255*byte(i%2))
	}
	for name, encoder := range map[string][]byte{"trained": s.Encoder, "one product": one, "two products": two} {
		s.Encoder, s.Rows = encoder, variant.Rows{Bytes: all}
		model, _, err := variant.Make(t.Context(), bundle.VariantInt8, s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out, err := load(t, s, model).Run(t.Context(), onnxtensor.Tensor{Name: "sample", Shape: []int64{int64(len(all) / 784), 784}, Data: all})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wholes := products(t, model)
		for row := range len(all) / 784 {
			for j, want := range whole(wholes, all[row*784:][:784]) {
				if got := out[0].Data.([]float32)[row*24+j]; got != want {
					t.Fatalf("%s: logit %d of row %d is %g, whole numbers give %g", name, j, row, got, want)
				}
			}
		}
	}
}

func load(t *testing.T, s variant.Source, model []byte) backend.Graph {
	t.Helper()
	l, err := backend.Load(t.Context(), s.Backend, model, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
