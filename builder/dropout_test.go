package builder_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A dropNetwork drops the rows' numbers twice, and then is linear.
type dropNetwork struct{ builder.MLP }

func (d dropNetwork) Build(b *builder.Graph, x *G.Node, s builder.NetworkSpec) *G.Node {
	x = b.Dropout("second", b.Dropout("first", x, 0.25), 0.5)
	return d.MLP.Build(b, x, s)
}

// A step has a noise input for each dropout, named by its path; exports have none, and nothing of it.
func TestDropoutInputs(t *testing.T) {
	m := models()["bernoulli/uniform"]
	m.Encoder, m.Decoder = dropNetwork{}, dropNetwork{}
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
	for _, name := range []string{"encoder/first/noise", "encoder/second/noise", "decoder/first/noise", "decoder/second/noise"} {
		if purposes[name] != builder.NoisePurpose {
			t.Errorf("%s has the purpose %q among %v", name, purposes[name], purposes)
		}
	}
	model, err := export.Graph(t.Context(), func(batch int) (export.Traced, error) {
		b := builder.New(p)
		x := b.Input("x", m.InputShape(batch)...)
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: m.Encode(b, x)}}}, b.Err()
	}, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ops := strings.Join(model.Ops(), " "); ops != "Gemm" && ops != "Gemm Reshape" {
		t.Errorf("the encoder's operators are %s", ops)
	}
}

// About as many numbers as asked are dropped, the others are scaled, and the gradient is the mask.
func TestDropoutMask(t *testing.T) {
	const rate, n = 0.25, 4000
	b := builder.New(params64(t))
	b.ForTraining()
	x := b.Constant("x", slicesOf(n, 3), 1, n)
	y := b.Dropout("drop", x, rate)
	loss := b.Sum(y)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	grads, err := G.Grad(loss, x)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := builder.NewMachine(b, y, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	values, err := machine.Run(map[string]*tensor.Dense{"drop/noise": dense64(uniforms(5, n), 1, n)})
	if err != nil {
		t.Fatal(err)
	}
	dropped := 0
	for i, v := range builder.Floats(values[0]) {
		if g := builder.Floats(values[1])[i]; math.Abs(v-3*g) > 1e-12 || v != 0 && math.Abs(v-4) > 1e-12 {
			t.Fatalf("number %d is %g, its gradient %g", i, v, g)
		}
		if v == 0 {
			dropped++
		}
	}
	if deviation := math.Sqrt(n * rate * (1 - rate)); math.Abs(float64(dropped)-n*rate) > 5*deviation {
		t.Errorf("%d of %d are dropped, want about %g", dropped, n, n*rate)
	}
	for _, rate := range []float64{-0.1, 1, math.NaN()} {
		b := builder.New(params64(t))
		if b.Dropout("drop", b.Input("x", 2, 2), rate); b.Err() == nil {
			t.Errorf("a rate of %g is allowed", rate)
		}
	}
}

func slicesOf(n int, x float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = x
	}
	return s
}
