package variant_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
	"google.golang.org/protobuf/proto"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sourceOf is an untrained encoder, made by a function of a row's picture, and a threshold.
func sourceOf(t *testing.T, shape []int64, bits int, encode func(b *builder.Graph, x *G.Node) *G.Node) variant.Source {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 5)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{Latent: builder.Latent{Kind: dist.Bernoulli, Variables: bits, Prior: "uniform"}}
	graph := func(name string, trace export.Trace) []byte {
		model, err := export.Graph(t.Context(), trace, export.Options{Name: name, Prefix: name + "/", BatchAxis: bundle.BatchAxis})
		if err != nil {
			t.Fatal(err)
		}
		data, err := model.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	s := variant.Source{
		Manifest: &bundle.Manifest{
			Name: "pictures", Likelihood: "bernoulli",
			Input:  bundle.Input{Name: bundle.Sample, DType: onnxtensor.Float32, Shape: shape, Scale: 1.0 / 255, Range: [2]float64{0, 1}, Seen: "none"},
			Latent: bundle.Latent{Kind: dist.Bernoulli, Variables: bits, Prior: bundle.Prior{Kind: "uniform"}, BitOrder: bundle.BitOrderMSBFirst},
		},
		Encoder: graph("encoder", func(batch int) (export.Traced, error) {
			b := builder.New(params)
			sizes := []int{batch}
			for _, d := range shape {
				sizes = append(sizes, int(d))
			}
			x := b.Input(bundle.Sample, sizes...)
			return traced(b, x, bundle.Sample, named(bundle.LatentLogits, encode(b, x)))
		}),
		Threshold: graph("threshold", func(batch int) (export.Traced, error) {
			b := builder.New(params)
			l := b.Input(bundle.LatentLogits, m.LatentShape(batch)...)
			code, packed := m.HardCode(b, l, nil)
			return traced(b, l, bundle.LatentLogits, named(bundle.Code, code), named(bundle.PackedCode, packed))
		}),
		Backend: onnx(t),
	}
	s.Rows = variant.Rows{Bytes: rows(300, s.Manifest.Input.RowSize(), 1)}
	return s
}

func conv(b *builder.Graph, name string, x *G.Node, s builder.ConvSpec) *G.Node {
	return b.Activate(builder.ReLU, b.Conv(name, x, s, builder.HeNormal))
}

// flat are rows of numbers.
func flat(b *builder.Graph, x *G.Node) *G.Node {
	return b.Reshape(x, x.Shape()[0], x.Shape().TotalSize()/x.Shape()[0])
}

var pictures = map[string]func(b *builder.Graph, x *G.Node) *G.Node{
	"strides": func(b *builder.Graph, x *G.Node) *G.Node {
		x = conv(b, "one", b.Reshape(x, x.Shape()[0], 1, 14, 13), builder.ConvSpec{Channels: 8, Kernel: []int{3}, Stride: []int{2}, Padding: []int{1}})
		x = conv(b, "two", x, builder.ConvSpec{Channels: 16, Kernel: []int{3, 2}, Stride: []int{2, 1}, Padding: []int{1, 0}, Groups: 2})
		return b.Linear("three", flat(b, x), 19, builder.HeNormal)
	},
	"pools and dilations": func(b *builder.Graph, x *G.Node) *G.Node {
		x = conv(b, "one", b.Reshape(x, x.Shape()[0], 1, 14, 13), builder.ConvSpec{Channels: 8, Kernel: []int{3}, Dilation: []int{2}, Padding: []int{2}, NoBias: true})
		x = b.MaxPool(x, builder.PoolSpec{Kernel: []int{2}})
		x = conv(b, "two", x, builder.ConvSpec{Channels: 8, Kernel: []int{3}, Padding: []int{1}})
		x = b.AveragePool(x, builder.PoolSpec{Kernel: []int{2}})
		x = b.Upsample(x, builder.UpsampleSpec{Scale: []int{2}})
		x = conv(b, "three", x, builder.ConvSpec{Channels: 24, Kernel: []int{3}, Padding: []int{1, 0, 0, 1}})
		return b.Linear("four", flat(b, b.GlobalAveragePool(x)), 19, builder.HeNormal)
	},
	"a residual block": func(b *builder.Graph, x *G.Node) *G.Node {
		x = conv(b, "one", b.Reshape(x, x.Shape()[0], 1, 14, 13), builder.ConvSpec{Channels: 8, Kernel: []int{3}, Stride: []int{2}})
		y := b.Conv("two", x, builder.ConvSpec{Channels: 8, Kernel: []int{3}, Padding: []int{1}}, builder.HeNormal)
		x = b.Activate(builder.ReLU, b.Add(x, y))
		return b.Linear("three", flat(b, x), 19, builder.HeNormal)
	},
	"rows of one axis": func(b *builder.Graph, x *G.Node) *G.Node {
		x = conv(b, "one", b.Reshape(x, x.Shape()[0], 1, 14*13), builder.ConvSpec{Channels: 8, Kernel: []int{5}, Stride: []int{3}})
		x = conv(b, "two", x, builder.ConvSpec{Channels: 8, Kernel: []int{3}, Stride: []int{3}, Groups: 8})
		return b.Linear("three", flat(b, x), 19, builder.HeNormal)
	},
}

// Every variant of convolutional encoders agrees with float32, in onnxruntime and in pure Go, and int8's products are of bytes.
func TestConvolutions(t *testing.T) {
	for name, encode := range pictures {
		t.Run(name, func(t *testing.T) {
			s := sourceOf(t, []int64{14, 13}, 19, encode)
			size := s.Manifest.Input.RowSize()
			for _, v := range variant.Names {
				model, described, err := variant.Make(t.Context(), v, s)
				if err != nil {
					t.Fatalf("%s: %v", v, err)
				}
				again, _, err := variant.Make(t.Context(), v, s)
				if err != nil || !bytes.Equal(model, again) {
					t.Errorf("%s: made twice, it differs: %v", v, err)
				}
				want := map[string]float64{"uint8": 1, "int8": 0.97, "float16": 0.998}[v]
				c, err := variant.Compare(t.Context(), v, model, described, s, variant.Rows{Bytes: rows(200, size, 90)})
				if err != nil || c.Agreement < want {
					t.Errorf("%s: %+v, want an agreement of %g: %v", v, c, want, err)
				}
				inPureGo(t, v, model, described, s)
				if v == bundle.VariantInt8 {
					checkBytes(t, model)
					sameInPureGo(t, model, s)
				}
			}
		})
	}
}

// checkBytes wants every product of an int8 graph to take bytes and to have weights of bytes.
func checkBytes(t *testing.T, model []byte) {
	t.Helper()
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	producer := map[string]*onnxpb.NodeProto{}
	products := 0
	for _, n := range m.Graph.Node {
		producer[n.Output[0]] = n
		if op := n.GetOpType(); op != "Conv" && op != "Gemm" || strings.HasPrefix(n.GetName(), "threshold/") {
			continue
		}
		products++
		for i, in := range n.Input {
			if producer[in].GetOpType() != "DequantizeLinear" {
				t.Errorf("operand %d of %s is no bytes", i, n.GetName())
			}
		}
	}
	if products < 2 {
		t.Errorf("%d products", products)
	}
}

// sameInPureGo wants the bits of int8 to be those of onnxruntime, which adds whole numbers: what rounds to another byte is near to a
// half of one.
func sameInPureGo(t *testing.T, model []byte, s variant.Source) {
	t.Helper()
	sample := onnxtensor.Tensor{Name: bundle.Sample, Shape: append([]int64{100}, s.Manifest.Input.Shape...), Data: rows(100, s.Manifest.Input.RowSize(), 70)}
	var logits [2][]float32
	for i, b := range []backend.Backend{s.Backend, purego.New()} {
		s.Backend = b
		out, err := load(t, s, model).Run(t.Context(), sample)
		if err != nil {
			t.Fatal(err)
		}
		logits[i] = out[0].Data.([]float32)
	}
	far := 0
	for i, x := range logits[0] {
		if math.Abs(float64(x-logits[1][i])) > 1e-4*max(1, math.Abs(float64(x))) {
			far++
		}
	}
	if far*50 > len(logits[0]) {
		t.Errorf("%d of %d logits differ in pure Go", far, len(logits[0]))
	}
}

// Rows that the graph standardises are so in float32, whatever the variant, since float16 would lose what is common to all of them; bytes
// become float32 before it.
func TestStandardised(t *testing.T) {
	mean, deviation := make([]float64, 14*13), make([]float64, 14*13)
	for i := range mean {
		mean[i], deviation[i] = 0.4+float64(i%5)/10, 0.02+float64(i%3)/10
	}
	s := sourceOf(t, []int64{14, 13}, 19, func(b *builder.Graph, x *G.Node) *G.Node {
		x = b.Reshape(x, x.Shape()[0], 14*13)
		x = b.Sub(x, b.ExpandLike(b.Constant("mean", mean, 14*13), x, 0))
		x = b.Div(x, b.ExpandLike(b.Constant("deviation", deviation, 14*13), x, 0))
		return pictures["strides"](b, x)
	})
	s.Manifest.Input.Standard = bundle.StandardOf(dist.Standard{Mean: mean, Deviation: deviation})
	for _, v := range variant.Names {
		model, described, err := variant.Make(t.Context(), v, s)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		want := map[string]float64{"uint8": 1, "int8": 0.95, "float16": 0.998}[v]
		c, err := variant.Compare(t.Context(), v, model, described, s, variant.Rows{Bytes: rows(200, 14*13, 90)})
		if err != nil || c.Agreement < want {
			t.Errorf("%s: %+v, want an agreement of %g: %v", v, c, want, err)
		}
	}
}

// Vectors are prepared in float32 by a float16 variant: the squares of these values are out of its range. int8 and uint8 are for bytes.
func TestPreparedVectors(t *testing.T) {
	mean := make([]float64, 40)
	for i := range mean {
		mean[i] = float64(float32(0.01 * float64(i%7)))
	}
	standard := dist.Standard{Vector: dist.Vector{Truncate: 40, Steps: []string{dist.Normalise, dist.Centre, dist.Normalise}}, Mean: mean}
	model := builder.Model{Input: []int{60}, Standard: standard, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 19}, Encoder: builder.MLP{Hidden: []int{30}}, Activation: builder.ReLU}
	s := sourceOf(t, []int64{60}, 19, model.Encode)
	s.Manifest.Input = bundle.InputOf(dist.Raw())
	s.Manifest.Input.Shape = []int64{60}
	s.Manifest.Input.Standard = bundle.StandardOf(standard)
	numbers := func(seed int) (r variant.Rows) {
		for _, b := range rows(100, 60, seed) {
			r.Numbers = append(r.Numbers, 1e4*(float32(b)-90))
		}
		return r
	}
	s.Rows = numbers(1)
	graph, described, err := variant.Make(t.Context(), bundle.VariantFloat16, s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := variant.Compare(t.Context(), bundle.VariantFloat16, graph, described, s, numbers(2))
	if err != nil || c.Agreement < 0.99 {
		t.Errorf("%+v, %v", c, err)
	}
}

// What a convolution cannot be is refused in words.
func TestConvolutionRefusals(t *testing.T) {
	s := sourceOf(t, []int64{14, 13}, 19, func(b *builder.Graph, x *G.Node) *G.Node {
		x = conv(b, "one", b.Reshape(x, x.Shape()[0], 1, 14, 13), builder.ConvSpec{Channels: 2, Kernel: []int{3}})
		return b.Linear("two", flat(b, x), 19, builder.HeNormal)
	})
	m, err := onnxpb.Unmarshal(s.Encoder)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Node {
		if n.GetOpType() == "Conv" {
			n.Attribute = slices.DeleteFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool { return a.GetName() == "pads" })
			n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: proto.String("auto_pad"), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte("VALID")})
		}
	}
	if s.Encoder, err = onnxpb.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if _, _, err := variant.Make(t.Context(), bundle.VariantInt8, s); !errors.Is(err, variant.ErrUnsupported) || !strings.Contains(err.Error(), "auto_pad") {
		t.Errorf("%v, want something about the Conv", err)
	}
}

// Rows that no bytes hold are compared as numbers; what takes bytes is refused.
func TestNumbers(t *testing.T) {
	s := sourceOf(t, []int64{14, 13}, 19, func(b *builder.Graph, x *G.Node) *G.Node {
		x = b.Reshape(x, x.Shape()[0], 14*13)
		each := func(name string, value float64) *G.Node {
			return b.ExpandLike(b.Constant(name, slices.Repeat([]float64{value}, 14*13), 14*13), x, 0)
		}
		return pictures["strides"](b, b.Div(b.Sub(x, each("mean", 1e6)), each("deviation", 3)))
	})
	s.Manifest.Input = bundle.InputOf(dist.Raw())
	s.Manifest.Input.Shape = []int64{14, 13}
	s.Manifest.Input.Standard = bundle.StandardOf(dist.Standard{Mean: []float64{1e6}, Deviation: []float64{3}})
	numbers := func(seed int) (r variant.Rows) {
		for _, b := range rows(100, 14*13, seed) {
			r.Numbers = append(r.Numbers, 1e6+(float32(b)-128)/25)
		}
		return r
	}
	s.Rows = numbers(1)
	model, described, err := variant.Make(t.Context(), bundle.VariantFloat16, s)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := variant.Compare(t.Context(), bundle.VariantFloat16, model, described, s, numbers(7)); err != nil || c.Agreement < 0.998 {
		t.Errorf("%+v: %v", c, err)
	}
	for _, name := range []string{bundle.VariantInt8, bundle.VariantUint8} {
		if _, _, err := variant.Make(t.Context(), name, s); !errors.Is(err, variant.ErrUnsupported) || !strings.Contains(err.Error(), "bytes do not hold") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
