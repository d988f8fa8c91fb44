package builder_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

var temperatures = []float64{0.1, 0.5, 1, 2}

// P(z > 1/2) = σ(l) for every temperature: z-test on 200,000 draws in float32, fixed seed.
func TestRelaxedBernoulliFollowsTheSigmoid(t *testing.T) {
	const rows = 200_000
	logits := []float64{-3, -1, 0, 0.5, 4}
	for _, tau := range temperatures {
		z := relax32(t, logits, rows, tau, func(b *builder.Graph, l, u, tau *G.Node) *G.Node { return b.RelaxBernoulli(l, u, tau) })
		for j, l := range logits {
			above := 0.0
			for i := range rows {
				if z[i*len(logits)+j] > 0.5 {
					above++
				}
			}
			p := 1 / (1 + math.Exp(-l))
			if score := (above - rows*p) / math.Sqrt(rows*p*(1-p)); math.Abs(score) > 4 {
				t.Errorf("tau %g, logit %g: z > 1/2 in %g of %d draws, σ = %g, z-score %.1f", tau, l, above, rows, p, score)
			}
		}
	}
}

// The largest element of the relaxed sample follows softmax(l) for every temperature.
func TestRelaxedCategoricalFollowsTheSoftmax(t *testing.T) {
	const rows = 200_000
	logits := []float64{-1, 0, 0.5, 2}
	total := 0.0
	for _, l := range logits {
		total += math.Exp(l)
	}
	for _, tau := range temperatures {
		z := relax32(t, logits, rows, tau, func(b *builder.Graph, l, u, tau *G.Node) *G.Node {
			shape := []int{rows, 1, len(logits)}
			return b.RelaxCategorical(b.Reshape(l, shape...), b.Reshape(u, shape...), tau)
		})
		count := make([]float64, len(logits))
		for i := range rows {
			row := z[i*len(logits):][:len(logits)]
			sum, best := 0.0, 0
			for k, x := range row {
				if sum += x; x > row[best] {
					best = k
				}
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Fatalf("tau %g: a sample sums to %g", tau, sum)
			}
			count[best]++
		}
		for k, l := range logits {
			p := math.Exp(l) / total
			if score := (count[k] - rows*p) / math.Sqrt(rows*p*(1-p)); math.Abs(score) > 4 {
				t.Errorf("tau %g, category %d is the largest in %g of %d draws, softmax %g, z-score %.1f", tau, k, count[k], rows, p, score)
			}
		}
	}
}

// relax32 draws relaxed samples for rows copies of logits in float32.
func relax32(t *testing.T, logits []float64, rows int, tau float64, f func(b *builder.Graph, l, u, tau *G.Node) *G.Node) []float64 {
	t.Helper()
	p, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	width := len(logits)
	l, u := make([]float32, rows*width), make([]float32, rows*width)
	for i := range l {
		l[i] = float32(logits[i%width])
	}
	noise.Stream{Seed: 11, Purpose: noise.Latent}.Uniform(u, 0, 0)
	return eval(t, p, map[string]*tensor.Dense{
		"l": tensor.New(tensor.WithShape(rows, width), tensor.WithBacking(l)), "u": tensor.New(tensor.WithShape(rows, width), tensor.WithBacking(u)),
		"tau": tensor.New(tensor.FromScalar(float32(tau))),
	}, func(b *builder.Graph) []*G.Node {
		return []*G.Node{f(b, b.Input("l", rows, width), b.Input("u", rows, width), b.Input("tau"))}
	})[0]
}

// The most extreme noise and logits give finite samples within [0,1], in float32.
func TestRelaxedSamplesAreFinite(t *testing.T) {
	ends := []float32{noise.Unit(0), noise.Unit(1 << 9), noise.Unit(1<<32 - 1<<10), noise.Unit(1<<32 - 1)}
	var l, u []float32
	for _, logit := range []float32{-1e4, -50, 0, 50, 1e4} {
		for _, x := range ends {
			l, u = append(l, logit), append(u, x)
		}
	}
	n := len(l)
	p, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tau := range []float32{0.01, 1} {
		out := eval(t, p, map[string]*tensor.Dense{
			"l": tensor.New(tensor.WithShape(n/4, 4), tensor.WithBacking(l)), "u": tensor.New(tensor.WithShape(n/4, 4), tensor.WithBacking(u)),
			"tau": tensor.New(tensor.FromScalar(tau)),
		}, func(b *builder.Graph) []*G.Node {
			l, u, tau := b.Input("l", n/4, 4), b.Input("u", n/4, 4), b.Input("tau")
			return []*G.Node{b.RelaxBernoulli(l, u, tau), b.RelaxCategorical(b.Reshape(l, n/4, 2, 2), b.Reshape(u, n/4, 2, 2), tau)}
		})
		for k, z := range out {
			for i, x := range z {
				if !(x >= 0 && x <= 1) {
					t.Errorf("kind %d, tau %g: logit %g with u = %g gives %g", k, tau, l[i], u[i], x)
				}
			}
		}
	}
}

// Divergences lie within [0, N log K] under a uniform prior, whatever the logits, and equal the sum over all states.
func TestDivergences(t *testing.T) {
	p := params64(t)
	rapid.Check(t, func(rt *rapid.T) {
		scale := rapid.SampledFrom([]float64{0.1, 1, 10, 1000, 1e6}).Draw(rt, "scale")
		seed := rapid.Uint64().Draw(rt, "seed")
		n, k := rapid.IntRange(1, 5).Draw(rt, "variables"), rapid.IntRange(2, 4).Draw(rt, "categories")
		bernoulli, categorical := normals(seed, n, scale), normals(seed+1, n*k, scale)
		priorB, priorC := normals(seed+2, n, 1), normals(seed+3, n*k, 1)
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			lb, lc := b.Constant("lb", bernoulli, 1, n), b.Constant("lc", categorical, 1, n, k)
			return []*G.Node{
				b.KLBernoulli(lb, nil), b.KLBernoulli(lb, b.Constant("ab", priorB, n)),
				b.KLCategorical(lc, nil), b.KLCategorical(lc, b.Constant("ac", priorC, n, k)),
			}
		})
		limit := 1e-9 * max(1, scale)
		if kl := out[0][0]; !(kl >= -limit && kl <= float64(n)*math.Ln2+limit) {
			rt.Errorf("KL of %d bits with logits %v is %g", n, bernoulli, kl)
		}
		if kl := out[2][0]; !(kl >= -limit && kl <= float64(n)*math.Log(float64(k))+limit) {
			rt.Errorf("KL of %d variables of %d with logits %v is %g", n, k, categorical, kl)
		}
		two := func(l []float64) (pairs []float64) { // a bit is a categorical variable with logits 0 and l
			for _, x := range l {
				pairs = append(pairs, 0, x)
			}
			return pairs
		}
		for i, want := range []float64{
			sumOverStates(two(bernoulli), two(make([]float64, n)), 2), sumOverStates(two(bernoulli), two(priorB), 2),
			sumOverStates(categorical, make([]float64, n*k), k), sumOverStates(categorical, priorC, k),
		} {
			if diff := math.Abs(out[i][0] - want); !(diff <= limit+1e-9*math.Abs(want)) {
				rt.Errorf("divergence %d is %g, the sum over states %g", i, out[i][0], want)
			}
		}
	})
}

// sumOverStates is Σ q(z) ln q(z)/p(z) over every joint state of variables with k categories.
func sumOverStates(q, p []float64, k int) float64 {
	logs := func(l []float64) []float64 {
		out := make([]float64, len(l))
		for at := 0; at < len(l); at += k {
			most := slices.Max(l[at : at+k])
			sum := 0.0
			for _, x := range l[at : at+k] {
				sum += math.Exp(x - most)
			}
			for i := at; i < at+k; i++ {
				out[i] = l[i] - most - math.Log(sum)
			}
		}
		return out
	}
	lq, lp := logs(q), logs(p)
	n, states := len(q)/k, 1
	for range n {
		states *= k
	}
	total := 0.0
	for z := range states {
		a, b, rest := 0.0, 0.0, z
		for v := range n {
			a, b = a+lq[v*k+rest%k], b+lp[v*k+rest%k]
			rest /= k
		}
		if w := math.Exp(a); w > 0 {
			total += w * (a - b)
		}
	}
	return total
}

// Large logits give finite likelihoods and divergences, in float32 too.
func TestLargeLogits(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		p, err := builder.NewParams(dtype, 1)
		if err != nil {
			t.Fatal(err)
		}
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			l := b.Constant("l", []float64{-1e30, -100, 0, 100, 1e30}, 1, 5)
			return []*G.Node{b.LogLikelihoodBernoulli(b.Constant("x", []float64{0, 1, 0.5, 1, 1}, 1, 5), l), b.KLBernoulli(l, nil), b.Softplus(l)}
		})
		if want := -100 - math.Ln2; math.Abs(out[0][0]-want) > 1e-4 {
			t.Errorf("%v: ln p = %g, want %g", dtype, out[0][0], want)
		}
		if want := 4 * math.Ln2; !(math.Abs(out[1][0]-want) < 1e-4) {
			t.Errorf("%v: KL = %g, want %g", dtype, out[1][0], want)
		}
		if fmt.Sprint(out[2][0], out[2][3], out[2][4] == out[2][4]) != "0 100 true" {
			t.Errorf("%v: softplus = %v", dtype, out[2])
		}
	}
}
