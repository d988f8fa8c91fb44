package variant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/tensor"
)

func onnx(t *testing.T) backend.Backend {
	t.Helper()
	return ortest.Backend(t, onnxruntime.WithThreads(1))
}

// rows are n rows of bytes, smooth enough for activations to vary.
func rows(n, size, seed int) []byte {
	out := make([]byte, n*size)
	for i := range out {
		row, column := i/size, i%size
		out[i] = byte(127 + 127*math.Sin(float64(seed+row*(1+row%7))+float64(column)*0.7))
	}
	return out
}

// source exports an untrained model.
func source(t *testing.T, m builder.Model) variant.Source {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 5)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/bundle"
	if _, err := (train.Trained{Name: "test", Model: m, Params: params}).WriteBundle(t.Context(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := variant.Source{Manifest: b.Manifest, Rows: variant.Rows{Bytes: rows(500, b.Manifest.Input.RowSize(), 1)}, Fingerprint: "rows", Backend: onnx(t)}
	var err1, err2 error
	s.Encoder, err1 = b.Graph(bundle.EncoderFile)
	s.Threshold, err2 = b.Graph(bundle.ThresholdFile)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return s
}

var models = map[string]builder.Model{}

func init() {
	for _, activation := range []builder.Activation{builder.ReLU, builder.LeakyReLU, builder.Tanh} {
		models["bernoulli, "+string(activation)] = builder.Model{
			Input: []int{4, 6}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 21, Prior: "uniform"},
			Encoder: builder.MLP{Hidden: []int{32, 16}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: activation,
		}
	}
	m := models["bernoulli, relu"]
	m.Latent = builder.Latent{Kind: dist.Categorical, Variables: 5, Categories: 4, Prior: "uniform"}
	models["categorical"] = m
	m.Binarize = 0.5
	models["categorical, binarised in the graph"] = m
	m = models["bernoulli, relu"]
	m.Encoder, m.Input = builder.MLP{}, []int{24}
	models["one product"] = m
}

// Every variant of every kind of encoder agrees with float32 on rows that it was not made with, and is the same when it is
// made again.
func TestVariants(t *testing.T) {
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			s := source(t, m)
			for _, v := range variant.Names {
				model, described, err := variant.Make(t.Context(), v, s)
				if err != nil {
					t.Fatalf("%s: %v", v, err)
				}
				again, _, err := variant.Make(t.Context(), v, s)
				if err != nil || !bytes.Equal(model, again) {
					t.Errorf("%s: made twice, it differs: %v", v, err)
				}
				c, err := variant.Compare(t.Context(), v, model, described, s, variant.Rows{Bytes: rows(700, 24, 90)})
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]float64{"uint8": 1, "int8": 0.97, "float16": 0.998}[v]; c.Agreement < want || c.Rows != 700 || c.Bits != 700*s.Manifest.Latent.Bits() {
					t.Errorf("%s: %+v, want an agreement of %g", v, c, want)
				}
				checkManifest(t, s, v, described)
				inPureGo(t, v, model, described, s)
			}
		})
	}
}

// inPureGo compares a variant's codes in pure Go with float32's: it computes the same graph, with sums of other roundings.
func inPureGo(t *testing.T, name string, model []byte, described bundle.Variant, s variant.Source) {
	t.Helper()
	pure := purego.New()
	s.Backend = pure
	c, err := variant.Compare(t.Context(), name, model, described, s, variant.Rows{Bytes: rows(300, s.Manifest.Input.RowSize(), 90)})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]float64{"uint8": 1, "int8": 0.97, "float16": 0.998}[name]; c.Agreement < want {
		t.Errorf("%s in pure Go: %+v, want an agreement of %g", name, c, want)
	}
}

// checkManifest wants a manifest with the variant to be valid.
func checkManifest(t *testing.T, s variant.Source, name string, v bundle.Variant) {
	t.Helper()
	m := *s.Manifest
	m.Files = map[string]bundle.File{v.File: bundle.Hash(nil)}
	for file, f := range s.Manifest.Files {
		m.Files[file] = f
	}
	m.Variants = map[string]bundle.Variant{name: v}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	if name == bundle.VariantInt8 && (len(v.Activations) == 0 || v.Calibrated == nil || v.Calibrated.Rows != 500) {
		t.Errorf("int8 does not say how it was calibrated: %+v", v)
	}
}

// run returns a graph's codes of rows of bytes.
func run(t *testing.T, l backend.Graph, in bundle.Input, rows []byte) []byte {
	t.Helper()
	out, err := l.Run(context.Background(), onnxtensor.Tensor{Name: in.Name, Shape: append([]int64{int64(len(rows) / in.RowSize())}, in.Shape...), Data: rows})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out {
		if o.Name == bundle.PackedCode {
			return o.Data.([]byte)
		}
	}
	t.Fatal("no codes")
	return nil
}

// A row's code depends neither on its neighbours nor on the cut.
func TestNeighbours(t *testing.T) {
	s := source(t, models["bernoulli, relu"])
	in, width := s.Manifest.Input, s.Manifest.Latent.PackedBytes()
	all := rows(192, in.RowSize(), 7)
	for _, name := range []string{bundle.VariantInt8, bundle.VariantUint8} {
		model, _, err := variant.Make(t.Context(), name, s)
		if err != nil {
			t.Fatal(err)
		}
		l, err := backend.Load(t.Context(), s.Backend, model, name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		want := run(t, l, in, all)
		for _, batch := range []int{1, 2, 7, 64} {
			var got []byte
			for cut := range slices.Chunk(all, batch*in.RowSize()) {
				got = append(got, run(t, l, in, cut)...)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: codes in batches of %d differ", name, batch)
			}
		}
		var turned []byte // the same rows, the last first
		for row := range slices.Backward(make([]struct{}, 192)) {
			turned = append(turned, all[row*in.RowSize():][:in.RowSize()]...)
		}
		got := slices.Collect(slices.Chunk(run(t, l, in, turned), width))
		slices.Reverse(got)
		if !bytes.Equal(bytes.Join(got, nil), want) {
			t.Errorf("%s: codes of rows in another order differ", name)
		}
		bright := bytes.Repeat([]byte{255}, in.RowSize()) // would widen a range that is taken over the batch
		for row := range 192 {
			pair := append(slices.Clone(bright), all[row*in.RowSize():][:in.RowSize()]...)
			if got := run(t, l, in, pair)[width:]; !bytes.Equal(got, want[row*width:][:width]) {
				t.Errorf("%s: row %d has another code next to a bright one", name, row)
			}
		}
	}
}

// What the variants avoid: with DynamicQuantizeLinear a row's numbers change with the rows next to it.
func TestDynamicQuantizationDependsOnNeighbours(t *testing.T) {
	node := func(op string, in, out []string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: out}
	}
	l := loadGraph(t, []*onnxpb.NodeProto{
		node("DynamicQuantizeLinear", []string{"x"}, []string{"q", "s", "z"}), node("DequantizeLinear", []string{"q", "s", "z"}, []string{"y"}),
	}, nil, value("x", onnxpb.TensorProto_FLOAT, 3), value("y", onnxpb.TensorProto_FLOAT, 3))
	first := func(rows ...float32) []float32 {
		out, err := l.Run(context.Background(), onnxtensor.Tensor{Name: "x", Shape: []int64{int64(len(rows) / 3), 3}, Data: rows})
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Data.([]float32)[:3]
	}
	if slices.Equal(first(0.1, 0.23, 0.31), first(0.1, 0.23, 0.31, 0, 0, 1)) {
		t.Error("a row's numbers stayed as they were: nothing speaks against dynamic scales any more")
	}
}

func value(name string, dtype onnxpb.TensorProto_DataType, width int64) *onnxpb.ValueInfoProto {
	elem := int32(dtype)
	batch := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch_size"}}
	rest := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: width}}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: &elem, Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{batch, rest}},
	}}}}
}

func modelOf(t *testing.T, nodes []*onnxpb.NodeProto, inits []*onnxpb.TensorProto, in, out *onnxpb.ValueInfoProto) []byte {
	t.Helper()
	data, err := onnxpb.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"), Node: nodes, Initializer: inits, Input: []*onnxpb.ValueInfoProto{in}, Output: []*onnxpb.ValueInfoProto{out}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func loadGraph(t *testing.T, nodes []*onnxpb.NodeProto, inits []*onnxpb.TensorProto, in, out *onnxpb.ValueInfoProto) backend.Graph {
	t.Helper()
	l, err := backend.Load(t.Context(), onnx(t), modelOf(t, nodes, inits, in, out), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// What cannot be made is refused in words that name the node or the reason.
func TestRefusals(t *testing.T) {
	s := source(t, models["one product"])
	none := s
	none.Rows = variant.Rows{}
	weights := make([]float32, 24*24)
	weights[7] = 1e6
	scaled := s // a form that is not understood, and weights that float16 cannot hold
	scaled.Encoder = modelOf(t, []*onnxpb.NodeProto{{
		Name: proto.String("deep/Gemm"), OpType: proto.String("Gemm"), Input: []string{"sample", "w", "b"}, Output: []string{"latent_logits"},
		Attribute: []*onnxpb.AttributeProto{{Name: proto.String("alpha"), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(2)}},
	}}, []*onnxpb.TensorProto{
		{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{24, 24}, FloatData: weights},
		{Name: proto.String("b"), DataType: proto.Int32(1), Dims: []int64{24}, FloatData: make([]float32, 24)},
	}, value("sample", onnxpb.TensorProto_FLOAT, 24), value("latent_logits", onnxpb.TensorProto_FLOAT, 24))
	quiet := scaled // weights that float16 holds, of sums that it does not
	weights = make([]float32, 24*24)
	for i := range weights {
		weights[i] = 5e4
	}
	quiet.Encoder = modelOf(t, []*onnxpb.NodeProto{{Name: proto.String("sum"), OpType: proto.String("MatMul"), Input: []string{"sample", "w"}, Output: []string{"latent_logits"}}},
		[]*onnxpb.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{24, 24}, FloatData: weights}},
		value("sample", onnxpb.TensorProto_FLOAT, 24), value("latent_logits", onnxpb.TensorProto_FLOAT, 24))
	bare := s
	bare.Encoder = modelOf(t, []*onnxpb.NodeProto{{Name: proto.String("neg"), OpType: proto.String("Neg"), Input: []string{"sample"}, Output: []string{"latent_logits"}}},
		nil, value("sample", onnxpb.TensorProto_FLOAT, 24), value("latent_logits", onnxpb.TensorProto_FLOAT, 24))
	searched, manifest := s, *s.Manifest
	manifest.Latent.Posterior, searched.Manifest = dist.PointPosterior, &manifest
	for _, c := range []struct {
		name string
		s    variant.Source
		want string
	}{
		{bundle.VariantInt8, searched, "compares costs"}, {bundle.VariantFloat16, searched, "compares costs"},
		{bundle.VariantInt8, none, "training rows"}, {bundle.VariantInt8, scaled, `node "deep/Gemm"`}, {bundle.VariantInt8, bare, "no product"},
		{bundle.VariantFloat16, scaled, "65504"}, {bundle.VariantFloat16, quiet, "on the calibration rows"}, {"int4", s, "int8, uint8, float16"},
	} {
		_, _, err := variant.Make(t.Context(), c.name, c.s)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.name != "int4" && !errors.Is(err, variant.ErrUnsupported) {
			t.Errorf("%s: %v, want something about %q", c.name, err, c.want)
		}
	}
	// A graph that computes something else is caught by its bits.
	s = source(t, models["bernoulli, relu"])
	model, described, err := variant.Make(t.Context(), bundle.VariantUint8, s)
	if err != nil {
		t.Fatal(err)
	}
	other := source(t, models["bernoulli, tanh"])
	other.Manifest = s.Manifest
	if _, err := variant.Compare(t.Context(), bundle.VariantUint8, model, described, other, s.Rows); !errors.Is(err, variant.ErrQuality) {
		t.Errorf("another encoder's variant: %v", err)
	}
}

func ExampleCheckName() {
	fmt.Println(variant.CheckName("int4"))
	// Output: variant: no variant is called "int4": use int8, uint8, float16
}

// Logits and packed codes are found by their names: bundles have further outputs of the same types, in front of them and behind.
func TestResultsByName(t *testing.T) {
	logits, codes, err := variant.Results([]onnxtensor.Tensor{
		{Name: bundle.LatentLogits, Data: []float32{1}}, {Name: bundle.Query, Data: []float32{2}},
		{Name: bundle.PackedCode, Data: []byte{3}}, {Name: bundle.IndexCode, Data: []byte{4}},
	}, nil)
	if err != nil || logits[0] != 1 || codes[0] != 3 {
		t.Errorf("%v, %v, %v", logits, codes, err)
	}
	if _, _, err := variant.Results([]onnxtensor.Tensor{{Name: bundle.Query, Data: []float32{2}}, {Name: bundle.IndexCode, Data: []byte{4}}}, nil); err == nil {
		t.Error("a query and an index code are taken for logits and a packed code")
	}
}
