package builder_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// With a clean target the decoder explains that, and the encoder sees the rows: equal ones give the old loss, and each of the two changes it
// by itself. The graph without a target has no such input.
func TestCleanTarget(t *testing.T) {
	t.Parallel()
	for name, m := range models() {
		t.Run(name, func(t *testing.T) {
			const batch = 3
			inputs := trainingInputs(m, batch)
			x := inputs[builder.SampleInput].Data().([]float64)
			y := uniforms(8, len(x))
			loss := func(clean bool, sample, target []float64) []float64 {
				given := trainingInputs(m, batch)
				given[builder.SampleInput] = dense64(sample, m.InputShape(batch)...)
				if clean {
					given[builder.TargetInput] = dense64(target, m.InputShape(batch)...)
				}
				return eval(t, params64(t), given, func(b *builder.Graph) []*G.Node {
					tr, err := m.TrainFrom(b, func(name string) (leaf, rows *G.Node) {
						x := b.Input(name, m.InputShape(batch)...)
						return x, x
					}, clean)
					if err != nil {
						t.Fatal(err)
					}
					if has := slices.ContainsFunc(tr.Inputs, func(in builder.Input) bool {
						return in.Name == builder.TargetInput && in.Purpose == builder.TargetPurpose
					}); has != clean {
						t.Errorf("the inputs are %v, clean is %v", tr.Inputs, clean)
					}
					return []*G.Node{tr.Reconstruction, tr.KL}
				})[0]
			}
			old, same, target, sample := loss(false, x, nil), loss(true, x, x), loss(true, x, y), loss(true, y, x)
			if old[0] != same[0] {
				t.Errorf("the reconstruction of equal rows is %g, without a target %g", same[0], old[0])
			}
			if target[0] == old[0] || sample[0] == old[0] || target[0] == sample[0] {
				t.Errorf("reconstructions: %g, with another target %g, with other rows %g", old[0], target[0], sample[0])
			}
		})
	}
}

// An estimator that asks for a view gets one input of it, however often it asks; a graph on a node of the caller's refuses.
func TestView(t *testing.T) {
	defer builder.WithEstimator("views", func(p *builder.Parts) builder.Objective {
		if first, second := p.View(), p.View(); first != second {
			t.Error("two views")
		}
		logits := p.Encode()
		logP := p.Model.LogLikelihood(p.Graph, p.View(), p.Decode(p.Relax(logits, p.Noise("noise"), p.Schedule("temperature"))))
		return p.NegativeELBO(logP, p.Divergence(logits), p.Schedule("kl_weight"))
	})()
	m := models()["bernoulli/uniform"]
	m.Estimator = "views"
	tr, err := m.Train(builder.New(params64(t)), 3)
	if err != nil {
		t.Fatal(err)
	}
	views := 0
	for _, in := range tr.Inputs {
		if in.Purpose == builder.ViewPurpose {
			views++
			if in.Name != builder.ViewInput || !slices.Equal(in.Node.Shape(), m.InputShape(3)) {
				t.Errorf("the view is %q of shape %v", in.Name, in.Node.Shape())
			}
		}
	}
	if views != 1 {
		t.Errorf("%d views among %v", views, tr.Inputs)
	}
	b := builder.New(params64(t))
	if _, err := m.TrainOn(b, b.Input("x", m.InputShape(3)...)); err == nil || !strings.Contains(err.Error(), "Model.TrainFrom") {
		t.Errorf("a view of a node of the caller's: %v", err)
	}
}
