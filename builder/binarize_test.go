package builder_test

import (
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// With Binarize the graphs see 1 above the threshold and 0 elsewhere: grey rows, and rows made black and white before,
// give one loss, one encoding, and the same gradients.
func TestBinarizeInsideTheGraph(t *testing.T) {
	const batch, threshold = 3, 0.5
	for name, m := range models() {
		p := params64(t)
		randomise(t, p, m)
		inputs := trainingInputs(m, batch)
		black := trainingInputs(m, batch)
		rows := black["sample"].Data().([]float64)
		for i, x := range rows {
			if i == 0 {
				inputs["sample"].Data().([]float64)[0], x = threshold, threshold // a value at the threshold becomes 0
			}
			rows[i] = 0
			if x > threshold {
				rows[i] = 1
			}
		}
		run := func(m builder.Model, inputs map[string]*tensor.Dense) [][]float64 {
			return eval(t, p, inputs, func(b *builder.Graph) []*G.Node {
				tr, err := m.Train(b, batch)
				if err != nil {
					t.Fatal(err)
				}
				_, nodes := b.Parameters()
				grads, err := G.Grad(tr.Loss, nodes...)
				if err != nil {
					t.Fatal(err)
				}
				return append([]*G.Node{tr.Loss, tr.Logits}, grads...)
			})
		}
		want := run(m, black)
		m.Binarize = threshold
		for i, got := range run(m, inputs) {
			for j := range got {
				if got[j] != want[i][j] {
					t.Fatalf("%s: output %d[%d] is %g, want %g", name, i, j, got[j], want[i][j])
				}
			}
		}
	}
}
