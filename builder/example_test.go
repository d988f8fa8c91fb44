package builder_test

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A small model: its parameters, and thirty steps of plain gradient descent on two rows. (Package train does this with
// batches, schedules and Adam.)
func Example() {
	if err := descend(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// encoder/1/weight (4, 3)
	// encoder/1/bias (3)
	// encoder/logits/weight (3, 2)
	// encoder/logits/bias (2)
	// decoder/logits/weight (2, 4)
	// decoder/logits/bias (4)
	// the loss fell: true
}

func descend() error {
	params, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		return err
	}
	m := builder.Model{
		Input:   []int{4},
		Latent:  builder.Latent{Kind: "bernoulli", Variables: 2, Prior: builder.PriorUniform},
		Encoder: builder.MLP{Hidden: []int{3}}, Decoder: builder.MLP{}, Activation: builder.ReLU,
	}
	const batch = 2
	b := builder.New(params)
	graph, err := m.Train(b, batch)
	if err != nil {
		return err
	}
	names, nodes := b.Parameters()
	for i, name := range names {
		fmt.Println(name, nodes[i].Shape())
	}
	gradients, err := G.Grad(graph.Loss, nodes...)
	if err != nil {
		return err
	}
	machine, err := builder.NewMachine(b, append(G.Nodes{graph.Loss}, gradients...)...)
	if err != nil {
		return err
	}
	defer machine.Close()

	rows := []float64{0, 0, 1, 1, 1, 1, 0, 0}
	u := make([]float64, batch*m.Bits())
	inputs := map[string]*tensor.Dense{
		"sample":                 tensor.New(tensor.WithShape(m.InputShape(batch)...), tensor.WithBacking(rows)),
		builder.NoiseInput:       tensor.New(tensor.WithShape(m.LatentShape(batch)...), tensor.WithBacking(u)),
		builder.TemperatureInput: tensor.New(tensor.FromScalar(0.5)),
		builder.KLWeightInput:    tensor.New(tensor.FromScalar(1.0)),
	}
	var first, last float64
	for step := range uint32(30) {
		noise.Stream{Seed: 1, Purpose: noise.Latent}.Uniform64(u, step, 0)
		values, err := machine.Run(inputs)
		if err != nil {
			return err
		}
		last = builder.Floats(values[0])[0]
		if step == 0 {
			first = last
		}
		for i, name := range names {
			weights := builder.Floats(params.Value(name))
			for j, g := range builder.Floats(values[1+i]) {
				weights[j] -= 0.3 * g
			}
			if err := params.Set(name, nodes[i].Shape(), weights); err != nil {
				return err
			}
		}
	}
	fmt.Println("the loss fell:", last < first)
	return nil
}
