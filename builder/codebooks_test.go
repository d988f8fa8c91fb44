package builder_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/additive"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// searched is a model whose encoder searches 3 codebooks of 5 words in 6 dimensions.
func searched(encoder builder.Network) builder.Model {
	return builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: dist.Categorical, Variables: 3, Categories: 5, Prior: builder.PriorUniform},
		Encoder: encoder, Decoder: builder.Additive{}, Activation: builder.ReLU, Likelihood: dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VarianceFixed, Deviation: 0.5},
	}
}

// searchedParams are words of a seed, and a norm.
func searchedParams(t *testing.T) *builder.Params {
	t.Helper()
	p := params64(t)
	for _, w := range []struct {
		name   string
		shape  []int
		values []float64
	}{{"words", []int{15, 6}, normals(3, 90, 1)}, {"bias", []int{6}, normals(4, 6, 1)}, {"norm", []int{1}, []float64{2.5}}} {
		if err := p.Set("decoder/"+w.name, w.shape, wide(narrow(w.values))); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// The graphs compute what package additive does: the hard code is the search's, the query the inner products with all words, and the
// decoder adds the words up. Each graph has its words under its own part's name.
func TestSearchGraphs(t *testing.T) {
	t.Parallel()
	const rows = 20
	x := normals(7, rows*6, 1)
	for name, n := range map[string]builder.Network{"rq": builder.RQ{Beam: 3}, "residual": builder.Residual{Beam: 2, Sweeps: 2, Norm: 4}} {
		t.Run(name, func(t *testing.T) {
			m, p := searched(n), searchedParams(t)
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			out := eval(t, p, map[string]*tensor.Dense{"x": dense64(x, rows, 3, 2)}, func(b *builder.Graph) []*G.Node {
				logits, query := m.EncodeQuery(b, b.Input("x", rows, 3, 2))
				code, _ := m.HardCode(b, logits, nil)
				index := m.Index(b, code)
				return []*G.Node{logits, query, code, b.Float(index), m.Reconstruction(b, m.Decode(b, code))}
			})
			books := additive.Codebooks{Variables: 3, Categories: 5, Width: 6, Words: narrow(builder.Floats(p.Value("decoder/words"))), Bias: narrow(builder.Floats(p.Value("decoder/bias"))), Norm: 2.5}
			search := additive.Search{Beam: 3}
			if name == "residual" {
				search = additive.Search{Beam: 2, Sweeps: 2, NormWeight: 4}
			}
			codes, scores, err := books.Encode(t.Context(), narrow(x), search)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(narrow(out[0]), scores) {
				t.Error("the logits are no scores of the search")
			}
			decoded := books.Decode(nil, codes)
			for i, y := range decoded {
				if math.Abs(out[4][i]-float64(y)) > 1e-5 {
					t.Fatalf("number %d is decoded as %g, want %g", i, out[4][i], y)
				}
			}
			for i, k := range codes {
				if out[2][i*5+k] != 1 || out[3][i] != float64(k) {
					t.Fatalf("variable %d of all is %v, index %g, want %d", i, out[2][i*5:][:5], out[3][i], k)
				}
			}
			words := builder.Floats(p.Value("decoder/words"))
			for i, q := range out[1] {
				row, word, want := i/15, i%15, 0.0
				for j := range 6 {
					want += x[row*6+j] * words[word*6+j]
				}
				if math.Abs(q-want) > 1e-5 {
					t.Fatalf("the query of word %d by row %d is %g, want %g", word, row, q, want)
				}
			}
			b := builder.New(p)
			m.Encode(b, b.Input("x", 2, 3, 2))
			if names := leafNames(b); !slices.Contains(names, "encoder/words") || slices.Contains(names, "decoder/words") {
				t.Errorf("the encoder's graph has the leaves %v", names)
			}
		})
	}
}

func leafNames(b *builder.Graph) (names []string) {
	for _, n := range b.Expr().AllNodes() {
		if n.Op() == nil {
			names = append(names, n.Name())
		}
	}
	return names
}

// The gradient of the objective is that of words and bias for codes that stay, and encoder and decoder share one node for each.
func TestCodebookGradient(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]builder.Network{"rq": builder.RQ{}, "residual": builder.Residual{Sweeps: 1, Norm: 4}} {
		t.Run(name, func(t *testing.T) {
			m, p := searched(n), searchedParams(t)
			inputs := map[string]*tensor.Dense{"sample": dense64(normals(8, 4*6, 1), 4, 3, 2), "kl_weight": number64(1)}
			build := func(b *builder.Graph) *G.Node {
				tr, err := m.Train(b, 4)
				if err != nil {
					t.Fatal(err)
				}
				if names, _ := b.Parameters(); !slices.Equal(names, []string{"decoder/words", "decoder/bias"}) {
					t.Fatalf("the parameters are %v", names)
				}
				if updates := len(b.Updates()); updates != map[string]int{"rq": 0, "residual": 1}[name] {
					t.Fatalf("%d buffers are carried", updates)
				}
				return tr.Loss
			}
			if err := gradcheck.Check(p, inputs, build, gradcheck.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// The parts of the objective are the cost of the search, over the variance, and the price of the code: V ln K.
func TestCodebookObjective(t *testing.T) {
	t.Parallel()
	m, p := searched(builder.Residual{Sweeps: 1, Norm: 4}), searchedParams(t)
	x := normals(8, 4*6, 1)
	b := builder.New(p)
	tr, err := m.Train(b, 4)
	if err != nil {
		t.Fatal(err)
	}
	out := onTape(t, b, map[string]*tensor.Dense{"sample": dense64(x, 4, 3, 2), "kl_weight": number64(0)}, tr.Loss, tr.KL, b.Updates()[0].Next)
	books := additive.Codebooks{Variables: 3, Categories: 5, Width: 6, Words: narrow(builder.Floats(p.Value("decoder/words"))), Bias: narrow(builder.Floats(p.Value("decoder/bias"))), Norm: 2.5}
	codes, _, err := books.Encode(t.Context(), narrow(x), additive.Search{Beam: 5, Sweeps: 1, NormWeight: 4})
	if err != nil {
		t.Fatal(err)
	}
	decoded, cost, norms := books.Decode(nil, codes), 0.0, 0.0
	for i := range 4 {
		y := decoded[i*6:][:6]
		cost += books.Cost(narrow(x[i*6:][:6]), y, 4) / 4
		norms += math.Sqrt(2*books.Cost(make([]float32, 6), y, 0)) / 4
	}
	want := cost/0.25 + 3*math.Log(2*math.Pi*0.25) // 6 values of half a logarithm each
	if math.Abs(out[0][0]-want) > 1e-4 || math.Abs(out[1][0]-3*math.Log(5)) > 1e-6 {
		t.Errorf("loss %g, want %g; price of a code %g", out[0][0], want, out[1][0])
	}
	if next := 0.9*2.5 + 0.1*norms; math.Abs(out[2][0]-next) > 1e-5 {
		t.Errorf("the running norm becomes %g, want %g", out[2][0], next)
	}
}

// What does not go together is an error that names the key and the way out.
func TestCodebookRefusals(t *testing.T) {
	t.Parallel()
	model := func(change func(m *builder.Model)) builder.Model {
		m := searched(builder.Residual{Norm: 1})
		change(&m)
		return m
	}
	for want, m := range map[string]builder.Model{
		"set decoder.kind to additive":      model(func(m *builder.Model) { m.Decoder = builder.MLP{} }),
		"set encoder.kind to residual":      model(func(m *builder.Model) { m.Encoder = builder.MLP{} }),
		"decoder.kind is rq":                model(func(m *builder.Model) { m.Decoder = builder.RQ{} }),
		"encoder.kind is additive":          model(func(m *builder.Model) { m.Encoder = builder.Additive{} }),
		"set latent.kind=categorical":       model(func(m *builder.Model) { m.Latent.Kind, m.Latent.Categories = dist.Bernoulli, 0 }),
		"leave latent.norm and":             model(func(m *builder.Model) { m.Latent.Norm = builder.NormBatch }),
		"set likelihood.kind=gaussian":      model(func(m *builder.Model) { m.Likelihood = dist.LikelihoodConfig{} }),
		"set likelihood.variance=fixed":     model(func(m *builder.Model) { m.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian} }),
		"objective.estimator is \"gumbel\"": model(func(m *builder.Model) { m.Estimator = builder.GumbelEstimator }),
		"leave the terms":                   model(func(m *builder.Model) { m.Terms.FreeBits = 0.1 }),
		"encoder.beam is 65":                model(func(m *builder.Model) { m.Encoder = builder.Residual{Beam: 65} }),
		"encoder.norm is NaN":               model(func(m *builder.Model) { m.Encoder = builder.Residual{Norm: math.NaN()} }),
	} {
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if err := models()["categorical/uniform"].Check(); err != nil {
		t.Fatal(err)
	}
	m := models()["categorical/uniform"]
	m.Estimator = builder.CodebookEstimator
	if m.Check() == nil {
		t.Error("codebooks are learnt without any")
	}
	params := params64(t)
	if err := searched(builder.RQ{}).Fit(t.Context(), params, fittedRows(4), 1); err == nil || !strings.Contains(err.Error(), "encoder.kind is rq") {
		t.Errorf("four rows make five words: %v", err)
	}
}

// Fitted codebooks leave less than those that a model begins with, and the shared variance is what they leave.
func TestFitCodebooks(t *testing.T) {
	t.Parallel()
	rows := fittedRows(300)
	m := searched(builder.RQ{})
	m.Input, m.Likelihood = []int{6}, dist.LikelihoodConfig{Kind: dist.Gaussian}
	p := params64(t)
	if err := m.Fit(t.Context(), p, rows, 1); err != nil {
		t.Fatal(err)
	}
	out := eval(t, p, map[string]*tensor.Dense{"x": dense64(wide(rows.Values), 300, 6)}, func(b *builder.Graph) []*G.Node {
		code, _ := m.HardCode(b, m.Encode(b, b.Input("x", 300, 6)), nil)
		return []*G.Node{m.Decode(b, code)}
	})
	left, variance := 0.0, 0.0
	mean := make([]float64, 6)
	for i, x := range rows.Values {
		mean[i%6] += float64(x) / 300
		d := float64(x) - out[0][2*i]
		left += d * d / float64(len(rows.Values))
	}
	for i, x := range rows.Values {
		d := float64(x) - mean[i%6]
		variance += d * d / float64(len(rows.Values))
	}
	if left > 0.4*variance {
		t.Errorf("%g of the variance %g is left", left, variance)
	}
	if math.Abs(out[0][1]-math.Log(left)) > 1e-3 {
		t.Errorf("the logarithm of the variance is %g, want %g", out[0][1], math.Log(left))
	}
}
