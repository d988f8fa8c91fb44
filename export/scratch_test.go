package export_test

import (
	"os"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestScratch(t *testing.T) {
	for _, kind := range []string{"bernoulli", "categorical"} {
		p, _ := builder.NewParams(tensor.Float32, 1)
		m := builder.Model{Input: []int{3, 2}, Latent: builder.Latent{Kind: "bernoulli", Variables: 5, Prior: "learned"}, Encoder: builder.MLP{[]int{7}}, Decoder: builder.MLP{[]int{4}}, Activation: builder.ReLU}
		if kind == "categorical" {
			m.Latent = builder.Latent{Kind: "categorical", Variables: 3, Categories: 4, Prior: "learned"}
		}
		for _, tr := range []export.Trace{
			func(batch int) (export.Traced, error) {
				b := builder.New(p)
				x := b.Input("sample", m.InputShape(batch)...)
				l := m.Encode(b, x)
				return export.Traced{[]export.Named{{"sample", "", x}}, []export.Named{{"latent_logits", "", l}}}, b.Err()
			},
			func(batch int) (export.Traced, error) {
				b := builder.New(p)
				x := b.Input("latent_logits", m.LatentShape(batch)...)
				l := m.Harden(b, x, nil)
				return export.Traced{[]export.Named{{"latent_logits", "", x}}, []export.Named{{"code", "", l}, {"packed_code", "", m.Pack(b, l)}}}, b.Err()
			},
			func(batch int) (export.Traced, error) {
				b := builder.New(p)
				tr, err := m.Train(b, batch)
				if err != nil {
					return export.Traced{}, err
				}
				names, nodes := b.Parameters()
				grads, err := G.Grad(tr.Loss, nodes...)
				if err != nil {
					return export.Traced{}, err
				}
				r := export.Traced{[]export.Named{{"sample", "", tr.Sample}, {"noise", "", tr.Noise}, {"temperature", "", tr.Temperature}, {"kl_weight", "", tr.KLWeight}}, []export.Named{{"loss", "", tr.Loss}}}
				for i := range names {
					r.Outputs = append(r.Outputs, export.Named{"grad/" + names[i], "", grads[i]})
				}
				return r, b.Err()
			},
		} {
			mod, err := export.Graph(tr, export.Options{})
			if err != nil {
				t.Fatal(err)
			}
			mod.WriteText(os.Stdout)
			t.Log(mod.Lowered, mod.Nodes)
		}
	}
}
