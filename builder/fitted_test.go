package builder_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fittedModel is a model of fitted networks for rows of 6 values.
func fittedModel(encoder builder.Network, bits int) builder.Model {
	return builder.Model{
		Input: []int{6}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: bits, Prior: builder.PriorUniform},
		Encoder: encoder, Decoder: builder.LeastSquares{}, Activation: builder.ReLU, Likelihood: dist.LikelihoodConfig{Kind: dist.Gaussian},
	}
}

// fittedRows are rows with means and deviations of their own.
func fittedRows(n int) builder.Rows {
	r := builder.Rows{Count: n, Width: 6}
	x := make([]float64, 6)
	for i := range n {
		noise.Stream{Seed: 5}.Normal(x, 0, uint32(i))
		for j := range x {
			r.Values = append(r.Values, float32(0.5*x[j]+0.3*float64(j)*x[0]+float64(j)))
		}
	}
	return r
}

// The graphs of a fitted model give the codes of the map that was fitted, and reconstructions with the least squared error, whatever
// enters the decoder: 0 and 1, or signs. The gain changes logits alone.
func TestFit(t *testing.T) {
	t.Parallel()
	rows := fittedRows(200)
	standard := dist.Standard{Mean: []float64{1, 2, 3, 4, 5, 6}, Deviation: []float64{1, 2, 1, 2, 1, 2}}
	for _, c := range []struct {
		network  builder.Network
		fit      projection.Fit
		bits     int
		standard dist.Standard
	}{
		{builder.Hyperplanes{}, (*projection.Data).Hyperplanes, 5, dist.Standard{}},
		{builder.PCA{Gain: 2}, (*projection.Data).PCA, 4, dist.Standard{}},
		{builder.ITQ{}, (*projection.Data).ITQ, 4, standard},
		{builder.ITQ{Gain: 3}, (*projection.Data).ITQ, 9, dist.Standard{}},
		{builder.ITQ{Hidden: []int{5, 3}}, (*projection.Data).ITQ, 4, standard},
	} {
		for _, signs := range []bool{false, true} {
			m := fittedModel(c.network, c.bits)
			m.Standard, m.Latent.Signs = c.standard, signs
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			params, err := builder.NewParams(tensor.Float64, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Fit(t.Context(), params, rows, 7); err != nil {
				t.Fatal(err)
			}
			values := make([]float64, len(rows.Values))
			for i, v := range rows.Values {
				values[i] = float64(v)
			}
			x := tensor.New(tensor.WithShape(rows.Count, 6), tensor.WithBacking(values))
			got := eval(t, params, map[string]*tensor.Dense{"x": x}, func(b *builder.Graph) []*G.Node {
				logits := m.Encode(b, b.Input("x", rows.Count, 6))
				code, _ := m.HardCode(b, logits, nil)
				return []*G.Node{logits, code, m.Decode(b, code)}
			})

			seen := projection.Rows{Count: rows.Count, Width: 6, Values: append([]float32{}, rows.Values...)}
			for i := range seen.Count {
				c.standard.Apply(seen.Row(i), seen.Row(i))
			}
			d, err := projection.NewData(seen, projection.Seeded(7))
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.fit(d, t.Context(), c.bits)
			if err != nil {
				t.Fatal(err)
			}
			square := 0.0
			for i := range seen.Count {
				for j, y := range want.Apply(nil, seen.Row(i)) {
					square += got[0][i*c.bits+j] * got[0][i*c.bits+j] / float64(seen.Count*c.bits)
					if math.Abs(y) > 1e-4 && (y > 0) != (got[1][i*c.bits+j] == 1) {
						t.Fatalf("%s: bit %d of row %d is %g, the map gives %g", c.network.Kind(), j, i, got[1][i*c.bits+j], y)
					}
				}
			}
			gain := 8.0
			switch n := c.network.(type) {
			case builder.PCA:
				gain = n.Gain
			case builder.ITQ:
				if n.Gain > 0 {
					gain = n.Gain
				}
			}
			if math.Abs(math.Sqrt(square)-gain) > 1e-3 {
				t.Errorf("%s: the root mean square of the logits is %g, want %g", c.network.Kind(), math.Sqrt(square), gain)
			}
			checkLeastSquares(t, c.network.Kind(), seen, got[1], got[2])
		}
	}
}

// checkLeastSquares checks what marks the solution of least squares: what it leaves is 0 on average, in the rows with each bit too. The
// shared logarithm of the variance is that of what is left.
func checkLeastSquares(t *testing.T, kind string, rows projection.Rows, code, outputs []float64) {
	t.Helper()
	bits, left := len(code)/rows.Count, 0.0
	for j := range rows.Width {
		for bit := -1; bit < bits; bit++ {
			sum := 0.0
			for i := range rows.Count {
				if d := float64(rows.Row(i)[j]) - outputs[2*(i*rows.Width+j)]; bit < 0 {
					sum += d
					left += d * d / float64(len(rows.Values))
				} else {
					sum += d * code[i*bits+bit]
				}
			}
			if math.Abs(sum) > 2e-3 {
				t.Errorf("%s: what the decoder leaves of value %d, over rows with bit %d, is %g in all", kind, j, bit, sum)
			}
		}
	}
	if got := outputs[1]; math.Abs(got-math.Log(left)) > 1e-4 {
		t.Errorf("%s: the logarithm of the variance is %g, want %g", kind, got, math.Log(left))
	}
}

// What does not go together is an error that names the key and the way out.
func TestFitRefusals(t *testing.T) {
	t.Parallel()
	model := func(change func(m *builder.Model)) builder.Model {
		m := fittedModel(builder.ITQ{}, 4)
		change(&m)
		return m
	}
	for want, m := range map[string]builder.Model{
		"set latent.variables to 6 or less":      fittedModel(builder.PCA{}, 7),
		"set latent.kind=bernoulli":              model(func(m *builder.Model) { m.Latent.Kind, m.Latent.Categories = dist.Categorical, 4 }),
		"encoder.kind mlp is trained":            model(func(m *builder.Model) { m.Encoder = builder.MLP{} }),
		"decoder.kind is itq":                    model(func(m *builder.Model) { m.Decoder = builder.ITQ{} }),
		"encoder.kind is least_squares":          model(func(m *builder.Model) { m.Encoder = builder.LeastSquares{} }),
		"encoder.gain is -1":                     model(func(m *builder.Model) { m.Encoder = builder.ITQ{Gain: -1} }),
		"set likelihood.kind to one of gaussian": model(func(m *builder.Model) { m.Likelihood = dist.LikelihoodConfig{} }),
		"that is not predicted":                  model(func(m *builder.Model) { m.Likelihood.Variance = dist.VariancePredicted }),
	} {
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := fittedModel(builder.ITQ{}, 4)
	one := fittedRows(1)
	if err := m.Fit(t.Context(), params, one, 1); err == nil || !strings.Contains(err.Error(), "encoder.kind is itq") {
		t.Errorf("one row is fitted to: %v", err)
	}
	if err := m.Fit(t.Context(), params, builder.Rows{Count: 2, Width: 3, Values: make([]float32, 6)}, 1); err == nil {
		t.Error("rows of another width are fitted to")
	}
}

// A query of its own begins as the logits, and is trained by the similarity: every weight of it has a gradient, which differences confirm.
func TestFittedQuery(t *testing.T) {
	t.Parallel()
	m := fittedModel(builder.ITQ{Gain: 1, Hidden: []int{4}, Query: true}, 5)
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "encoder.query") {
		t.Errorf("a query that nothing trains: %v", err)
	}
	m.Terms.Similarity = builder.Similarity{Weight: 0.5, Temperature: 0.3, Query: 2}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	params, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := fittedRows(60)
	if err := m.Fit(t.Context(), params, rows, 7); err != nil {
		t.Fatal(err)
	}
	const n = 8
	values := make([]float64, n*6)
	for i := range values {
		values[i] = float64(rows.Values[i])
	}
	x := map[string]*tensor.Dense{"sample": dense64(values, n, 6)}
	both := eval(t, params, x, func(b *builder.Graph) []*G.Node {
		logits, query := m.EncodeQuery(b, b.Input("sample", n, 6))
		return []*G.Node{logits, query}
	})
	if !slices.Equal(both[0], both[1]) {
		t.Errorf("the query begins as %v, the logits as %v", both[1], both[0])
	}

	b := builder.New(params)
	training, err := m.Train(b, n)
	if err != nil {
		t.Fatal(err)
	}
	names, nodes := b.Parameters()
	grads, err := G.Grad(training.Loss, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	in := trainingInputs(m, n)
	in["sample"] = x["sample"]
	got := onTape(t, b, wanted(training, in), grads...)
	place := slices.Index(names, "encoder/query/logits/bias")
	loss := func(moved float64) float64 {
		bias := slices.Clone(params.Value(names[place]).Data().([]float64))
		bias[2] += moved
		p, err := builder.NewParams(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			value := params.Value(name)
			data := value.Data().([]float64)
			if name == names[place] {
				data = bias
			}
			if err := p.Set(name, value.Shape(), data); err != nil {
				t.Fatal(err)
			}
		}
		b := builder.New(p)
		training, err := m.Train(b, n)
		if err != nil {
			t.Fatal(err)
		}
		return onTape(t, b, wanted(training, in), training.Loss)[0][0]
	}
	const h = 1e-5
	if want := (loss(h) - loss(-h)) / (2 * h); math.Abs(got[place][2]-want) > 1e-6 || want == 0 {
		t.Errorf("the gradient of the query's bias is %.9g, by differences %.9g", got[place][2], want)
	}
}
