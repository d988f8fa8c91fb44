package builder_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/export"
	G "gorgonia.org/gorgonia"
)

// normed are the small models with normalised logits, and codes that enter the decoder as signs.
func normed() map[string]builder.Model {
	all := models()
	for name, m := range all {
		if !m.Latent.Dist().Discrete() { // which has neither
			delete(all, name)
			continue
		}
		m.Latent.Norm, m.Latent.Signs = builder.NormBatch, true
		all[name] = m
	}
	return all
}

// The whole objective has the gradient of its differences, the running statistics apart.
func TestNormedGradients(t *testing.T) {
	t.Parallel()
	for name, m := range normed() {
		p := params64(t)
		err := gradcheck.Check(p, trainingInputs(m, 4), func(b *builder.Graph) *G.Node {
			tr, err := m.Train(b, 4)
			if err != nil {
				t.Fatal(err)
			}
			return tr.Loss
		}, gradcheck.Options{Tolerance: 1e-5})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// In a training step every logit has the mean 0 and the deviation 2; exports keep one product for the last layer.
func TestNormedLogits(t *testing.T) {
	t.Parallel()
	const batch = 16
	for name, m := range normed() {
		p := params64(t)
		b := builder.New(p)
		tr, err := m.Train(b, batch)
		if err != nil {
			t.Fatal(err)
		}
		layers := 1
		if m.Latent.Dist().Layered() {
			layers = 2
		}
		if n := len(b.Updates()); n != 2*layers {
			t.Errorf("%s: %d buffers are updated, want the mean and the variance of %d layers", name, n, layers)
		}
		machine, err := builder.NewMachine(b, tr.Logits)
		if err != nil {
			t.Fatal(err)
		}
		values, err := machine.Run(trainingInputs(m, batch))
		if err != nil {
			t.Fatal(err)
		}
		machine.Close()
		logits := builder.Floats(values[0])
		width := len(logits) / batch
		for j := range width {
			mean, variance := 0.0, 0.0
			for i := range batch {
				mean += logits[i*width+j] / batch
				variance += logits[i*width+j] * logits[i*width+j] / batch
			}
			if math.Abs(mean) > 1e-12 || math.Abs(math.Sqrt(variance)-2) > 0.01 {
				t.Errorf("%s: logit %d has the mean %g and the deviation %g, want 0 and 2", name, j, mean, math.Sqrt(variance))
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
		for _, op := range model.Ops() {
			part := m.Cut.Lines > 0 && op == "Slice"
			hard := part || layers == 2 && slices.Contains([]string{"Greater", "Cast", "Concat", "Mul", "Sub"}, op) // between two layers
			if op != "Gemm" && op != "Reshape" && op != "Tanh" && !hard {
				t.Errorf("%s: the encoder's operators are %v", name, model.Ops())
			}
		}
	}
}

// The decoder of a model with signs has the outputs of one without, for 2b-1.
func TestSigns(t *testing.T) {
	t.Parallel()
	for name, m := range models() {
		p := params64(t)
		code := uniforms(9, 3*m.Bits())
		signed := make([]float64, len(code))
		for i, b := range code {
			signed[i] = 2*b - 1
		}
		with := m
		with.Latent.Signs = true
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			return []*G.Node{with.Decode(b, b.Constant("z", code, with.CodeShape(3)...))}
		})
		want := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			return []*G.Node{m.Decode(b, b.Constant("z", signed, m.CodeShape(3)...))}
		})
		same(t, name, out[0], want[0], 1e-12)
	}
}

// The last bias starts at the logits of the rows' means, within bounds where a value never changes.
func TestDataBias(t *testing.T) {
	t.Parallel()
	m := models()["bernoulli/uniform"]
	bias, err := m.DataBias([]float64{0.5, 0.25, 0, 1, 0.9, 0.75})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "bias", bias, []float64{0, -math.Log(3), -math.Log(999), math.Log(999), math.Log(9), math.Log(3)}, 1e-12)
	m.Bias = bias
	p := params64(t)
	if _, err := m.Train(builder.New(p), 2); err != nil {
		t.Fatal(err)
	}
	same(t, "the parameter", builder.Floats(p.Value("decoder/logits/bias")), bias, 0)
	if _, err := m.DataBias([]float64{1}); err == nil {
		t.Error("one mean for six values is accepted")
	}
	m.Bias = bias[:2]
	if _, err := m.Train(builder.New(params64(t)), 2); err == nil || !strings.Contains(err.Error(), "initial bias") {
		t.Errorf("a bias of two numbers: %v", err)
	}
}

func TestBadNorm(t *testing.T) {
	m := models()["bernoulli/uniform"]
	m.Latent.Norm = "layer"
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), `latent.norm is "layer": use "batch" or "none"`) {
		t.Error(err)
	}
	m.Latent.Norm = builder.NormBatch
	if _, err := m.Train(builder.New(params64(t)), 1); err == nil || !strings.Contains(err.Error(), "two rows") {
		t.Errorf("a batch of one: %v", err)
	}
}
