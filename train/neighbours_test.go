package train

import (
	"slices"
	"testing"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/internal/noise"
)

// The neighbours of each row are the nearest of those that are searched, never itself.
func TestNearestAgainstAllPairs(t *testing.T) {
	const rows, bits, count = 60, 19, 4
	size := codes.Bytes(bits)
	u := make([]float32, rows*bits)
	noise.Stream{Seed: 3, Purpose: noise.Latent}.Uniform(u, 0, 0)
	for i := range u {
		u[i] = float32(int(u[i] + 0.5))
	}
	packed, err := codes.Pack(nil, u, bits)
	if err != nil {
		t.Fatal(err)
	}
	among := noise.Stream{Seed: 3, Purpose: noise.Shuffle}.Permutation(rows, 1)[:40]
	found, err := nearest(t.Context(), packed, bits, count, among)
	if err != nil {
		t.Fatal(err)
	}
	distance := func(a, b int) int { return codes.Distance(packed[a*size:][:size], packed[b*size:][:size]) }
	for row := range rows {
		want := slices.DeleteFunc(slices.Clone(among), func(other int) bool { return other == row })
		slices.SortStableFunc(want, func(a, b int) int { return distance(row, a) - distance(row, b) })
		for i, other := range found.rows[row*count:][:count] {
			if int(other) != want[i] {
				t.Errorf("row %d, neighbour %d is row %d at %d, by all pairs row %d at %d", row, i, other, distance(row, int(other)), want[i], distance(row, want[i]))
			}
		}
	}
}

// A step shows neighbours in place of its rows, each about as often, and the same ones whenever it is made.
func TestNeighboursAreDrawn(t *testing.T) {
	n := neighbours{3, []int32{1, 2, 3, 0, 2, 3}} // of the rows 0 and 1
	count := map[int]int{}
	for step := range 3000 {
		s := stepRows{step: step, rows: []int{1, 0}}
		shown := n.drawn(7, s)
		if !slices.Equal(shown, n.drawn(7, s)) {
			t.Fatalf("step %d: %v, then %v", step, shown, n.drawn(7, s))
		}
		if !slices.Contains([]int{0, 2, 3}, shown[0]) || !slices.Contains([]int{1, 2, 3}, shown[1]) {
			t.Fatalf("step %d shows %v", step, shown)
		}
		count[shown[0]]++
	}
	for row, times := range count {
		if times < 900 || times > 1100 {
			t.Errorf("row %d is shown %d times of 3000 in place of row 1, one of three", row, times)
		}
	}
	if s := (stepRows{rows: []int{4, 5}}); !slices.Equal(neighbours{}.drawn(7, s), s.rows) {
		t.Error("without neighbours, rows are not shown themselves")
	}
}

// Neighbours go through a checkpoint's tensors, and damaged ones are refused.
func TestNeighboursInACheckpoint(t *testing.T) {
	n := neighbours{2, []int32{1, 2, 0, 2, 0, 1}}
	back, rest, err := withoutNeighbours(n.tensor())
	if err != nil || len(rest) != 0 || back.count != 2 || !slices.Equal(back.rows, n.rows) {
		t.Errorf("%v, %v, %v", back, rest, err)
	}
	bad := n.tensor()
	bad[0].Data.([]float64)[3] = 3
	if _, _, err := withoutNeighbours(bad); err == nil {
		t.Error("a row that is not there is no neighbour")
	}
	if none := (neighbours{}).tensor(); none != nil {
		t.Errorf("%v", none)
	}
}
