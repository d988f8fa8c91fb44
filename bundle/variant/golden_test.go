package variant_test

import (
	"bytes"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/golden"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The variants' graphs, as text. Regenerate with go test ./bundle/variant -run VariantsGolden -update.
func TestVariantsGolden(t *testing.T) {
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{
		Input: []int{4, 3}, Latent: builder.Latent{Kind: "bernoulli", Variables: 6, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{5}}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.ReLU,
	}
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
			Name: "golden", Likelihood: "bernoulli",
			Input:  bundle.Input{Name: bundle.Sample, DType: onnxtensor.Float32, Shape: []int64{4, 3}, Scale: 1.0 / 255, Range: [2]float64{0, 1}, Seen: "none"},
			Latent: bundle.Latent{Kind: dist.Bernoulli, Variables: 6, Prior: bundle.Prior{Kind: "uniform"}, BitOrder: bundle.BitOrderMSBFirst},
		},
		Encoder: graph("encoder", func(batch int) (export.Traced, error) {
			b := builder.New(params)
			x := b.Input(bundle.Sample, m.InputShape(batch)...)
			return traced(b, x, bundle.Sample, named(bundle.LatentLogits, m.Encode(b, x)))
		}),
		Threshold: graph("threshold", func(batch int) (export.Traced, error) {
			b := builder.New(params)
			l := b.Input(bundle.LatentLogits, m.LatentShape(batch)...)
			code, packed := m.HardCode(b, l, nil)
			return traced(b, l, bundle.LatentLogits, named(bundle.Code, code), named(bundle.PackedCode, packed))
		}),
		Rows:    variant.Rows{Bytes: bytes.Repeat([]byte{0, 50, 100, 200, 255, 3, 7}, 12)},
		Backend: ortest.Backend(t),
	}
	for _, name := range variant.Names {
		model, _, err := variant.Make(t.Context(), name, s)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := export.WriteText(&text, model); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, text.Bytes())
	}
	if err := export.WriteText(&bytes.Buffer{}, []byte("no model")); err == nil {
		t.Error("text is printed as a model")
	}
}

func named(name string, n *G.Node) export.Named { return export.Named{Name: name, Node: n} }

func traced(b *builder.Graph, in *G.Node, name string, outputs ...export.Named) (export.Traced, error) {
	return export.Traced{Inputs: []export.Named{named(name, in)}, Outputs: outputs}, b.Err()
}
