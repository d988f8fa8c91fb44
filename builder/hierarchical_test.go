package builder_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// twoLayers are models of few codes, with each kind of variable in each layer.
func twoLayers() map[string]builder.Model {
	out := map[string]builder.Model{}
	bits, categories := dist.Group{Kind: dist.Bernoulli, Variables: 3}, dist.Group{Kind: dist.Categorical, Variables: 2, Categories: 3}
	for name, groups := range map[string]builder.Groups{"bits of bits": {bits, {Kind: dist.Bernoulli, Variables: 2}}, "bits of categories": {bits, categories}, "categories of bits": {categories, bits}} {
		m := builder.Model{
			Input: []int{6}, Latent: builder.Latent{Kind: dist.Hierarchical, Groups: groups, Prior: builder.PriorLearned},
			Encoder: builder.MLP{}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.Tanh, Estimator: builder.StraightThroughEstimator,
		}
		out[name] = m
		m.Latent.Hidden, m.Latent.Signs, m.Latent.Prior = []int{4}, true, builder.PriorUniform
		out[name+", deep"] = m
	}
	return out
}

// everyLayer is one row under every code of a model with two layers, as nodes: ln q(z1|x), ln q(z2|z1), ln p(z1|z2), ln p(z2) and
// ln p(x|z1), [codes] each.
func everyLayer(t *testing.T, b *builder.Graph, m builder.Model, row []float64) (q1, q2, p1, p2, likelihood *G.Node) {
	t.Helper()
	l := m.Latent.Dist()
	codes, err := l.Codes(1 << 10)
	if err != nil {
		t.Fatal(err)
	}
	n, parts := len(codes)/l.Bits(), l.Parts()
	x := b.Constant("row", repeated(row, n), m.InputShape(n)...)
	code := b.Constant("codes", wide(codes), m.CodeShape(n)...)
	part := func(x *G.Node, from int, shape []int) *G.Node {
		size := 1
		for _, d := range shape {
			size *= d
		}
		return b.Reshape(b.Slice(x, 1, from, 1, size), append([]int{n}, shape...)...)
	}
	layer := func(i int) builder.Model {
		g := m.Latent.Groups[i]
		return builder.Model{Input: m.Input, Encoder: m.Encoder, Activation: m.Activation, Latent: builder.Latent{Kind: g.Kind, Variables: g.Variables, Categories: g.Categories}}
	}
	posterior, prior := m.Layers(b, code)
	var z, shape [2]*G.Node
	for i, p := range parts {
		z[i] = part(code, p.CodeFrom, p.CodeShape())
		shape[i] = part(b.Constant(fmt.Sprint("zeros", i), make([]float64, n*p.Logits()), n, p.Logits()), 0, p.LogitsShape())
	}
	q1 = layer(0).LogQ(b, z[0], layer(0).Encode(b, x))
	q2 = layer(1).LogQ(b, z[1], part(posterior, 0, parts[1].LogitsShape()))
	p1 = layer(0).LogQ(b, z[0], part(prior, 0, parts[0].LogitsShape()))
	ofZ2 := shape[1]
	if m.Latent.Prior == builder.PriorLearned {
		logits := b.In("prior", func() *G.Node { return b.Parameter("logits", builder.Zeros, parts[1].LogitsShape()...) })
		ofZ2 = b.ExpandLike(logits, shape[1], 0)
	}
	p2 = layer(1).LogQ(b, z[1], ofZ2)
	return q1, q2, p1, p2, m.LogLikelihood(b, x, m.Decode(b, code))
}

func repeated(x []float64, n int) (all []float64) {
	for range n {
		all = append(all, x...)
	}
	return all
}

// The estimators of layers have a gradient for every parameter of both; the others are refused. TestModelGradients compares the
// relaxed one with finite differences.
func TestEstimatorsOfLayers(t *testing.T) {
	t.Parallel()
	for _, prior := range []string{builder.PriorLearned, builder.PriorConditional} {
		t.Run(prior, func(t *testing.T) { estimatorsOfLayers(t, models()["hierarchical/"+prior]) })
	}
}

func estimatorsOfLayers(t *testing.T, m builder.Model) {
	t.Helper()
	var of []string
	for _, name := range builder.Estimators() {
		m.Estimator = name
		if m.Check() != nil {
			continue
		}
		of = append(of, name)
		p := params64(t)
		randomise(t, p, m)
		b := builder.New(p)
		training, err := m.Train(b, 3)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		names, nodes := b.Parameters()
		grads, err := G.Grad(training.Loss, nodes...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		inputs, all := trainingInputs(m, 3), map[string]*tensor.Dense{}
		for i, in := range training.Inputs {
			if all[in.Name] = inputs[in.Name]; all[in.Name] == nil { // noise of another sample
				all[in.Name] = dense64(uniforms(uint64(90+i), in.Node.Shape().TotalSize()), in.Node.Shape()...)
			}
		}
		for i, g := range onTape(t, b, all, grads...) {
			size := 0.0
			for _, x := range g {
				size += math.Abs(x)
			}
			if !(size > 1e-9) || math.IsInf(size, 1) {
				t.Errorf("%s: the gradient by %s is %v", name, names[i], g)
			}
		}
	}
	if want := "deterministic gapped-straight-through gumbel reinmax rloo straight-through straight-through-gumbel vimco"; strings.Join(of, " ") != want {
		t.Errorf("the estimators of layers are %v", of)
	}
}

// The objective of hard samples has the negative ELBO for its mean, and its gradient by what comes after the samples, p(x|z1), p(z1|z2)
// and p(z2), has the exact gradient for its mean: z-tests against the sum over every code. That of the score function has it for every
// parameter.
func TestLayersAgainstEveryCode(t *testing.T) {
	t.Parallel()
	const batch, runs = 500, 60
	cases := twoLayers()
	for name, m := range twoLayers() {
		for _, estimator := range []string{builder.RLOOEstimator, builder.VIMCOEstimator} {
			m.Estimator, m.Samples = estimator, 2
			cases[name+", "+estimator] = m
		}
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unbiased := m.Samples > 0
			p := params64(t)
			randomise(t, p, m)
			row := uniforms(60, m.Width())
			exact, names := exactLayers(t, m, p, row)

			b := builder.New(p)
			training, err := m.Train(b, batch)
			if err != nil {
				t.Fatal(err)
			}
			trained, nodes := b.Parameters()
			of := make([]*G.Node, len(names)) // the parameters in the order of the exact ones
			for i, name := range names {
				of[i] = nodes[slices.Index(trained, name)]
			}
			machine := gradientMachine(t, b, training, of)
			defer machine.Close()
			sums, squares := make([][]float64, len(exact)), make([][]float64, len(exact))
			for i := range runs {
				inputs := map[string]*tensor.Dense{
					"sample": dense64(repeated(row, batch), m.InputShape(batch)...), "kl_weight": number64(1),
					"noise": dense64(uniforms(uint64(2000+i), batch*m.Latent.Dist().Logits()), m.LatentShape(batch)...),
				}
				if unbiased {
					inputs["noise/2"] = dense64(uniforms(uint64(3000+i), batch*m.Latent.Dist().Logits()), m.LatentShape(batch)...)
				}
				values, err := machine.Run(inputs)
				if err != nil {
					t.Fatal(err)
				}
				for j, v := range values {
					for k, x := range builder.Floats(v) {
						if i == 0 {
							sums[j], squares[j] = append(sums[j], 0), append(squares[j], 0)
						}
						sums[j][k] += x / runs
						squares[j][k] += x * x / runs
					}
				}
			}
			compared := 0
			for j, want := range exact {
				what := "loss part"
				if j >= 2 {
					what = names[j-2]
				}
				if !unbiased && (strings.HasPrefix(what, "encoder/") || strings.HasPrefix(what, "layers/posterior")) {
					continue // whose gradients pass through samples, and are biased
				}
				for k := range want {
					deviation := math.Sqrt((squares[j][k] - sums[j][k]*sums[j][k]) / (runs - 1))
					if math.Abs(sums[j][k]-want[k]) > 4.5*deviation+1e-12 {
						t.Errorf("%s %d: %g ± %g over %d samples, the sum over all codes is %g", what, k, sums[j][k], deviation, batch*runs, want[k])
					}
					compared++
				}
			}
			t.Logf("%d numbers agree; reconstruction %.4f, divergence %.4f", compared, exact[0][0], exact[1][0])
		})
	}
}

// exactLayers returns the parts of a row's negative ELBO from every code, -E ln p(x|z1) and the divergence, and its gradient by each
// parameter; of vimco the gradient is that of the bound on two samples. It checks that each distribution sums to 1 and that the bound lies below ln p(x).
func exactLayers(t *testing.T, m builder.Model, p *builder.Params, row []float64) (values [][]float64, names []string) {
	t.Helper()
	b := builder.New(p)
	q1, q2, p1, p2, likelihood := everyLayer(t, b, m, row)
	logQ, logP := b.Add(q1, q2), b.Add(p1, p2)
	q := b.Exp(logQ)
	reconstruction := b.Neg(b.Sum(b.Mul(q, likelihood)))
	kl := b.Sum(b.Mul(q, b.Sub(logQ, logP)))
	loss := b.Add(reconstruction, kl)
	if m.Estimator == builder.VIMCOEstimator { // -ΣΣ q(z) q(z') ln (w(z) + w(z'))/2
		w := b.Exp(b.Sub(b.Add(likelihood, logP), logQ))
		n := w.Shape()[0]
		square := b.Constant("square", make([]float64, n*n), n, n)
		pairs := b.Mul(b.Number(0.5), b.Add(b.ExpandLike(w, square, 0), b.ExpandLike(w, square, 1)))
		loss = b.Neg(b.Sum(b.Mul(b.Mul(b.ExpandLike(q, square, 0), b.ExpandLike(q, square, 1)), b.Log(pairs))))
	}
	evidence := b.Log(b.Sum(b.Exp(b.Add(logP, likelihood))))
	sumQ, sumP := b.Sum(q), b.Sum(b.Exp(logP))
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	names, nodes := b.Parameters()
	grads, err := G.Grad(loss, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	out := onTape(t, b, nil, append([]*G.Node{reconstruction, kl, sumQ, sumP, evidence}, grads...)...)
	if math.Abs(out[2][0]-1) > 1e-12 || math.Abs(out[3][0]-1) > 1e-12 {
		t.Errorf("q(z|x) sums to %.15g, p(z) to %.15g", out[2][0], out[3][0])
	}
	if bound := -out[0][0] - out[1][0]; !(out[1][0] > 0 && bound < out[4][0]) {
		t.Errorf("the divergence is %g, the ELBO %g, ln p(x) %g", out[1][0], bound, out[4][0])
	}
	return append([][]float64{out[0], out[1]}, out[5:]...), names
}

// The second layer's logits in an encoder's result are those of the hard first layer.
func TestEncoderGivesTheLayersOfItsCode(t *testing.T) {
	t.Parallel()
	for name, m := range twoLayers() {
		p := params64(t)
		randomise(t, p, m)
		const rows = 9
		parts := m.Latent.Dist().Parts()
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			return []*G.Node{m.Encode(b, b.Constant("rows", normals(3, rows*m.Width(), 2), m.InputShape(rows)...))}
		})
		out = append(out, eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			posterior, prior := m.Layers(b, m.Harden(b, b.Constant("logits", out[0], m.LatentShape(rows)...), nil))
			return []*G.Node{posterior, prior}
		})...)
		width, second := m.Latent.Dist().Logits(), parts[1].Logits()
		for i := range rows {
			for j := range second {
				if got, want := out[0][i*width+width-second+j], out[1][i*second+j]; math.Abs(got-want) > 1e-12 {
					t.Errorf("%s: row %d: logit %d of q(z2|z1) is %g, that of the code %g", name, i, j, got, want)
				}
			}
		}
		if len(out[2]) != rows*parts[0].Logits() {
			t.Errorf("%s: %d logits of p(z1|z2)", name, len(out[2]))
		}
	}
}

// Layers are of hierarchical variables alone, and so are networks between them; two layers of them have the estimators that draw.
func TestSenselessLayers(t *testing.T) {
	b := builder.New(params64(t))
	if models()["mixed/uniform"].Layers(b, b.Input("code", 2, 9)); b.Err() == nil || !strings.Contains(b.Err().Error(), "mixed variables have no layers") {
		t.Errorf("layers of mixed variables: %v", b.Err())
	}
	m := models()["hierarchical/uniform"]
	m.Latent.Hidden = []int{0}
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "latent.hidden holds 0") {
		t.Errorf("no hidden width: %v", err)
	}
	m.Latent.Hidden = []int{1 << 20, 1 << 20}
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "latent.hidden[1]") || !strings.Contains(err.Error(), "weights") {
		t.Errorf("too many weights: %v", err)
	}
	m = models()["hierarchical/uniform"]
	m.Terms.FreeBits = 0.1
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "objective.free_bits is 0.1") || !strings.Contains(err.Error(), "leave it out") {
		t.Errorf("free bits: %v", err)
	}
	if l := m.Latent.As(dist.Mixed); l.Hidden != nil || len(l.Groups) != 2 {
		t.Errorf("as mixed variables they are %+v", l)
	}
	plain := models()["mixed/uniform"]
	plain.Latent.Hidden = []int{3}
	if err := plain.Validate(); err == nil || !strings.Contains(err.Error(), "leave latent.hidden out") {
		t.Errorf("a network between no layers: %v", err)
	}
	encoder, decoder, err := models()["hierarchical/uniform"].Plan()
	if err != nil || len(encoder) <= 2 || len(decoder) <= 2 {
		t.Errorf("%v, %v, %v", encoder, decoder, err)
	}
	weights := 0
	for _, l := range append(encoder, decoder...) {
		weights += l.Weights
	}
	p := params64(t)
	randomise(t, p, models()["hierarchical/uniform"])
	if weights != p.Count() {
		t.Errorf("the plan has %d weights, the model %d", weights, p.Count())
	}
}
