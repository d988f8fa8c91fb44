package dist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

// A row is cut into its first and its last lines: values of a flat row, lines of pixels of pictures, in every channel.
func TestCut(t *testing.T) {
	t.Parallel()
	row := make([]float32, 12)
	for i := range row {
		row[i] = float32(i)
	}
	for _, c := range []struct {
		lines               int
		shape, seen, target []int
		first, last         []float32
	}{
		{0, []int{12}, []int{12}, []int{12}, row, row},
		{5, []int{12}, []int{7}, []int{5}, row[:7], row[7:]},
		{1, []int{4, 3}, []int{3, 3}, []int{1, 3}, row[:9], row[9:]},
		{1, []int{2, 3, 2}, []int{2, 2, 2}, []int{2, 1, 2}, []float32{0, 1, 2, 3, 6, 7, 8, 9}, []float32{4, 5, 10, 11}},
		{2, []int{2, 3, 2}, []int{2, 1, 2}, []int{2, 2, 2}, []float32{0, 1, 6, 7}, []float32{2, 3, 4, 5, 8, 9, 10, 11}},
	} {
		cut := dist.Cut{Lines: c.lines}
		if err := cut.Check(c.shape); err != nil {
			t.Error(err)
		}
		if s, g := cut.Seen(c.shape), cut.Target(c.shape); !slices.Equal(s, c.seen) || !slices.Equal(g, c.target) {
			t.Errorf("%d lines of %v: %v and %v, want %v and %v", c.lines, c.shape, s, g, c.seen, c.target)
		}
		if s := dist.AppendSeen(cut, nil, row, c.shape); !slices.Equal(s, c.first) {
			t.Errorf("%d lines of %v: %v is seen, want %v", c.lines, c.shape, s, c.first)
		}
		if g := dist.AppendTarget(cut, []float32{-1}, row, c.shape); !slices.Equal(g[1:], c.last) {
			t.Errorf("%d lines of %v: %v is predicted, want %v", c.lines, c.shape, g[1:], c.last)
		}
		again := slices.Clone(row)
		for i := range again {
			again[i] = min(again[i], -again[i])
		}
		copyOf := slices.Clone(again)
		dist.PutTarget(cut, again, c.last, c.shape)
		if !slices.Equal(dist.AppendTarget(cut, nil, again, c.shape), c.last) || c.lines > 0 && !slices.Equal(dist.AppendSeen(cut, nil, again, c.shape), dist.AppendSeen(cut, nil, copyOf, c.shape)) {
			t.Errorf("%d lines of %v put back: %v", c.lines, c.shape, again)
		}
	}
	for _, c := range []struct {
		lines int
		shape []int
	}{{12, []int{12}}, {-1, []int{12}}, {4, []int{4, 3}}, {3, []int{2, 3, 2}}, {1, nil}} {
		if err := (dist.Cut{Lines: c.lines}).Check(c.shape); err == nil || !strings.Contains(err.Error(), "predict") {
			t.Errorf("%d lines of %v: %v", c.lines, c.shape, err)
		}
	}
	s := dist.Standard{Mean: []float64{1, 2, 3}, Deviation: []float64{4, 5, 6}}.TargetOf(dist.Cut{Lines: 2}, []int{3})
	if !slices.Equal(s.Mean, []float64{2, 3}) || !slices.Equal(s.Deviation, []float64{5, 6}) {
		t.Errorf("the target's standard is %+v", s)
	}
	if s := (dist.Standard{Mean: []float64{1}, Deviation: []float64{4}}).TargetOf(dist.Cut{Lines: 2}, []int{3}); len(s.Mean) != 1 {
		t.Errorf("one mean for all is %+v", s)
	}
}
