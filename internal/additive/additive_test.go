package additive_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/internal/additive"
	"github.com/catvae/catvae/internal/noise"
)

// normals are n standard normal numbers.
func normals(n int, seed uint64) []float32 {
	wide := make([]float64, n)
	noise.Stream{Seed: seed}.Normal(wide, 0, 0)
	x := make([]float32, n)
	for i, v := range wide {
		x[i] = float32(v)
	}
	return x
}

// books are codebooks of random words, the later ones smaller.
func books(variables, categories, width int, seed uint64) additive.Codebooks {
	c := additive.Codebooks{Variables: variables, Categories: categories, Width: width, Words: normals(variables*categories*width, seed), Bias: normals(width, seed+1), Norm: 3}
	for i := range c.Words {
		c.Words[i] /= float32(1 + i/(categories*width))
	}
	return c
}

// costs are what codes cost, row by row.
func costs(c additive.Codebooks, rows []float32, codes []int, weight float64) []float64 {
	decoded := c.Decode(nil, codes)
	out := make([]float64, len(rows)/c.Width)
	for i := range out {
		out[i] = c.Cost(rows[i*c.Width:][:c.Width], decoded[i*c.Width:][:c.Width], weight)
	}
	return out
}

func encode(t *testing.T, c additive.Codebooks, rows []float32, s additive.Search) ([]int, []float32) {
	t.Helper()
	codes, scores, err := c.Encode(t.Context(), rows, s)
	if err != nil {
		t.Fatal(err)
	}
	return codes, scores
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// A code by hand: two codebooks of two words in the plane. What the first leaves decides the second, and the sweep then finds the code that
// a greedy choice misses.
func TestEncodeByHand(t *testing.T) {
	c := additive.Codebooks{Variables: 2, Categories: 2, Width: 2, Words: []float32{4, 0, 3, 0, 0, 0, 1.5, 0}, Bias: []float32{1, 1}}
	rows := []float32{5.6, 1, 1 + 3.1, 1}
	// The first row less the bias is (4.6, 0): 4 + 0 leaves .6, 3 + 1.5 leaves .1; greedily 4 is nearer.
	codes, _ := encode(t, c, rows, additive.Search{Beam: 1})
	if want := []int{0, 0, 1, 0}; !slices.Equal(codes, want) {
		t.Errorf("greedy: %v, want %v", codes, want)
	}
	codes, scores := encode(t, c, rows, additive.Search{Beam: 2})
	if want := []int{1, 1, 1, 0}; !slices.Equal(codes, want) {
		t.Errorf("with a beam: %v, want %v", codes, want)
	}
	// Given the other word 1.5, the first scores ⟨x, w⟩ - ⟨s, w⟩ - ½ w², s = (2.5, 1): 4: 5.6·4 - 10 - 8 = 4.4; 3 scores 16.8 - 7.5 - 4.5 = 4.8, and is
	// raised to 5.8.
	for i, want := range []float32{4.4, 5.8} {
		if math.Abs(float64(scores[i]-want)) > 1e-5 {
			t.Errorf("score %d is %g, want %g", i, scores[i], want)
		}
	}
	if got := c.Decode(nil, codes[:2]); !slices.Equal(got, []float32{5.5, 1}) {
		t.Errorf("decoded %v", got)
	}
}

// The arg-max of the scores is the code, strictly; and differences of the others' scores are those of their costs, given the final choice.
func TestScoresAreCosts(t *testing.T) {
	c, rows := books(4, 7, 6, 1), normals(30*6, 9)
	for _, s := range []additive.Search{{Beam: 3}, {Beam: 3, Sweeps: 1, NormWeight: 2}} {
		codes, scores := encode(t, c, rows, s)
		base := costs(c, rows, codes, s.NormWeight)
		for row := range 30 {
			for v := range c.Variables {
				of := scores[(row*c.Variables+v)*c.Categories:][:c.Categories]
				chosen, first, offset := codes[row*c.Variables+v], true, 0.0
				for k := range of {
					if k == chosen {
						continue
					}
					if of[k] >= of[chosen] {
						t.Fatalf("row %d: category %d scores %g, the chosen one %g", row, k, of[k], of[chosen])
					}
					other := slices.Clone(codes[row*c.Variables:][:c.Variables])
					other[v] = k
					gap := float64(of[k]) + costs(c, rows[row*c.Width:][:c.Width], other, s.NormWeight)[0] - base[row]
					if first {
						first, offset = false, gap
					}
					if math.Abs(gap-offset) > 1e-4 {
						t.Fatalf("row %d, variable %d, category %d: score and cost differ by %g, those of others by %g", row, v, k, gap, offset)
					}
				}
			}
		}
	}
}

// A wider beam costs less than a greedy choice on the whole, sweeps never cost more, row by row, and both end above the best code of all.
func TestSearchesAreOrdered(t *testing.T) {
	c, rows := books(3, 5, 4, 2), normals(200*4, 3)
	best := make([]float64, 200)
	for row := range best {
		best[row] = math.Inf(1)
		for code := range 125 {
			all := []int{code / 25, code / 5 % 5, code % 5}
			best[row] = min(best[row], costs(c, rows[row*4:][:4], all, 0)[0])
		}
	}
	greedy, _ := encode(t, c, rows, additive.Search{Beam: 1})
	wide, _ := encode(t, c, rows, additive.Search{Beam: 125})
	for row, cost := range costs(c, rows, wide, 0) {
		if math.Abs(cost-best[row]) > 1e-5 {
			t.Fatalf("row %d: a beam of all codes costs %g, the best code %g", row, cost, best[row])
		}
	}
	last := sum(costs(c, rows, greedy, 0))
	for _, beam := range []int{2, 5, 25} {
		codes, _ := encode(t, c, rows, additive.Search{Beam: beam})
		now := sum(costs(c, rows, codes, 0))
		if now > last+1e-3 {
			t.Errorf("a beam of %d costs %g, a narrower one %g", beam, now, last)
		}
		last = now
	}
	for _, weight := range []float64{0, 3} {
		before := costs(c, rows, greedy, weight)
		if weight > 0 {
			codes, _ := encode(t, c, rows, additive.Search{Beam: 1, NormWeight: weight})
			before = costs(c, rows, codes, weight)
		}
		for sweeps := 1; sweeps <= 3; sweeps++ {
			codes, _ := encode(t, c, rows, additive.Search{Beam: 1, Sweeps: sweeps, NormWeight: weight})
			after := costs(c, rows, codes, weight)
			for row := range after {
				if after[row] > before[row]+1e-4 {
					t.Fatalf("weight %g: row %d costs %g after sweep %d, %g before", weight, row, after[row], sweeps, before[row])
				}
			}
			if sum(after) >= sum(before) && sweeps == 1 {
				t.Errorf("weight %g: a sweep changes nothing", weight)
			}
			before = after
		}
	}
}

// Codebooks fitted to sums of random words leave little; more codebooks leave less, and the same seed gives the same.
func TestFit(t *testing.T) {
	source := books(2, 4, 8, 5)
	rows := source.Decode(nil, func() (codes []int) {
		for i := range 400 {
			codes = append(codes, i%4, i/4%4)
		}
		return codes
	}())
	noisy := normals(len(rows), 6)
	for i := range rows {
		rows[i] += 0.01 * noisy[i]
	}
	last := math.Inf(1)
	for _, variables := range []int{1, 2, 4} {
		c, left, err := additive.Fit(t.Context(), rows, 8, variables, 8, 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		if left >= last {
			t.Errorf("%d codebooks leave %g, fewer %g", variables, left, last)
		}
		last = left
		codes, _ := encode(t, c, rows, additive.Search{Beam: 4})
		if mean := 2 * sum(costs(c, rows, codes, 0)) / float64(len(rows)); math.Abs(mean-left) > 1e-6 {
			t.Errorf("%g is left, said to be %g", mean, left)
		}
		again, _, err := additive.Fit(t.Context(), rows, 8, variables, 8, 4, 1)
		if err != nil || !slices.Equal(again.Words, c.Words) {
			t.Errorf("the same seed gives other codebooks: %v", err)
		}
	}
	if last > 1e-3 {
		t.Errorf("%g of a number's square is left", last)
	}
	if _, _, err := additive.Fit(t.Context(), rows[:7*8], 8, 1, 8, 1, 1); err == nil {
		t.Error("seven rows make eight centres")
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := additive.Fit(done, rows, 8, 1, 8, 1, 1); err == nil {
		t.Error("a context that is done is not looked at")
	}
}

// Rows without clusters, some longer than others, are shared by all words of a codebook: few words have one row alone.
func TestFitWithoutClusters(t *testing.T) {
	const width, n, words, variables = 100, 2000, 64, 3
	rows := normals(width*n, 4)
	for i := range rows {
		rows[i] *= 0.4 + 0.12*float32(i/width%10)
	}
	c, _, err := additive.Fit(t.Context(), rows, width, variables, words, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	codes, _ := encode(t, c, rows, additive.Search{Beam: 1})
	for v := range variables {
		counts := make([]int, words)
		for i := v; i < len(codes); i += variables {
			counts[codes[i]]++
		}
		alone := 0
		for _, count := range counts {
			if count <= 1 {
				alone++
			}
		}
		if alone > words/8 {
			t.Errorf("codebook %d: %d of %d words have one row or none, the most have %d of %d", v, alone, words, slices.Max(counts), n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	c, rows := books(8, 256, 100, 1), normals(512*100, 2)
	for b.Loop() {
		if _, _, err := c.Encode(b.Context(), rows, additive.Search{Beam: 5, Sweeps: 1, NormWeight: 10}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
