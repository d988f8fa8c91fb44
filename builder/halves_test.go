package builder_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// Every latent family has its two halves, in package dist and here, and they say the same of random numbers: divergence,
// ln q, hard code.
func TestFamiliesAgreeWithDist(t *testing.T) {
	sizes := map[string]builder.Latent{
		dist.Bernoulli:    {Variables: 5},
		dist.Categorical:  {Variables: 3, Categories: 4},
		dist.Gaussian:     {Variables: 4},
		dist.Hierarchical: {Groups: layerGroups},
		dist.Mixed:        {Groups: mixedGroups},
	}
	if here := builder.FamilyKinds(); !slices.Equal(here, dist.FamilyNames()) {
		t.Fatalf("package builder has the families %v, package dist has %v: each needs both halves", here, dist.FamilyNames())
	}
	const rows = 6
	for _, kind := range dist.FamilyNames() {
		size, ok := sizes[kind]
		if !ok {
			t.Errorf("the family %q has no case: add its sizes", kind)
			continue
		}
		size.Kind = kind
		for _, prior := range size.Dist().Priors() {
			t.Run(kind+", "+prior, func(t *testing.T) {
				m := builder.Model{Latent: size}
				m.Latent.Prior = prior
				l := m.Latent.Dist()
				logits := normals(21, rows*l.Logits(), 2)
				var priorLogits []float64
				if prior == builder.PriorLearned {
					priorLogits = normals(22, l.PriorSize(), 1)
					l.Prior = narrow(priorLogits)
					priorLogits = wide(l.Prior)
				}
				logits = wide(narrow(logits)) // numbers that both types have
				codes := make([]float32, rows*l.Bits())
				for row := range rows {
					u := narrow(uniforms(uint64(30+row), l.Logits()))
					l.Draw(codes[row*l.Bits():][:l.Bits()], narrow(logits[row*l.Logits():][:l.Logits()]), u)
				}
				out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
					x := b.Constant("logits", logits, m.LatentShape(rows)...)
					z := b.Constant("codes", wide(codes), m.CodeShape(rows)...)
					var p *G.Node
					if l.Layered() { // whose divergence is part of the objective: see TestLayersAgainstEveryCode
						return []*G.Node{m.LogQ(b, z, x), m.Harden(b, x, nil)}
					}
					if priorLogits != nil {
						p = b.Constant("prior", priorLogits, m.LatentShape(1)[1:]...)
					}
					return []*G.Node{m.LogQ(b, z, x), m.Harden(b, x, nil), m.KL(b, x, p)}
				})
				for row := range rows {
					at := narrow(logits[row*l.Logits():][:l.Logits()])
					code := codes[row*l.Bits():][:l.Bits()]
					q := l.Posterior(at)
					_, logQ := q.Logs(code)
					if !l.Layered() {
						close(t, fmt.Sprintf("KL of row %d", row), out[2][row], q.KL(nil))
					}
					close(t, fmt.Sprintf("ln q of row %d", row), out[0][row], logQ)
					hard := make([]float32, l.Bits())
					l.Harden(hard, at)
					if got := narrow(out[1][row*l.Bits():][:l.Bits()]); !slices.Equal(got, hard) {
						t.Errorf("row %d: the hard code is %v, dist has %v", row, got, hard)
					}
				}
			})
		}
	}
}

// likelihoodCases are configurations of every kind of likelihood, with what a row may hold.
var likelihoodCases = map[string]dist.LikelihoodConfig{
	"bernoulli":           {},
	"gaussian, shared":    {Kind: dist.Gaussian},
	"gaussian, fixed":     {Kind: dist.Gaussian, Variance: dist.VarianceFixed, Deviation: 0.3},
	"gaussian, predicted": {Kind: dist.Gaussian, Variance: dist.VariancePredicted},
	"laplace, shared":     {Kind: dist.Laplace},
	"laplace, fixed":      {Kind: dist.Laplace, Variance: dist.VarianceFixed, Deviation: 0.3},
	"laplace, predicted":  {Kind: dist.Laplace, Variance: dist.VariancePredicted},
	"logistic, shared":    {Kind: dist.Logistic},
	"logistic, fixed":     {Kind: dist.Logistic, Variance: dist.VarianceFixed, Deviation: 0.1, Levels: 4},
	"logistic, predicted": {Kind: dist.Logistic, Variance: dist.VariancePredicted},
	"categorical":         {Kind: dist.Categorical, Levels: 5},
	"categorical, bytes":  {Kind: dist.Categorical},
	"multinomial":         {Kind: dist.Multinomial},
	"poisson":             {Kind: dist.Poisson},
	"vmf":                 {Kind: dist.VonMisesFisher},
	"vmf, concentrated":   {Kind: dist.VonMisesFisher, Concentration: 50},
}

// likelihoodRows returns values that rows of a likelihood may hold: whole numbers where only those make sense.
func likelihoodRows(l dist.Likelihood, u []float64) []float64 {
	v := l.Values()
	least, most := max(v.Least, -3), min(v.Most, 3)
	x := make([]float64, len(u))
	for i := range x {
		x[i] = least + u[i]*(most-least)
		switch {
		case v.Counts():
			x[i] = math.Trunc(12 * u[i] * u[i])
		case v.Whole:
			x[i] = math.Round(u[i]*v.Numbers) / v.Numbers
			if i%3 == 0 { // an end
				x[i] = math.Round(u[i])
			}
		}
		x[i] = float64(float32(x[i]))
	}
	return x
}

// Every likelihood has its two halves, and they say the same of random numbers: ln p and the mean.
func TestLikelihoodsAgreeWithDist(t *testing.T) {
	if here := builder.LikelihoodKinds(); !slices.Equal(here, dist.LikelihoodNames()) {
		t.Fatalf("package builder has the likelihoods %v, package dist has %v: each needs both halves", here, dist.LikelihoodNames())
	}
	for _, name := range dist.LikelihoodNames() {
		if !slices.ContainsFunc(slices.Collect(maps.Values(likelihoodCases)), func(c dist.LikelihoodConfig) bool { return c.Name() == name }) {
			t.Errorf("the likelihood %q has no case: add one", name)
		}
	}
	const rows, width = 4, 7
	for name, c := range likelihoodCases {
		t.Run(name, func(t *testing.T) {
			l, err := dist.LikelihoodOf(c)
			if err != nil {
				t.Fatal(err)
			}
			m := builder.Model{Input: []int{width}, Likelihood: c}
			x := likelihoodRows(l, uniforms(41, rows*width))
			outputs := wide(narrow(normals(42, rows*width*l.Outputs(), 2)))
			out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
				o := b.Constant("outputs", outputs, m.OutputShape(rows)...)
				return []*G.Node{m.LogLikelihood(b, b.Constant("x", x, m.InputShape(rows)...), o), m.Reconstruction(b, o)}
			})
			for row := range rows {
				of := narrow(outputs[row*width*l.Outputs():][:width*l.Outputs()])
				close(t, fmt.Sprintf("ln p of row %d", row), out[0][row], l.LogP(narrow(x[row*width:][:width]), of))
				mean := make([]float32, width)
				l.Mean(mean, of)
				for i := range mean {
					if got := out[1][row*width+i]; math.Abs(got-float64(mean[i])) > 1e-6*max(1, math.Abs(got)) {
						t.Errorf("row %d: mean %d is %g, dist has %g", row, i, got, mean[i])
					}
				}
			}
		})
	}
}

func close(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, dist has %.15g", what, got, want)
	}
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
