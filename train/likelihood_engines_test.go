package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// Both engines make the same steps with every likelihood: losses of 20 steps on rows with both ends of the range, and of large counts.
func TestLikelihoodsOnBothEngines(t *testing.T) {
	t.Parallel()
	const batch, width, steps = 8, 6, 20
	for name, c := range map[string]struct {
		likelihood dist.LikelihoodConfig
		value      func(r *rand.Rand) float64
	}{
		"gaussian":            {dist.LikelihoodConfig{Kind: dist.Gaussian}, real01},
		"gaussian, predicted": {dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VariancePredicted}, real01},
		"gaussian, fixed":     {dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VarianceFixed, Deviation: 0.2}, real01},
		"laplace":             {dist.LikelihoodConfig{Kind: dist.Laplace}, real01},
		"laplace, predicted":  {dist.LikelihoodConfig{Kind: dist.Laplace, Variance: dist.VariancePredicted}, real01},
		"logistic":            {dist.LikelihoodConfig{Kind: dist.Logistic}, bytes01},
		"logistic, predicted": {dist.LikelihoodConfig{Kind: dist.Logistic, Variance: dist.VariancePredicted}, bytes01},
		"categorical":         {dist.LikelihoodConfig{Kind: dist.Categorical}, bytes01},
		"multinomial":         {dist.LikelihoodConfig{Kind: dist.Multinomial}, counts},
		"poisson":             {dist.LikelihoodConfig{Kind: dist.Poisson}, counts},
		"vmf":                 {dist.LikelihoodConfig{Kind: dist.VonMisesFisher}, real01},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := builder.Model{
				Input: []int{width}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 4, Prior: builder.PriorUniform},
				Encoder: builder.MLP{}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.Tanh, Likelihood: c.likelihood,
			}
			r := rand.New(rand.NewPCG(1, 2))
			rows, noise := make([]float32, batch*width), make([]float32, batch*4)
			for i := range rows {
				rows[i] = float32(c.value(r))
			}
			o := engine.Optimizer{Name: "adam", LearningRate: 1e-2}
			var engines [2]engine.Engine
			for i := range engines {
				params, err := builder.NewParams(tensor.Float32, 1)
				if err != nil {
					t.Fatal(err)
				}
				trace := train.TraceModel(m, params, train.FloatRows)
				if i == 0 {
					engines[i], err = engine.NewTape(t.Context(), trace, o, batch)
				} else {
					engines[i], err = engine.Compile(t.Context(), ortest.Backend(t), trace, o, batch, engine.Options{})
				}
				if err != nil {
					t.Fatal(err)
				}
				defer engines[i].Close()
			}
			for at := range steps {
				for i := range noise {
					noise[i] = (float32(r.IntN(1<<23)) + 0.5) / (1 << 23)
				}
				b := engine.Batch{"sample": rows, "noise": noise, "temperature": []float32{0.7}, "kl_weight": []float32{1}}
				tape, compiled := step(t, engines[0], b), step(t, engines[1], b)
				for i := range tape {
					if !(math.Abs(tape[i]-compiled[i]) <= 2e-4*max(1, math.Abs(tape[i]))) {
						t.Fatalf("step %d: the tape has %v, the compiled engine %v", at, tape, compiled)
					}
				}
			}
		})
	}
}

func real01(r *rand.Rand) float64 { return r.NormFloat64() }

func bytes01(r *rand.Rand) float64 { return float64([]int{0, 255, r.IntN(256)}[r.IntN(3)]) / 255 }

func counts(r *rand.Rand) float64 { return float64([]int{0, 1, r.IntN(30), r.IntN(5000)}[r.IntN(4)]) }
