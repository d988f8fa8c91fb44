package builder_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// normals returns n standard normal numbers of a seed, times scale.
func normals(seed uint64, n int, scale float64) []float64 {
	x := make([]float64, n)
	noise.Stream{Seed: seed, Purpose: noise.Weights}.Normal(x, 9, 9)
	for i := range x {
		x[i] *= scale
	}
	return x
}

// uniforms returns n numbers of a seed inside the unit interval.
func uniforms(seed uint64, n int) []float64 {
	u := make([]float64, n)
	noise.Stream{Seed: seed, Purpose: noise.Latent}.Uniform64(u, 0, 0)
	return u
}

func dense64(values []float64, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(append([]float64(nil), values...)))
}

func number64(x float64) *tensor.Dense { return tensor.New(tensor.FromScalar(x)) }

func params64(t *testing.T) *builder.Params {
	t.Helper()
	p, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// filled is an initialiser with the normal numbers of a seed.
func filled(seed uint64, scale float64) builder.Init {
	return func(dst []float64, _ []int, _ func([]float64)) { copy(dst, normals(seed, len(dst), scale)) }
}

// eval builds nodes in a graph of their own and returns their values.
func eval(t *testing.T, p *builder.Params, inputs map[string]*tensor.Dense, build func(b *builder.Graph) []*G.Node) [][]float64 {
	t.Helper()
	b := builder.New(p)
	nodes := build(b)
	if err := b.Err(); err != nil {
		t.Fatal(err)
	}
	return onTape(t, b, inputs, nodes...)
}

// models are small architectures of every kind.
func models() map[string]builder.Model {
	out := map[string]builder.Model{}
	for _, prior := range []string{builder.PriorUniform, builder.PriorLearned} {
		out["bernoulli/"+prior] = builder.Model{
			Input: []int{3, 2}, Latent: builder.Latent{Kind: "bernoulli", Variables: 5, Prior: prior},
			Encoder: builder.MLP{Hidden: []int{7}}, Decoder: builder.MLP{Hidden: []int{4, 3}}, Activation: builder.Tanh,
		}
		out["categorical/"+prior] = builder.Model{
			Input: []int{6}, Latent: builder.Latent{Kind: "categorical", Variables: 3, Categories: 4, Prior: prior},
			Encoder: builder.MLP{}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.LeakyReLU,
		}
		out["mixed/"+prior] = builder.Model{
			Input: []int{6}, Latent: builder.Latent{Kind: "mixed", Groups: mixedGroups, Prior: prior},
			Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{}, Activation: builder.Tanh,
		}
		out["hierarchical/"+prior] = builder.Model{
			Input: []int{6}, Latent: builder.Latent{Kind: "hierarchical", Groups: layerGroups, Hidden: []int{4}, Prior: prior},
			Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{3}}, Activation: builder.Tanh,
		}
	}
	for _, kind := range []string{"bernoulli", "hierarchical"} { // that predict the last of three lines
		m := out[kind+"/"+builder.PriorUniform]
		m.Input, m.Cut, m.Latent.Prior = []int{3, 2}, dist.Cut{Lines: 1}, builder.PriorConditional
		out[kind+"/"+builder.PriorConditional] = m
	}
	out["gaussian"] = builder.Model{
		Input: []int{6}, Latent: builder.Latent{Kind: "gaussian", Variables: 3, Prior: builder.PriorNormal},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.Tanh,
	}
	return out
}

// mixedGroups are groups of both kinds, one of them twice.
var mixedGroups = builder.Groups{{Kind: "bernoulli", Variables: 2}, {Kind: "categorical", Variables: 2, Categories: 3}, {Kind: "bernoulli", Variables: 1}}

// layerGroups are two layers, of either kind.
var layerGroups = builder.Groups{{Kind: "bernoulli", Variables: 3}, {Kind: "categorical", Variables: 2, Categories: 3}}

// trainingInputs are inputs for a model's training graph.
func trainingInputs(m builder.Model, batch int) map[string]*tensor.Dense {
	latent := m.LatentShape(batch)
	inputs := map[string]*tensor.Dense{
		"sample":      dense64(uniforms(5, batch*m.Width()), m.InputShape(batch)...),
		"noise":       dense64(uniforms(6, batch*m.Latent.Dist().Logits()), latent...),
		"temperature": number64(0.7),
		"kl_weight":   number64(0.8),
	}
	if m.EstimatorName() == builder.ReparametrisedEstimator {
		delete(inputs, "temperature")
	}
	return inputs
}

// onTape returns the values of a graph's nodes on gorgonia's tape machine.
func onTape(t *testing.T, b *builder.Graph, inputs map[string]*tensor.Dense, nodes ...*G.Node) [][]float64 {
	t.Helper()
	m, err := builder.NewMachine(b, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	values, err := m.Run(inputs)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, len(values))
	for i, v := range values {
		out[i] = builder.Floats(v)
	}
	return out
}

// outputsOf are the nodes that a traced graph gives.
func outputsOf(tr export.Traced) (nodes []*G.Node) {
	for _, o := range tr.Outputs {
		nodes = append(nodes, o.Node)
	}
	return nodes
}

// golden reads the numbers that a generator of testdata has written.
func golden[T any](t *testing.T, file string) (cases []T) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// gradientMachine computes a training graph's reconstruction and divergence, and then the loss's gradients by nodes.
func gradientMachine(t *testing.T, b *builder.Graph, training builder.Training, of []*G.Node) *builder.Machine {
	t.Helper()
	grads, err := G.Grad(training.Loss, of...)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := builder.NewMachine(b, append([]*G.Node{training.Reconstruction, training.KL}, grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	return machine
}
