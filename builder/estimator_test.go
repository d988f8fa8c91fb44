package builder_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An estimator may decode more than once: the weights are the same, each named once, and gradients flow through both.
func TestEstimatorDecodesTwice(t *testing.T) {
	defer builder.WithEstimator("twice", func(p *builder.Parts) builder.Objective {
		tau, weight := p.Schedule("temperature"), p.Schedule("kl_weight")
		logits := p.Encode()
		first := p.LogP(p.Relax(logits, p.Noise("first"), tau))
		second := p.LogP(p.Relax(logits, p.Noise("second"), tau))
		half := p.Number(0.5)
		return p.NegativeELBO(p.Add(p.Mul(half, first), p.Mul(half, second)), p.Divergence(logits), weight)
	})()
	for name, m := range models() {
		if !m.Latent.Dist().Discrete() || m.Latent.Dist().Layered() {
			continue // they have estimators of their own
		}
		t.Run(name, func(t *testing.T) {
			m.Estimator = "twice"
			p := params64(t)
			b := builder.New(p)
			tr, err := m.Train(b, 3)
			if err != nil {
				t.Fatal(err)
			}
			purposes := map[string]builder.Purpose{}
			for _, in := range tr.Inputs {
				purposes[in.Name] = in.Purpose
			}
			want := map[string]builder.Purpose{"sample": builder.RowsPurpose, "first": builder.NoisePurpose, "second": builder.NoisePurpose, "temperature": builder.SchedulePurpose, "kl_weight": builder.SchedulePurpose}
			for name, purpose := range want {
				if purposes[name] != purpose || len(purposes) != len(want) {
					t.Errorf("the inputs are %v, want %v", purposes, want)
				}
			}
			m.Estimator = ""
			once := builder.New(params64(t))
			if _, err := m.Train(once, 3); err != nil {
				t.Fatal(err)
			}
			m.Estimator = "twice"
			names, _ := b.Parameters()
			if single, _ := once.Parameters(); len(names) != len(single) {
				t.Errorf("the parameters are %v, of one decoder %v", names, single)
			}
			inputs := trainingInputs(m, 3)
			inputs["first"], inputs["second"] = inputs["noise"], dense64(uniforms(77, inputs["noise"].Size()), m.LatentShape(3)...)
			delete(inputs, "noise")
			err = gradcheck.Check(p, inputs, func(b *builder.Graph) *G.Node {
				tr, err := m.Train(b, 3)
				if err != nil {
					t.Fatal(err)
				}
				return tr.Loss
			}, gradcheck.Options{})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Through StopGradient the value passes and the gradient does not.
func TestStopGradient(t *testing.T) {
	for _, shape := range [][]int{{4}, {2, 2}} {
		p := params64(t)
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			w := b.Parameter("w", filled(3, 1), shape...)
			loss := b.Sum(b.Mul(w, b.StopGradient(b.Square(w)))) // Σ w · c, c = w² treated as a constant
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			grads, err := G.Grad(loss, w)
			if err != nil {
				t.Fatal(err)
			}
			return []*G.Node{loss, grads[0], b.StopGradient(w)}
		})
		w := builder.Floats(p.Value("w"))
		sum := 0.0
		for i, x := range w {
			sum += x * x * x
			if math.Abs(out[1][i]-x*x) > 1e-12 || out[2][i] != x {
				t.Errorf("shape %v: the gradient of %g is %g, want %g; the value %g", shape, x, out[1][i], x*x, out[2][i])
			}
		}
		if math.Abs(out[0][0]-sum) > 1e-12 {
			t.Errorf("shape %v: the sum is %g, want %g", shape, out[0][0], sum)
		}
	}
}

// Apply takes an op of another package's, and notices where gorgonia merges it with another node.
func TestApplyTakesForeignOps(t *testing.T) {
	other := builder.New(params64(t))
	foreign := foreignOp{builder.OpOf(other.Neg(other.Input("x", 2)))}
	out := eval(t, params64(t), map[string]*tensor.Dense{}, func(b *builder.Graph) []*G.Node {
		return []*G.Node{b.Apply(foreign, b.Constant("x", []float64{1, 2}, 2))}
	})
	if out[0][0] != -1 || out[0][1] != -2 {
		t.Errorf("the op gives %v", out[0])
	}
	b := builder.New(params64(t))
	x := b.Input("x", 2)
	if b.Neg(x); b.Apply(foreign, x) != nil || b.Err() == nil {
		t.Error("an op that has the hash of another is merged without an error")
	}
	b = builder.New(params64(t))
	if b.Apply(nil, b.Input("x", 2)) != nil || b.Err() == nil {
		t.Error("no op is applied without an error")
	}
}

// foreignOp is an op that somebody else wrote around one of gorgonia's.
type foreignOp struct{ G.Op }
