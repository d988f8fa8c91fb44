package train_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"
)

// onnx-go's own backend, which computes with gorgonia, runs a bundle's encoder and decoder in copies of a fixed batch. It lacks
// the operators of the threshold; docs/purego.md says so.
func TestONNXGo(t *testing.T) {
	for _, config := range []string{models.DefaultName, models.CategoricalName} {
		for _, activation := range []builder.Activation{builder.ReLU, builder.LeakyReLU, builder.Tanh} {
			t.Run(config+" with "+string(activation), func(t *testing.T) {
				dir := smallBundle(t, config, activation)
				for _, batch := range []int{1, 3} {
					for _, file := range []string{bundle.EncoderFile, bundle.DecoderFile} {
						compareONNXGo(t, filepath.Join(dir, file), batch)
					}
				}
				missing := map[string]string{models.DefaultName: "Greater", models.CategoricalName: "ArgMax"}[config]
				if _, err := runONNXGo(t, fixedCopy(t, filepath.Join(dir, bundle.ThresholdFile), 3), input(t, filepath.Join(dir, bundle.ThresholdFile), 3)); err == nil || !strings.Contains(err.Error(), missing) {
					t.Errorf("the threshold gives %v: docs/purego.md says that %s is not there", err, missing)
				}
			})
		}
	}
}

// smallBundle writes a bundle of an untrained model.
func smallBundle(t *testing.T, config string, a builder.Activation) string {
	t.Helper()
	c, err := train.LoadConfig(config, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	c.Encoder.Network, c.Decoder.Network, c.Activation = builder.MLP{Hidden: []int{12}}, builder.MLP{Hidden: []int{9}}, a
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	trained := train.Trained{Name: "small", Config: c, Model: c.Model([]int{5, 4}), Params: params}
	if _, err := trained.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: purego.New()}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fixedCopy(t *testing.T, path string, batch int) []byte {
	t.Helper()
	model, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if model, err = fixedBatch(model, batch); err != nil {
		t.Fatal(err)
	}
	return model
}

// input returns rows for a graph: numbers between 0 and 1 that differ.
func input(t *testing.T, path string, batch int) onnxtensor.Tensor {
	t.Helper()
	g := loadPure(t, fixedCopy(t, path, batch))
	in := onnxtensor.Tensor{Name: g.Inputs()[0].Name, Shape: g.Inputs()[0].Shape}
	n, err := onnxtensor.Size(in.Shape)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Abs(math.Sin(float64(i + 1))))
	}
	in.Data = x
	return in
}

func loadPure(t *testing.T, model []byte) backend.Graph {
	t.Helper()
	g, err := backend.Load(t.Context(), purego.New(), model, "fixed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func compareONNXGo(t *testing.T, path string, batch int) {
	t.Helper()
	model, in := fixedCopy(t, path, batch), input(t, path, batch)
	want, err := loadPure(t, model).Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := runONNXGo(t, model, in)
	if err != nil {
		t.Fatalf("%s, batch %d: %v", filepath.Base(path), batch, err)
	}
	for i, w := range want {
		if w.Name == bundle.ReconstructionLogits { // gorgonia writes the sigmoid over it
			continue
		}
		x := got[i].Data().([]float32)
		worst := 0.0
		for k, y := range w.Data.([]float32) {
			worst = max(worst, math.Abs(float64(x[k]-y)))
		}
		if !(worst <= 1e-5) {
			t.Errorf("%s, batch %d: %s is up to %g apart", filepath.Base(path), batch, w.Name, worst)
		}
	}
}

// runONNXGo runs a model of one input on onnx-go's own backend.
func runONNXGo(t *testing.T, model []byte, in onnxtensor.Tensor) ([]tensor.Tensor, error) {
	t.Helper()
	backend := gorgonnx.NewGraph()
	m := onnx.NewModel(backend)
	if err := m.UnmarshalBinary(model); err != nil {
		return nil, err
	}
	shape := make([]int, len(in.Shape))
	for i, d := range in.Shape {
		shape[i] = int(d)
	}
	x := append([]float32(nil), in.Data.([]float32)...) // it writes into its inputs
	if err := m.SetInput(0, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))); err != nil {
		return nil, err
	}
	if err := backend.Run(); err != nil {
		return nil, err
	}
	return m.GetOutputTensors()
}
