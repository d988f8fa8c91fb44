package codes_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/codes"
)

// plainScores scores codes one by one, as Index.SearchFloats says.
func plainScores(x *codes.Index, all []byte, query []float32) (sorted []codes.Match) {
	for row := range len(all) / x.Bytes() {
		code, sum := all[row*x.Bytes():][:x.Bytes()], 0.0
		if x.Categories() > 0 {
			for v, c := range code {
				sum += float64(query[v*x.Categories()+int(c)])
			}
		} else {
			for j := 0; j < x.Bits(); j += 4 {
				four := 0.0
				for i := j; i < min(j+4, x.Bits()); i++ {
					four += float64(query[i]) * float64(2*int(code[i/8]>>(7-i%8)&1)-1)
				}
				sum += four
			}
		}
		sorted = append(sorted, codes.Match{Row: row, Score: float32(sum)})
	}
	slices.SortStableFunc(sorted, func(a, b codes.Match) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return sorted
}

// queriesOf are numbers of several kinds: of one size, of very different ones, few that differ (so that scores tie), all 0,
// tiny and huge.
func queriesOf(r *rand.Rand, n int) (kinds [][]float32) {
	for _, f := range []func() float64{
		r.NormFloat64,
		func() float64 { return math.Exp(10 * r.NormFloat64()) },
		func() float64 { return float64(r.IntN(3)) - 1 },
		func() float64 { return 0 },
		func() float64 { return 1e-44 * float64(r.IntN(9)-4) },
		func() float64 { return 1e30 * r.NormFloat64() },
		func() float64 { return -5 },
	} {
		q := make([]float32, n)
		for i := range q {
			q[i] = float32(f())
		}
		kinds = append(kinds, q)
	}
	return kinds
}

// A search by floats finds what a plain loop and sorting find, ties by row, bit for bit: for every width of packed codes, for
// index codes of few and many categories, in parts small and large enough for several cores, and after deletions.
func TestSearchFloatsAgainstSorting(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	for _, shape := range [][2]int{{1, 0}, {7, 0}, {12, 0}, {37, 0}, {64, 0}, {128, 0}, {200, 0}, {300, 0}, {1, 2}, {3, 5}, {8, 16}, {9, 17}, {16, 256}, {32, 200}} {
		sizes := []int{1, 65, 2049}
		if shape == [2]int{128, 0} || shape == [2]int{16, 256} {
			sizes = append(sizes, 20_000)
		}
		for _, n := range sizes {
			x, all := indexOf(t, r, shape[0], shape[1], n)
			var queries []float32
			var sorted [][]codes.Match
			for _, q := range queriesOf(r, x.Floats()) {
				queries, sorted = append(queries, q...), append(sorted, plainScores(x, all, q))
			}
			for deletions := range 2 {
				for _, k := range []int{1, 10, n / 2, n + 5} {
					if k == 0 {
						continue
					}
					found, err := x.SearchFloats(t.Context(), queries, k)
					if err != nil || len(found) != len(sorted) {
						t.Fatal(err)
					}
					for i, want := range sorted {
						if want = want[:min(k, len(want))]; !slices.Equal(found[i], want) {
							t.Fatalf("shape %v, %d codes, k %d, query %d, %d deletions:\n%v, want\n%v", shape, n, k, i, deletions, found[i], want)
						}
					}
				}
				for row := -3; row < n+3; row += 3 {
					x.Delete(row)
					x.Delete(row) // again does nothing
				}
				for i := range sorted {
					sorted[i] = slices.DeleteFunc(sorted[i], func(m codes.Match) bool { return m.Row%3 == 0 })
				}
			}
		}
	}
}

// indexOf returns an index of random codes, of bits where there are no categories, and the codes.
func indexOf(t *testing.T, r *rand.Rand, width, categories, n int) (*codes.Index, []byte) {
	t.Helper()
	var x *codes.Index
	var all []byte
	var err error
	if categories == 0 {
		x, err = codes.NewIndex(width)
		all = random(r.Uint64(), n, width)
	} else {
		x, err = codes.NewCategories(width, categories)
		all = make([]byte, n*width)
		for i := range all {
			all[i] = byte(r.IntN(categories))
		}
	}
	if err := errors.Join(err, x.Add(all)); err != nil {
		t.Fatal(err)
	}
	return x, all
}

// The distance of index codes is twice the number of variables that differ, also beyond what a byte holds.
func TestSearchCategories(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	for _, variables := range []int{1, 16, 300} {
		const n = 3000
		x, all := indexOf(t, r, variables, 7, n)
		query := all[40*variables:][:variables]
		var want []codes.Match
		for row := range n {
			d := 0
			for v := range variables {
				if all[row*variables+v] != query[v] {
					d += 2
				}
			}
			want = append(want, codes.Match{Row: row, Distance: d})
		}
		slices.SortStableFunc(want, func(a, b codes.Match) int { return a.Distance - b.Distance })
		found, err := x.Search(t.Context(), query, 100)
		if err != nil || !slices.Equal(found[0], want[:100]) {
			t.Fatalf("%d variables: %v, %v, want %v", variables, found, err, want[:100])
		}
	}
}

// What makes no scores is refused, in words.
func TestBadFloats(t *testing.T) {
	t.Parallel()
	x, err := codes.NewCategories(2, 3)
	if err != nil || x.Add([]byte{0, 1}) != nil {
		t.Fatal(err)
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		query []float32
		says  string
	}{
		"too few": {make([]float32, 5), "5 numbers"}, "NaN": {[]float32{0, 0, 0, 0, nan, 0}, "number 4 of query 0 is NaN"},
		"infinite": {[]float32{0, 0, 0, 0, 0, 0, -inf, 0, 0, 0, 0, 0}, "number 0 of query 1"}, "too large": {[]float32{3e38, -3e38, 0, 0, 0, 0}, "divide"},
	} {
		if _, err := x.SearchFloats(t.Context(), c.query, 1); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := x.Add([]byte{0, 1, 2, 3}); err == nil || !strings.Contains(err.Error(), "code 1 has the category 3 in variable 1") {
		t.Errorf("a category too many: %v", err)
	}
	for _, shape := range [][2]int{{0, 3}, {3, 1}, {3, 257}, {1 << 30, 4}} {
		if _, err := codes.NewCategories(shape[0], shape[1]); err == nil {
			t.Errorf("%v is taken", shape)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.SearchFloats(ctx, make([]float32, 6), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
	if found, err := x.SearchFloats(t.Context(), nil, 1); err != nil || len(found) != 0 {
		t.Errorf("no queries: %v, %v", found, err)
	}
}
