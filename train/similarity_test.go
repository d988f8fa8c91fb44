package train

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/internal/noise"
)

// Where bits find all rows as candidates, the near rows are those of the largest cosine; a row is never near itself, and rows of zeros are no error.
func TestNearRowsAgainstAllPairs(t *testing.T) {
	const count, width, keep = 90, 7, 5
	values := make([]float64, count*width)
	noise.Stream{Seed: 4, Purpose: noise.Latent}.Normal(values, 0, 0)
	clear(values[3*width : 4*width])
	rows := nearRows{count: count, width: width, keep: keep, row: func(i int, dst []float32) {
		for j := range dst {
			dst[j] = float32(values[i*width+j])
		}
	}}
	done := 0
	found, err := rows.find(t.Context(), 9, func(n int) { done = n })
	if err != nil {
		t.Fatal(err)
	}
	if done != count || found.count != keep {
		t.Errorf("%d rows done, %d near ones of each", done, found.count)
	}
	cosine := func(a, b int) float64 {
		var dot, x, y float64
		for j := range width {
			p, q := values[a*width+j], values[b*width+j]
			dot, x, y = dot+p*q, x+p*p, y+q*q
		}
		if x*y == 0 {
			return 0
		}
		return dot / math.Sqrt(x*y)
	}
	for row := range count {
		if row == 3 {
			continue
		}
		var want []int
		for other := range count {
			if other != row {
				want = append(want, other)
			}
		}
		slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(cosine(row, b), cosine(row, a)) })
		for i, near := range found.rows[row*keep:][:keep] {
			if math.Abs(cosine(row, int(near))-cosine(row, want[i])) > 1e-6 {
				t.Errorf("row %d: near row %d is %d at %g, by all pairs %d at %g", row, i, near, cosine(row, int(near)), want[i], cosine(row, want[i]))
			}
		}
	}
}

// A step has rows in the epoch's order, each with rows of its list, which differ; the same ones whenever the epoch is made, others in the next.
func TestStepsOfNearRows(t *testing.T) {
	const count, batch, near, list = 40, 10, 3, 6
	n := neighbours{list, make([]int32, count*list)}
	for row := range count {
		for i := range list {
			n.rows[row*list+i] = int32((row + i + 1) % count)
		}
	}
	order := noise.Stream{Seed: 1, Purpose: noise.Shuffle}.Permutation(count, 1)
	drawn := n.among(5, 1, order, batch, near)
	if !slices.Equal(drawn, n.among(5, 1, order, batch, near)) {
		t.Error("an epoch that is made twice has other rows")
	}
	if slices.Equal(drawn, n.among(5, 2, order, batch, near)) {
		t.Error("two epochs of one order draw the same near rows")
	}
	if len(drawn) != count {
		t.Fatalf("%d rows of %d", len(drawn), count)
	}
	for at := 0; at < count; at += batch {
		for i, row := range drawn[at:][:batch] {
			first := drawn[at+i-i%(near+1)]
			switch {
			case i%(near+1) == 0:
				if want := order[at+i/(near+1)]; row != want {
					t.Errorf("place %d has row %d, want %d of the order", at+i, row, want)
				}
			case !slices.Contains(n.rows[first*list:][:list], int32(row)):
				t.Errorf("place %d has row %d, which is not near %d", at+i, row, first)
			case slices.Contains(drawn[at+i-i%(near+1):at+i], row):
				t.Errorf("place %d repeats row %d", at+i, row)
			}
		}
	}
	if same := (neighbours{}).among(5, 1, order, batch, near); !slices.Equal(same, order) {
		t.Error("without near rows the order is another")
	}
}
