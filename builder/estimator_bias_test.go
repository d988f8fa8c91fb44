package builder_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// scored returns the exact gradient of the negative ELBO by the logits of the row, from all its codes:
//
//	Σ q(z) ∂ln q(z)/∂l (ln q(z) - ln p(x|z) - ln p(z))
func (e enumerated) scored(m builder.Model) []float64 {
	codes, states := everyCode(m)
	width := len(codes) / len(states)
	gradient := make([]float64, width)
	mean := make([]float64, width) // of the code: what ∂ln q/∂l subtracts
	for z := range states {
		for i := range mean {
			mean[i] += math.Exp(e.posterior[z]) * codes[z*width+i]
		}
	}
	for z := range states {
		weight := math.Exp(e.posterior[z]) * (e.posterior[z] - e.likelihood[z] - e.prior[z])
		for i := range gradient {
			gradient[i] += weight * (codes[z*width+i] - mean[i])
		}
	}
	return gradient
}

// drawn returns the mean of an estimator's gradient by the logits of a row over many draws, and the standard error of each number. The
// encoder is linear, so that the gradient by its bias is the one by the logits, summed over the rows of a batch.
func drawn(t *testing.T, m builder.Model, p *builder.Params, row []float64, temperature float64, draws int) (mean, deviation []float64) {
	t.Helper()
	const batch = 500
	b := builder.New(p)
	training, err := m.Train(b, batch)
	if err != nil {
		t.Fatal(err)
	}
	names, nodes := b.Parameters()
	var bias *G.Node
	for i, name := range names {
		if name == "encoder/logits/bias" {
			bias = nodes[i]
		}
	}
	if bias == nil {
		t.Fatalf("no bias among the parameters %v", names)
	}
	grads, err := G.Grad(training.Loss, bias)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := builder.NewMachine(b, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	rows := make([]float64, 0, batch*len(row))
	for range batch {
		rows = append(rows, row...)
	}
	var squares []float64
	n := float64(draws / batch)
	for i := range draws / batch {
		inputs := map[string]*tensor.Dense{}
		for j, in := range training.Inputs {
			switch {
			case in.Purpose == builder.RowsPurpose:
				inputs[in.Name] = dense64(rows, m.InputShape(batch)...)
			case in.Purpose == builder.NoisePurpose:
				inputs[in.Name] = dense64(uniforms(uint64(1000+i+100_000*j), in.Node.Shape().TotalSize()), in.Node.Shape()...)
			case in.Name == builder.TemperatureInput:
				inputs[in.Name] = number64(temperature)
			default:
				inputs[in.Name] = number64(1)
			}
		}
		values, err := machine.Run(inputs)
		if err != nil {
			t.Fatal(err)
		}
		g := builder.Floats(values[0])
		if mean == nil {
			mean, squares = make([]float64, len(g)), make([]float64, len(g))
		}
		for j, x := range g {
			mean[j] += x / n
			squares[j] += x * x / n
		}
	}
	for j := range mean {
		deviation = append(deviation, math.Sqrt(max(0, squares[j]-mean[j]*mean[j])/(n-1)))
	}
	return mean, deviation
}

// tiny are models of few codes with a linear encoder, by the shape of ln p(x|z): quadratic in the code, and of no simple form.
func tiny(kind, shape string) builder.Model {
	m := builder.Model{Input: []int{6}, Latent: builder.Latent{Kind: kind, Variables: 4, Prior: builder.PriorUniform}, Encoder: builder.MLP{}, Decoder: builder.MLP{}, Activation: builder.Tanh}
	if kind == dist.Categorical {
		m.Latent.Variables, m.Latent.Categories = 3, 3
	}
	if shape == "quadratic" {
		m.Likelihood = dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VarianceFixed, Deviation: 1}
	} else {
		m.Decoder = builder.MLP{Hidden: []int{5}}
	}
	return m
}

// Each estimator's gradient against the exact one, which the sum over all codes gives. RLOO and DisARM agree, and ReinMax at temperature 1 where
// ln p(x|z) is quadratic; the others are biased, and a relaxation less so for a lower temperature.
func TestEstimatorsAgainstExactGradients(t *testing.T) {
	const draws = 25_000
	for _, kind := range []string{dist.Bernoulli, dist.Categorical} {
		for _, shape := range []string{"quadratic", "curved"} {
			m := tiny(kind, shape)
			p := params64(t)
			randomise(t, p, m)
			row := uniforms(60, m.Width())
			exact := enumerate(t, m, p, row).scored(m)
			// gap is the distance to the exact gradient, as a part of it; noise is what chance makes of it.
			gap := func(estimator string, temperature float64) (gap, noise float64) {
				m := m
				m.Estimator = estimator
				mean, deviation := drawn(t, m, p, row, temperature, draws)
				var distance, chance, norm float64
				for i, x := range exact {
					distance += (mean[i] - x) * (mean[i] - x)
					chance += deviation[i] * deviation[i]
					norm += x * x
				}
				gap, noise = math.Sqrt(distance/norm), math.Sqrt(chance/norm)
				t.Logf("%s, %s: %-23s temperature %3.1f: bias %5.1f %% ± %.1f of the gradient", kind, shape, estimator, temperature, 100*gap, 100*noise)
				return gap, noise
			}
			for _, estimator := range []string{builder.RLOOEstimator, builder.DisARMEstimator} {
				if bias, noise := gap(estimator, 1); bias > 4*noise || noise > 0.1 {
					t.Errorf("%s, %s: %s has a bias of %.4f ± %.4f, want none", kind, shape, estimator, bias, noise)
				}
			}
			gap(builder.DeterministicEstimator, 1)
			gap(builder.GappedEstimator, 1)
			gap(builder.GappedEstimator, 0.2)
			for _, estimator := range []string{builder.GumbelEstimator, builder.StraightThroughGumbelEstimator, builder.ConcreteEstimator} {
				hot, _ := gap(estimator, 1)
				cold, noise := gap(estimator, 0.2)
				if cold > hot+3*noise {
					t.Errorf("%s, %s: the bias of %s rises from %.3f to %.3f as the temperature falls", kind, shape, estimator, hot, cold)
				}
			}
			first, _ := gap(builder.StraightThroughEstimator, 1)
			second, noise := gap(builder.ReinMaxEstimator, 1)
			if second > first {
				t.Errorf("%s, %s: ReinMax has a bias of %.3f, straight-through of %.3f", kind, shape, second, first)
			}
			if shape == "quadratic" && second > 4*noise {
				t.Errorf("%s: ReinMax has a bias of %.4f ± %.4f of a quadratic function, want none", kind, second, noise)
			}
			if shape == "quadratic" && first < 4*noise {
				t.Errorf("%s: straight-through has no bias of a quadratic function: this test cannot see one", kind)
			}
		}
	}
}

// scoredPairs returns the exact gradient of minus the bound on two samples by the logits of the row, from all pairs of codes:
//
//	Σ q(z) q(z') (L (∂ln q(z) + ∂ln q(z')) - w/(w+w') ∂ln q(z) - w'/(w+w') ∂ln q(z')),   L = ln (w+w')/2
func (e enumerated) scoredPairs(m builder.Model) []float64 {
	codes, states := everyCode(m)
	width := len(codes) / len(states)
	gradient, mean := make([]float64, width), make([]float64, width)
	for z := range states {
		for i := range mean {
			mean[i] += math.Exp(e.posterior[z]) * codes[z*width+i]
		}
	}
	weight := func(z int) float64 { return math.Exp(e.likelihood[z] + e.prior[z] - e.posterior[z]) }
	for a := range states {
		for b := range states {
			wa, wb := weight(a), weight(b)
			bound := math.Log((wa + wb) / 2)
			for i := range gradient {
				sa, sb := codes[a*width+i]-mean[i], codes[b*width+i]-mean[i]
				gradient[i] -= math.Exp(e.posterior[a]+e.posterior[b]) * (bound*(sa+sb) - wa/(wa+wb)*sa - wb/(wa+wb)*sb)
			}
		}
	}
	return gradient
}

// VIMCO's gradient is that of the bound on its samples.
func TestVIMCOAgainstTheExactGradient(t *testing.T) {
	for _, kind := range []string{dist.Bernoulli, dist.Categorical} {
		for _, prior := range []string{builder.PriorUniform, builder.PriorLearned} {
			m := tiny(kind, "curved")
			m.Estimator, m.Samples, m.Latent.Prior = builder.VIMCOEstimator, 2, prior
			p := params64(t)
			randomise(t, p, m)
			row := uniforms(60, m.Width())
			exact := enumerate(t, m, p, row).scoredPairs(m)
			mean, deviation := drawn(t, m, p, row, 1, 50_000)
			for i, x := range exact {
				if math.Abs(mean[i]-x) > 4.5*deviation[i] || deviation[i] > 0.1 {
					t.Errorf("%s, %s prior: the gradient by logit %d is %.4f ± %.4f, exact %.4f", kind, prior, i, mean[i], deviation[i], x)
				}
			}
		}
	}
}

// Relaxed densities are densities: E[p(y)/q(y)] over y of q is 1 (z-test). The gradient of their bound is that of its loss.
func TestConcreteDensities(t *testing.T) {
	const rows = 100_000
	for name, m := range models() {
		if !m.Latent.Dist().Discrete() || m.Latent.Dist().Layered() {
			continue
		}
		shape := m.LatentShape(rows)
		one := normals(3, m.Latent.Dist().Logits(), 0.35)
		p := params64(t)
		out := eval(t, p, map[string]*tensor.Dense{"tau": number64(0.7)}, func(b *builder.Graph) []*G.Node {
			logits := b.Constant("logits", slices.Repeat(one, rows), shape...)
			prior := b.Constant("prior", normals(4, len(one), 0.25), shape[1:]...)
			u := b.Constant("u", uniforms(5, rows*len(one)), shape...)
			_, logQ, logP := m.Density(b, logits, prior, u, b.Input("tau"))
			return []*G.Node{b.Exp(b.Sub(logP, logQ))}
		})
		mean, squares := 0.0, 0.0
		for _, w := range out[0] {
			mean, squares = mean+w/rows, squares+w*w/rows
		}
		if deviation := math.Sqrt((squares - mean*mean) / rows); math.Abs(mean-1) > 4*deviation || deviation > 0.05 {
			t.Errorf("%s: the mean of p(y)/q(y) is %.4f ± %.4f, want 1", name, mean, deviation)
		}
		for _, k := range []int{1, 3} {
			m.Estimator, m.Samples = builder.ConcreteEstimator, k
			p := params64(t)
			inputs := trainingInputs(m, 3)
			for i := 2; i <= k; i++ {
				inputs[fmt.Sprintf("noise/%d", i)] = dense64(uniforms(uint64(70+i), 3*len(one)), m.LatentShape(3)...)
			}
			err := gradcheck.Check(p, inputs, func(b *builder.Graph) *G.Node {
				training, err := m.Train(b, 3)
				if err != nil {
					t.Fatal(err)
				}
				return training.Loss
			}, gradcheck.Options{})
			if err != nil {
				t.Errorf("%s, %d samples: %v", name, k, err)
			}
		}
	}
}

// What an estimator cannot do is refused by its key.
func TestEstimatorsRefuse(t *testing.T) {
	for want, change := range map[string]func(m *builder.Model){
		"objective.samples is 3: the estimator gumbel has no choice: leave it out, or use concrete, rloo, vimco": func(m *builder.Model) { m.Samples = 3 },
		"objective.samples is 1: rloo takes 2 to 64":                                                             func(m *builder.Model) { m.Estimator, m.Samples = builder.RLOOEstimator, 1 },
		"objective.samples is 65: vimco takes 2 to 64":                                                           func(m *builder.Model) { m.Estimator, m.Samples = builder.VIMCOEstimator, 65 },
		`objective.estimator is "reinforce"`:                                                                     func(m *builder.Model) { m.Estimator = "reinforce" },
		"for gaussian variables": func(m *builder.Model) {
			m.Latent = builder.Latent{Kind: dist.Gaussian, Variables: 3, Prior: builder.PriorNormal}
			m.Estimator = builder.DisARMEstimator
		},
	} {
		m := tiny(dist.Bernoulli, "curved")
		change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}

// The loss of estimators with hard samples is the bound itself: with samples that the relaxation's noise gives, bit for bit.
func TestHardEstimatorsDecodeHardCodes(t *testing.T) {
	for name, m := range models() {
		if !m.Latent.Dist().Discrete() || m.Latent.Dist().Layered() { // of layers see TestLayersAgainstEveryCode
			continue
		}
		p := params64(t)
		inputs := trainingInputs(m, 3)
		b := builder.New(p)
		logits := m.Encode(b, b.Input("sample", m.InputShape(3)...))
		u := b.Input("noise", m.LatentShape(3)...)
		code := m.Sample(b, logits, u)
		target := m.Width() / m.Input[0] * len(targetLines(m))
		want := b.LogLikelihoodBernoulli(b.Input("flat", 3, target), b.Reshape(m.Decode(b, code), 3, target))
		relaxed := m.Harden(b, m.Relax(b, logits, u, b.Input("temperature")), halves(m))
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		given := map[string]*tensor.Dense{"sample": inputs["sample"], "noise": inputs["noise"], "temperature": inputs["temperature"], "flat": dense64(targetsOf(m, uniforms(5, 3*m.Width())), 3, target)}
		out := onTape(t, b, given, want, code, relaxed)
		if fmt.Sprint(out[1]) != fmt.Sprint(out[2]) {
			t.Errorf("%s: the sample is %v, the relaxed one's hard code %v", name, out[1], out[2])
		}
		loss := 0.0
		for _, x := range out[0] {
			loss -= x / 3
		}
		for _, estimator := range []string{builder.StraightThroughEstimator, builder.StraightThroughGumbelEstimator, builder.GappedEstimator, builder.ReinMaxEstimator} {
			m.Estimator = estimator
			b := builder.New(p)
			training, err := m.Train(b, 3)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string]*tensor.Dense{}
			for _, i := range training.Inputs {
				in[i.Name] = inputs[i.Name]
			}
			if got := onTape(t, b, in, training.Reconstruction)[0][0]; math.Abs(got-loss) > 1e-12 {
				t.Errorf("%s, %s: the reconstruction is %.15g, of the hard codes %.15g", name, estimator, got, loss)
			}
		}
	}
}

// targetLines are the numbers of the lines that a model's decoder gives: all, or the last.
func targetLines(m builder.Model) (lines []int) {
	for i := range m.Input[0] {
		if m.Cut.Lines == 0 || i >= m.Input[0]-m.Cut.Lines {
			lines = append(lines, i)
		}
	}
	return lines
}

// targetsOf are the values that a model's decoder is to give of rows.
func targetsOf(m builder.Model, rows []float64) (out []float64) {
	size := m.Width() / m.Input[0]
	for ; len(rows) > 0; rows = rows[m.Width():] {
		for _, line := range targetLines(m) {
			out = append(out, rows[line*size:][:size]...)
		}
	}
	return out
}

// halves are thresholds of relaxed Bernoulli samples: the middle of 0 and 1.
func halves(m builder.Model) []float32 {
	n := m.Latent.Variables
	switch m.Latent.Kind {
	case dist.Categorical:
		n = 0
	case dist.Mixed:
		n = 3 // of mixedGroups
	}
	return slices.Repeat([]float32{0.5}, n)
}
