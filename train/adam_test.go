package train_test

import (
	"context"
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// adamBothWays trains a small model for 50 steps with the engine, and with gradients from a graph of its own and the
// rule of Kingma and Ba's algorithm 1 as a loop. It returns all weights, one set after the other.
func adamBothWays(t *testing.T, o engine.Optimizer) (taken, loop []float64) {
	t.Helper()
	const batch, steps = 6, 50
	m := builder.Model{
		Input: []int{5}, Latent: builder.Latent{Kind: "bernoulli", Variables: 3, Prior: "learned"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}
	params := randomParams(t, m)
	e, err := engine.NewTape(train.Trace(m, params, train.FloatRows), o, batch)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()

	ref := randomParams(t, m)
	b := builder.New(ref)
	tr, err := m.Train(b, batch)
	if err != nil {
		t.Fatal(err)
	}
	names, nodes := b.Parameters()
	grads, err := G.Grad(tr.Loss, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := builder.NewMachine(b, grads...)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	weights, m1, m2 := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, n := range names {
		weights[n] = builder.Floats(ref.Value(n))
		m1[n], m2[n] = make([]float64, len(weights[n])), make([]float64, len(weights[n]))
	}
	for step := 1; step <= steps; step++ {
		x, u := make([]float32, batch*5), make([]float32, batch*3)
		noise.Stream{Seed: 1}.Uniform(x, uint32(step), 0)
		noise.Stream{Seed: 2}.Uniform(u, uint32(step), 0)
		if _, err := e.Step(context.Background(), engine.Batch{x, u, []float32{0.7}, []float32{0.9}}); err != nil {
			t.Fatal(err)
		}
		values, err := machine.Run(map[string]*tensor.Dense{
			"sample": tensor.New(tensor.WithShape(batch, 5), tensor.WithBacking(x)), "noise": tensor.New(tensor.WithShape(batch, 3), tensor.WithBacking(u)),
			"temperature": tensor.New(tensor.FromScalar(float32(0.7))), "kl_weight": tensor.New(tensor.FromScalar(float32(0.9))),
		})
		if err != nil {
			t.Fatal(err)
		}
		norm := 0.0
		for i := range names {
			for _, g := range builder.Floats(values[i]) {
				norm += g * g
			}
		}
		scale := 1.0
		if o.Clip > 0 {
			scale = o.Clip / max(o.Clip, math.Sqrt(norm))
		}
		for i, n := range names {
			for j, g := range builder.Floats(values[i]) {
				g *= scale
				m1[n][j] = 0.9*m1[n][j] + 0.1*g
				m2[n][j] = 0.999*m2[n][j] + 0.001*g*g
				c1, c2 := 1-math.Pow(0.9, float64(step)), 1-math.Pow(0.999, float64(step))
				weights[n][j] -= o.LearningRate * (m1[n][j] / c1) / (math.Sqrt(m2[n][j]/c2) + 1e-8)
			}
			if err := ref.Set(n, ref.Value(n).Shape(), weights[n]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range names {
		w, ok := e.State().Tensor(n)
		if !ok {
			t.Fatalf("the state lacks %s", n)
		}
		for _, x := range w.Data.([]float32) {
			taken = append(taken, float64(x))
		}
		loop = append(loop, weights[n]...)
	}
	return taken, loop
}
