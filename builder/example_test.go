package builder_test

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"gorgonia.org/tensor"
)

// The training graph of a small model: its parameters, and its objective on one batch.
func Example() {
	params, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := builder.Model{
		Input:   []int{4},
		Latent:  builder.Latent{Kind: "bernoulli", Variables: 2, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{3}}, Decoder: builder.MLP{}, Activation: builder.ReLU,
	}
	b := builder.New(params)
	t, err := m.Train(b, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	names, nodes := b.Parameters()
	for i, name := range names {
		fmt.Println(name, nodes[i].Shape())
	}
	machine, err := builder.NewMachine(b, t.KL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	values, err := machine.Run(map[string]*tensor.Dense{
		"sample": dense64([]float64{0, 0, 0, 0}, 1, 4), "noise": dense64([]float64{0.3, 0.9}, 1, 2),
		"temperature": number64(0.5), "kl_weight": number64(1),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("KL of a row of zeros, with biases of zero: %.3f nats\n", builder.Floats(values[0])[0])
	// Output:
	// encoder/1/weight (4, 3)
	// encoder/1/bias (3)
	// encoder/logits/weight (3, 2)
	// encoder/logits/bias (2)
	// decoder/logits/weight (2, 4)
	// decoder/logits/bias (4)
	// KL of a row of zeros, with biases of zero: 0.000 nats
}
