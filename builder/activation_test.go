package builder_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Every activation has the gradient of its differences, and the same numbers and gradients on every backend, at any batch.
func TestActivations(t *testing.T) {
	t.Parallel()
	on := []backend.Backend{ortest.Backend(t), purego.New()}
	const width = 33 // from -8 to 8, without 0
	values := func(batch int) []float64 {
		x := make([]float64, batch*width)
		for i := range x {
			x[i] = float64(i%width-16)/2 + 0.01
		}
		return x
	}
	for _, name := range builder.Activations() {
		t.Run(name, func(t *testing.T) {
			a := builder.Activation(name)
			err := gradcheck.Check(params64(t), map[string]*tensor.Dense{"x": dense64(values(1), 1, width)}, func(b *builder.Graph) *G.Node {
				return b.Sum(b.Square(b.Activate(a, b.Input("x", 1, width))))
			}, gradcheck.Options{Inputs: []string{"x"}})
			if err != nil {
				t.Error(err)
			}
			for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				trace := func(batch int) (export.Traced, error) {
					p, err := builder.NewParams(dtype, 1)
					if err != nil {
						return export.Traced{}, err
					}
					b := builder.New(p)
					x := b.Input("x", batch, width)
					y := b.Activate(a, x)
					loss := b.Sum(y)
					if b.Err() != nil {
						return export.Traced{}, b.Err()
					}
					grads, err := G.Grad(loss, x)
					if err != nil {
						return export.Traced{}, err
					}
					return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}, {Name: "gradient", Node: grads[0]}}}, nil
				}
				model, err := export.Graph(t.Context(), trace, export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				data, err := model.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range on {
					if a == builder.GELU && dtype == tensor.Float64 && b == on[0] {
						continue // onnxruntime has no Erf of float64
					}
					loaded, err := backend.Load(t.Context(), b, data, name)
					if err == nil {
						_, err = export.Verify(t.Context(), loaded, trace, []int{1, 2, 7}, func(batch int) []onnxtensor.Tensor {
							return []onnxtensor.Tensor{{Name: "x", Shape: []int64{int64(batch), width}, Data: of(dtype, values(batch), []int{batch, width}).Data()}}
						})
						err = errors.Join(err, loaded.Close())
					}
					if err != nil {
						t.Error(fmt.Errorf("%v on %s: %w", dtype, b.Name(), err))
					}
				}
			}
		})
	}
}
