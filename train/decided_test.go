package train

import (
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"gorgonia.org/tensor"
)

// Encoders of layers are compared on rows whose first layer is decided: rounding may turn a bit that is not, and with it the second layer.
func TestComparedRowsAreDecided(t *testing.T) {
	t.Parallel()
	m := builder.Model{
		Input: []int{1}, Activation: builder.Tanh, Encoder: builder.MLP{}, Decoder: builder.MLP{},
		Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 1}, {Kind: dist.Bernoulli, Variables: 2}}, Prior: builder.PriorUniform},
	}
	const batch = 64
	uniform := make([]float32, batch)
	noise.Stream{Seed: 1}.Uniform(uniform, 0, 0)
	made := func(int) []onnxtensor.Tensor {
		return []onnxtensor.Tensor{{Name: "sample", Shape: []int64{batch, 1}, Data: slices.Clone(uniform)}}
	}
	for _, c := range []struct {
		weight float64 // the logit is weight · (x - 1/2)
		near   int     // rows that it leaves near
	}{{4 * decisionMargin, 0}, {0.1 * decisionMargin, batch}} {
		params, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Train(builder.New(params), 1); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]float64{"encoder/logits/weight": c.weight, "encoder/logits/bias": -c.weight / 2} {
			if err := params.Set(name, params.Value(name).Shape(), []float64{value}); err != nil {
				t.Fatal(err)
			}
		}
		rows := Trained{Model: m, Params: params}.decided(made)(batch)[0].Data.([]float32)
		near, other := 0, 0
		for i, x := range rows {
			if math.Abs(c.weight*(float64(x)-0.5)) <= decisionMargin {
				near++
			}
			if x != uniform[i] {
				other++
			}
		}
		if near != c.near || c.near == 0 && (other < batch/4 || other > 3*batch/4) || c.near > 0 && other != 0 {
			t.Errorf("weight %g: %d rows are near their decision, want %d; %d were replaced", c.weight, near, c.near, other)
		}
	}
}
