package builder_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// predicting are models of few codes without hidden layers that predict the last two lines of rows [4, 2] from the first two.
func predicting() map[string]builder.Model {
	m := builder.Model{
		Input: []int{4, 2}, Cut: dist.Cut{Lines: 2}, Encoder: builder.MLP{}, Decoder: builder.MLP{}, Activation: builder.Tanh, Estimator: builder.StraightThroughEstimator,
		Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 3, Prior: builder.PriorConditional},
	}
	out := map[string]builder.Model{"bits": m}
	m.Latent = builder.Latent{Kind: dist.Categorical, Variables: 2, Categories: 3, Prior: builder.PriorConditional}
	out["categories"] = m
	for name, groups := range map[string]builder.Groups{
		"bits of bits":       {{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Bernoulli, Variables: 2}},
		"categories of bits": {{Kind: dist.Bernoulli, Variables: 2}, {Kind: dist.Categorical, Variables: 2, Categories: 3}},
	} {
		m.Latent = builder.Latent{Kind: dist.Hierarchical, Groups: groups, Prior: builder.PriorConditional}
		out[name] = m
	}
	return out
}

// affine returns x W + b of a part's weights.
func affine(p *builder.Params, part string, x []float64) []float64 {
	w, y := builder.Floats(p.Value(part+"/logits/weight")), slices.Clone(builder.Floats(p.Value(part+"/logits/bias")))
	for i, v := range x {
		for j := range y {
			y[j] += v * w[i*len(y)+j]
		}
	}
	return y
}

// outcomes returns every hard code of variables with these logits, and its probability: by the definitions, one variable after the other.
func outcomes(g dist.Group, logits []float64) (codes [][]float64, chances []float64) {
	codes, chances = [][]float64{nil}, []float64{1}
	for v := range g.Variables {
		values, odds := [][]float64{{0}, {1}}, []float64{1, 0}
		if g.Categories == 0 {
			odds[1] = math.Exp(logits[v])
		} else {
			values, odds = nil, nil
			for k := range g.Categories {
				one := make([]float64, g.Categories)
				one[k] = 1
				values, odds = append(values, one), append(odds, math.Exp(logits[v*g.Categories+k]))
			}
		}
		total := 0.0
		for _, o := range odds {
			total += o
		}
		var moreCodes [][]float64
		var more []float64
		for i, code := range codes {
			for k, value := range values {
				moreCodes, more = append(moreCodes, slices.Concat(code, value)), append(more, chances[i]*odds[k]/total)
			}
		}
		codes, chances = moreCodes, more
	}
	return codes, chances
}

// predictedExactly returns what an objective is on average over the codes of a row x, y, in plain Go: E ln p(y|z), ln p(y|x), and the bound of two samples.
func predictedExactly(m builder.Model, p *builder.Params, x, y []float64) (elbo, logP, pair float64) {
	groups := m.Latent.Groups
	if len(groups) == 0 {
		groups = builder.Groups{{Kind: m.Latent.Kind, Variables: m.Latent.Variables, Categories: m.Latent.Categories}}
	}
	codes, chances := outcomes(groups[0], affine(p, "encoder", x))
	if len(groups) == 2 {
		var below [][]float64
		var all []float64
		for i, z1 := range codes {
			z2, given := outcomes(groups[1], affine(p, "layers/posterior", z1))
			for j := range z2 {
				below, all = append(below, z2[j]), append(all, chances[i]*given[j])
			}
		}
		codes, chances = below, all
	}
	likelihoods, evidence := make([]float64, len(codes)), 0.0
	for i, z := range codes {
		for j, l := range affine(p, "decoder", z) {
			likelihoods[i] += y[j]*l - math.Log1p(math.Exp(l))
		}
		elbo += chances[i] * likelihoods[i]
		evidence += chances[i] * math.Exp(likelihoods[i])
	}
	for i := range codes {
		for j := range codes {
			pair += chances[i] * chances[j] * math.Log((math.Exp(likelihoods[i])+math.Exp(likelihoods[j]))/2)
		}
	}
	return elbo, math.Log(evidence), pair
}

// The objective of hard samples has -E ln p(y|z) for its mean, z from p(z|x), without a divergence, and the gradients of score functions have
// the exact gradient for their mean, that of vimco the gradient of the bound of two samples: z-tests against the sum over every code, in plain
// Go, and its differences.
func TestPredictedAgainstEveryCode(t *testing.T) {
	t.Parallel()
	const batch, runs = 500, 40
	cases := predicting()
	for name, m := range predicting() {
		for _, estimator := range []string{builder.RLOOEstimator, builder.VIMCOEstimator, builder.DisARMEstimator} {
			if m.Estimator, m.Samples = estimator, 2; estimator == builder.DisARMEstimator { // which has no choice
				m.Samples = 0
			}
			if m.Check() == nil { // disarm is not of layers
				cases[name+", "+estimator] = m
			}
		}
	}
	if len(cases) != 14 {
		t.Fatalf("%d cases", len(cases))
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := params64(t)
			randomise(t, p, m)
			row := uniforms(60, 8)
			b := builder.New(p)
			training, err := m.Train(b, batch)
			if err != nil {
				t.Fatal(err)
			}
			names, nodes := b.Parameters()
			machine := gradientMachine(t, b, training, nodes)
			defer machine.Close()
			var sums, squares [][]float64
			for i := range runs {
				inputs := map[string]*tensor.Dense{"sample": dense64(repeated(row, batch), m.InputShape(batch)...), "kl_weight": number64(1)}
				for _, in := range training.Inputs {
					if in.Purpose == builder.NoisePurpose {
						inputs[in.Name] = dense64(uniforms(uint64(2000+100*len(in.Name)+i), batch*m.Latent.Dist().Logits()), m.LatentShape(batch)...)
					}
				}
				values, err := machine.Run(inputs)
				if err != nil {
					t.Fatal(err)
				}
				for j, v := range values {
					x := builder.Floats(v)
					if i == 0 {
						sums, squares = append(sums, make([]float64, len(x))), append(squares, make([]float64, len(x)))
					}
					for k := range x {
						sums[j][k] += x[k] / runs
						squares[j][k] += x[k] * x[k] / runs
					}
				}
			}
			agree := func(what string, j, k int, want float64) {
				deviation := math.Sqrt(max(0, squares[j][k]-sums[j][k]*sums[j][k]) / (runs - 1))
				if !(math.Abs(sums[j][k]-want) <= 4.5*deviation+1e-7) {
					t.Errorf("%s: %g ± %g over %d samples, the sum over all codes is %g", what, sums[j][k], deviation, batch*runs, want)
				}
			}
			elbo, logP, pair := predictedExactly(m, p, row[:4], row[4:])
			if !(elbo < pair && pair < logP) {
				t.Errorf("the ELBO is %g, the bound of two samples %g, ln p(y|x) %g", elbo, pair, logP)
			}
			agree("reconstruction", 0, 0, -elbo)
			if sums[1][0] != 0 || squares[1][0] != 0 {
				t.Errorf("the divergence is %g", sums[1][0])
			}
			compared := 0
			for j, name := range names {
				if m.Estimator == builder.StraightThroughEstimator && !strings.HasPrefix(name, "decoder/") {
					continue // whose gradients pass through samples, and are biased
				}
				v := p.Value(name)
				weights := slices.Clone(builder.Floats(v))
				at := func(k int, by float64) float64 {
					moved := slices.Clone(weights)
					moved[k] += by
					if err := p.Set(name, v.Shape(), moved); err != nil {
						t.Fatal(err)
					}
					elbo, _, pair := predictedExactly(m, p, row[:4], row[4:])
					if m.Estimator == builder.VIMCOEstimator {
						return -pair
					}
					return -elbo
				}
				for k := range weights {
					agree(fmt.Sprint(name, " ", k), j+2, k, (at(k, 1e-5)-at(k, -1e-5))/2e-5)
					compared++
				}
				at(0, 0)
			}
			t.Logf("%d gradients agree; ELBO %.4f, bound of two %.4f, ln p(y|x) %.4f", compared, elbo, pair, logP)
		})
	}
}

// The encoder looks at what comes before the predicted lines and at nothing else, in rows of one, two and three axes, binarised and standardised
// ones too; the decoder gives the shape of those lines, in the units of the rows.
func TestCutRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		input  []int
		lines  int
		seen   []int // places in a row
		target []int // shape
	}{
		{[]int{5}, 2, []int{0, 1, 2}, []int{2}},
		{[]int{3, 2}, 1, []int{0, 1, 2, 3}, []int{1, 2}},
		{[]int{3, 3, 2}, 1, []int{0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15}, []int{3, 1, 2}},
	} {
		m := builder.Model{
			Input: c.input, Cut: dist.Cut{Lines: c.lines}, Encoder: builder.MLP{}, Decoder: builder.MLP{}, Activation: builder.Tanh,
			Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 4, Prior: builder.PriorConditional},
		}
		standard := m
		standard.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian}
		for i := range m.Width() {
			standard.Standard.Mean, standard.Standard.Deviation = append(standard.Standard.Mean, float64(i)), append(standard.Standard.Deviation, float64(i+1))
		}
		binarised := m
		binarised.Binarize = 0.5
		for name, m := range map[string]builder.Model{"plain": m, "standardised": standard, "binarised": binarised} {
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			p := params64(t)
			randomise(t, p, m)
			width := m.Width()
			row := uniforms(9, width)
			rows := slices.Clone(row) // then one with each value changed
			for i := range width {
				rows = append(rows, row...)
				rows[(i+1)*width+i] = 1 - rows[(i+1)*width+i]
			}
			n := width + 1
			out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
				outputs := m.Decode(b, b.Constant("code", uniforms(4, 4), m.CodeShape(1)...))
				return []*G.Node{m.Encode(b, b.Constant("rows", rows, m.InputShape(n)...)), outputs, m.Reconstruction(b, outputs)}
			})
			for i := range width {
				same := slices.Equal(out[0][:4], out[0][(i+1)*4:][:4])
				if same == slices.Contains(c.seen, i) {
					t.Errorf("%v, %s: value %d is seen: %v", c.input, name, i, !same)
				}
			}
			if !slices.Equal(m.TargetShape(), c.target) || !slices.Equal(m.OutputShape(7)[1:][:len(c.target)], c.target) {
				t.Errorf("%v: the decoder gives %v, outputs of %v", c.input, m.TargetShape(), m.OutputShape(7))
			}
			means, at := out[2], 0
			for i := range width {
				if slices.Contains(c.seen, i) {
					continue
				}
				want := 1 / (1 + math.Exp(-out[1][at]))
				if name == "standardised" {
					want = out[1][2*at]*float64(i+1) + float64(i) // the outputs are mean and log variance
				}
				if math.Abs(means[at]-want) > 1e-12 {
					t.Errorf("%v, %s: the reconstruction of value %d is %g, want %g", c.input, name, i, means[at], want)
				}
				at++
			}
			if at != len(means) {
				t.Errorf("%v: %d values are given, want %d", c.input, len(means), at)
			}
			bias, err := m.DataBias(uniforms(11, width))
			if err != nil || len(bias)%len(means) != 0 {
				t.Errorf("%v: a bias of %d numbers for %d values: %v", c.input, len(bias), len(means), err)
			}
		}
	}
	m := predicting()["bits"]
	encoder, decoder, err := m.Plan()
	if err != nil || encoder[0].MultiplyAdds != 4*3 || decoder[0].MultiplyAdds != 3*4 {
		t.Errorf("the plan is %v, %v: %v", encoder, decoder, err)
	}
}

// A fitted encoder is fitted to what it sees, and a decoder to the rest.
func TestFitOfAPart(t *testing.T) {
	t.Parallel()
	m := builder.Model{
		Input: []int{6}, Cut: dist.Cut{Lines: 2}, Encoder: builder.PCA{}, Decoder: builder.LeastSquares{}, Activation: builder.Tanh, Likelihood: dist.LikelihoodConfig{Kind: dist.Gaussian},
		Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 3, Prior: builder.PriorConditional},
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	rows := builder.Rows{Count: 200, Width: 6}
	for i := range rows.Count {
		u := uniforms(uint64(i), 4)
		for _, x := range u {
			rows.Values = append(rows.Values, float32(x))
		}
		rows.Values = append(rows.Values, float32(u[0]+u[1]), float32(u[2]))
	}
	p := params64(t)
	if _, err := m.Train(builder.New(p), 2); err != nil {
		t.Fatal(err)
	}
	if err := m.Fit(t.Context(), p, rows, 1); err != nil {
		t.Fatal(err)
	}
	if s := p.Value("encoder/logits/weight").Shape(); !slices.Equal(s, []int{4, 3}) {
		t.Errorf("the encoder's weights are %v", s)
	}
	left, all := 0.0, 0.0
	out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
		x := b.Constant("rows", wide(rows.Values), m.InputShape(rows.Count)...)
		return []*G.Node{m.Reconstruction(b, m.Decode(b, m.Harden(b, m.Encode(b, x), nil)))}
	})
	for i := range rows.Count {
		for j, mean := range []float64{1, 0.5} {
			x := float64(rows.Values[i*6+4+j])
			left, all = left+(x-out[0][i*2+j])*(x-out[0][i*2+j]), all+(x-mean)*(x-mean)
		}
	}
	if !(left < 0.9*all) {
		t.Errorf("the predictions leave %g of %g", left, all)
	}
}

// What makes no sense with a model that predicts a part is refused; its graph of layers has no prior.
func TestSenselessCuts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(m *builder.Model)
		want   string
	}{
		{func(m *builder.Model) { m.Cut.Lines = 4 }, "data.predict is 4: the last 4 lines are to be predicted, and rows of shape [4 2] have 4: predict 1 to 3"},
		{func(m *builder.Model) { m.Cut.Lines = -1 }, "data.predict is -1"},
		{func(m *builder.Model) { m.Cut.Lines = 0 }, "set data.predict to how many lines, or latent.prior to uniform"},
		{func(m *builder.Model) { m.Latent.Prior = builder.PriorLearned }, "set latent.prior=conditional"},
		{func(m *builder.Model) { m.Terms.FreeBits = 0.1 }, "leave objective.free_bits out"},
		{func(m *builder.Model) { m.Terms.Rate = 3 }, "leave objective.rate out"},
		{func(m *builder.Model) { m.Likelihood.Kind = dist.VonMisesFisher }, "a part of a direction is none"},
	} {
		m := predicting()["bits"]
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, c.want)
		}
	}
	m := predicting()["bits of bits"]
	p := params64(t)
	randomise(t, p, m)
	model, err := export.Graph(t.Context(), func(batch int) (export.Traced, error) {
		b := builder.New(p)
		x := b.Input("x", m.InputShape(batch)...)
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: m.Encode(b, x)}}}, b.Err()
	}, export.Options{})
	if err != nil || !slices.Contains(model.Ops(), "Slice") {
		t.Errorf("the encoder's graph: %v", err)
	}
	b := builder.New(p)
	if posterior, prior := m.Layers(b, b.Input("code", 2, 5)); b.Err() != nil || posterior == nil || prior != nil {
		t.Errorf("the layers are %v and %v: %v", posterior, prior, b.Err())
	}
}
