package importer_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/datatest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PyTorch's models, which testdata/torch_vae.py trained and exported with both of torch's exporters, give PyTorch's numbers in
// gorgonia, at any batch size.
func TestPyTorch(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"bernoulli", "mixed", "categorical"} {
		for _, exporter := range []string{"script", "dynamo"} {
			t.Run(model+" by "+exporter, func(t *testing.T) {
				file := func(part string) []byte { return read(t, model+"-"+exporter+"-"+part+".onnx") }
				encoder, err := importer.Encoder(file("encoder"), importer.Options{})
				if err != nil {
					t.Fatal(err)
				}
				decoder, err := importer.Decoder(file("decoder"), importer.Options{})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, "encoder", encoder, floats(t, model+"-x.npy"), floats(t, model+"-logits.npy"), false)
				compare(t, "decoder", decoder, floats(t, model+"-code.npy"), floats(t, model+"-reconstruction.npy"), model != "mixed")
			})
		}
	}
}

// compare runs a network on rows x and compares with what PyTorch gave; sigmoid says that these are probabilities.
func compare(t *testing.T, part string, n *importer.Network, x, want []float32, sigmoid bool) {
	t.Helper()
	const rows = 16
	width, out := len(x)/rows, len(want)/rows
	for _, batch := range []int{1, 5, rows} {
		params, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := builder.New(params)
		y := b.In(part, func() *G.Node { return n.Build(b, b.Input("x", batch, width)) })
		if sigmoid {
			y = b.Sigmoid(y)
		}
		m, err := builder.NewMachine(b, y)
		if err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		values, err := m.Run(map[string]*tensor.Dense{"x": tensor.New(tensor.WithShape(batch, width), tensor.WithBacking(append([]float32(nil), x[:batch*width]...)))})
		if err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		got := builder.Floats(values[0])
		if len(got) != batch*out {
			t.Fatalf("%s: %d numbers, want %d", part, len(got), batch*out)
		}
		worst := 0.0
		for i, v := range got {
			worst = max(worst, math.Abs(v-float64(want[i])))
		}
		if !(worst <= 1e-5) {
			t.Errorf("%s, batch %d: numbers are up to %g apart from PyTorch's", part, batch, worst)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func floats(t *testing.T, name string) []float32 {
	t.Helper()
	return datatest.Floats(t, filepath.Join("testdata", name))
}
