package builder_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A small model's codes can be enumerated, so that its bounds have exact values to agree with.

// enumerated is one row under a model: for every code z, ln p(x|z), ln p(z) and ln q(z|x).
type enumerated struct {
	likelihood, prior, posterior []float64
	kl                           float64 // as the graph has it
	logits                       []float64
}

// enumerate runs a row through the model's encoder, divergence and decoder, the decoder with all codes as one batch.
func enumerate(t *testing.T, m builder.Model, p *builder.Params, row []float64) enumerated {
	t.Helper()
	codes, states := everyCode(m)
	n := len(states)
	tiled := make([]float64, 0, n*len(row))
	for range n {
		tiled = append(tiled, row...)
	}
	out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
		logits := m.Encode(b, b.Constant("row", row, m.InputShape(1)...))
		prior := m.PriorLogits(b)
		kl := m.KL(b, logits, prior)
		decoded := m.Decode(b, b.Constant("codes", codes, m.LatentShape(n)...))
		nodes := []*G.Node{logits, kl, m.LogLikelihood(b, b.Constant("rows", tiled, m.InputShape(n)...), decoded)}
		if prior != nil {
			nodes = append(nodes, prior)
		}
		return nodes
	})
	e := enumerated{likelihood: out[2], kl: out[1][0], logits: out[0]}
	priorLogits := make([]float64, m.Bits())
	if len(out) > 3 {
		priorLogits = out[3]
	}
	for _, s := range states {
		e.prior = append(e.prior, logProbability(m, priorLogits, s))
		e.posterior = append(e.posterior, logProbability(m, e.logits, s))
	}
	return e
}

// categories returns how many values each variable has.
func categories(m builder.Model) int { return max(m.Latent.Categories, 2) }

// everyCode returns every hard code, one after the other, and the values of its variables; code i is state i counted in
// base K with variable 0 as the lowest digit.
func everyCode(m builder.Model) (codes []float64, states [][]int) {
	k, n := categories(m), m.Latent.Variables
	for i := range int(math.Pow(float64(k), float64(n))) {
		state := make([]int, n)
		for v, rest := 0, i; v < n; v, rest = v+1, rest/k {
			state[v] = rest % k
			if m.Latent.Kind == dist.Bernoulli {
				codes = append(codes, float64(state[v]))
				continue
			}
			oneHot := make([]float64, k)
			oneHot[state[v]] = 1
			codes = append(codes, oneHot...)
		}
		states = append(states, state)
	}
	return codes, states
}

// logProbability is Σ ln P(variable = its value), by the definition of the logits.
func logProbability(m builder.Model, logits []float64, state []int) float64 {
	total := 0.0
	for v, s := range state {
		if m.Latent.Kind == dist.Bernoulli {
			theta := 1 / (1 + math.Exp(-logits[v]))
			total += math.Log(math.Abs(1 - float64(s) - theta))
			continue
		}
		k := m.Latent.Categories
		total += logits[v*k+s] - logSumExp(logits[v*k:][:k])
	}
	return total
}

func logSumExp(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v)
	}
	return math.Log(sum)
}

// enumerable are models of at most 2¹⁰ codes with weights that are far from zero.
func enumerable() map[string]builder.Model {
	out := map[string]builder.Model{}
	for _, prior := range []string{builder.PriorUniform, builder.PriorLearned} {
		out["bernoulli/"+prior] = builder.Model{
			Input: []int{2, 3}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 10, Prior: prior},
			Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.ReLU,
		}
		out["categorical/"+prior] = builder.Model{
			Input: []int{6}, Latent: builder.Latent{Kind: dist.Categorical, Variables: 4, Categories: 3, Prior: prior},
			Encoder: builder.MLP{}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.Tanh,
		}
	}
	return out
}

// The probabilities sum to 1, the graph's divergence is the one of the sum over codes, and ln p(x) - ELBO is the
// divergence from the true posterior: never negative.
func TestExactBound(t *testing.T) {
	for name, m := range enumerable() {
		p := params64(t)
		randomise(t, p, m)
		for seed := range uint64(4) {
			e := enumerate(t, m, p, uniforms(50+seed, m.Width()))
			for what, logs := range map[string][]float64{"p(z)": e.prior, "q(z|x)": e.posterior} {
				if sum := math.Exp(logSumExp(logs)); math.Abs(sum-1) > 1e-12 {
					t.Errorf("%s, row %d: %s sums to %g", name, seed, what, sum)
				}
			}
			reconstruction, kl := 0.0, 0.0
			for z := range e.prior {
				q := math.Exp(e.posterior[z])
				reconstruction += q * e.likelihood[z]
				kl += q * (e.posterior[z] - e.prior[z])
			}
			if math.Abs(kl-e.kl) > 1e-11 {
				t.Errorf("%s, row %d: the graph's divergence is %.14g, the sum over %d codes %.14g", name, seed, e.kl, len(e.prior), kl)
			}
			logP, elbo, gap := e.evidence(), reconstruction-e.kl, 0.0
			for z := range e.prior { // KL(q(z|x) ‖ p(z|x))
				gap += math.Exp(e.posterior[z]) * (e.posterior[z] - (e.likelihood[z] + e.prior[z] - logP))
			}
			if elbo > logP || math.Abs(logP-elbo-gap) > 1e-11 {
				t.Errorf("%s, row %d: ELBO %g, ln p(x) %g, divergence from the posterior %g", name, seed, elbo, logP, gap)
			}
		}
	}
}

// evidence is ln p(x).
func (e enumerated) evidence() float64 {
	joint := make([]float64, len(e.prior))
	for z := range joint {
		joint[z] = e.likelihood[z] + e.prior[z]
	}
	return logSumExp(joint)
}

// Bounds estimated on samples that the relaxation draws: with one sample the mean is the exact ELBO (z-test); with more
// it rises, stays below ln p(x), and comes within 0.01 nat of it.
func TestSampledBounds(t *testing.T) {
	const draws = 100_000
	for name, m := range enumerable() {
		p := params64(t)
		randomise(t, p, m)
		e := enumerate(t, m, p, uniforms(60, m.Width()))
		exact, weights := 0.0, make([]float64, len(e.prior))
		for z := range weights {
			weights[z] = e.likelihood[z] + e.prior[z] - e.posterior[z]
			exact += math.Exp(e.posterior[z]) * weights[z]
		}
		samples := sampleCodes(t, m, p, e.logits, draws)
		last := math.Inf(-1)
		for _, k := range []int{1, 5, 50, 1000} {
			mean, deviation := bound(weights, samples, k)
			if k == 1 && math.Abs(mean-exact) > 4*deviation {
				t.Errorf("%s: the 1-sample ELBO is %g ± %g, exact %g", name, mean, deviation, exact)
			}
			if mean < last || mean > e.evidence()+4*deviation {
				t.Errorf("%s: the %d-sample bound is %g ± %g, after %g; ln p(x) is %g", name, k, mean, deviation, last, e.evidence())
			}
			last = mean
		}
		if e.evidence()-last > 0.01 {
			t.Errorf("%s: the 1000-sample bound is %g, ln p(x) %g", name, last, e.evidence())
		}
	}
}

// bound returns the mean of ln (1/k Σ weight) over groups of k samples, and the mean's standard deviation.
func bound(logWeights []float64, samples []int, k int) (mean, deviation float64) {
	squares, n := 0.0, float64(len(samples)/k)
	for at := 0; at+k <= len(samples); at += k {
		sum := 0.0
		for _, z := range samples[at : at+k] {
			sum += math.Exp(logWeights[z])
		}
		x := math.Log(sum / float64(k))
		mean, squares = mean+x/n, squares+x*x/n
	}
	return mean, math.Sqrt((squares - mean*mean) / n)
}

// sampleCodes draws codes from q(z|x) through the relaxation at temperature 0.5 and returns their places in everyCode.
func sampleCodes(t *testing.T, m builder.Model, p *builder.Params, logits []float64, draws int) []int {
	t.Helper()
	tiled := make([]float64, 0, draws*len(logits))
	for range draws {
		tiled = append(tiled, logits...)
	}
	u := make([]float64, len(tiled))
	noise.Stream{Seed: 3, Purpose: noise.Evaluation}.Uniform64(u, 0, 0)
	shape := m.LatentShape(draws)
	code := eval(t, p, map[string]*tensor.Dense{"l": dense64(tiled, shape...), "u": dense64(u, shape...)}, func(b *builder.Graph) []*G.Node {
		z := m.Relax(b, b.Input("l", shape...), b.Input("u", shape...), b.Number(0.5))
		if m.Latent.Kind == dist.Bernoulli {
			return []*G.Node{b.Greater(z, b.Number(0.5))}
		}
		return []*G.Node{b.OneHotArgMax(z)}
	})[0]
	places := make([]int, draws)
	for i := range places {
		for j, x := range code[i*m.Bits() : (i+1)*m.Bits()] {
			v, value := j, 1
			if m.Latent.Kind == dist.Categorical {
				v, value = j/m.Latent.Categories, j%m.Latent.Categories
			}
			if x == 1 {
				places[i] += value * int(math.Pow(float64(categories(m)), float64(v)))
			}
		}
	}
	return places
}
