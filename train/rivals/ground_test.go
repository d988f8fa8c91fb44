package rivals

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/train/retrieval"
)

// A ground gives what a comparison gives without labels, for each of several codes.
func TestGround(t *testing.T) {
	t.Parallel()
	set := glyphs(t, dataset.Test, 300)
	o := Options{Queries: 50, Which: RandomRows, Metric: retrieval.Cosine, Seed: 3}
	g, err := NewGround(t.Context(), set, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := concatenated([]*dataset.Set{set}).encoded(t.Context(), halves{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := g.Recall(t.Context(), packed, halfBits); err != nil || got != *c.Rows[0].Recall || got < 0.1 {
			t.Errorf("the recall is %g, %v, want %g", got, err, *c.Rows[0].Recall)
		}
		nothing, err := g.Recall(t.Context(), make([]byte, 300*codes.Bytes(8)), 8)
		if err != nil || nothing > 0.1 {
			t.Errorf("codes that are all equal find %g, %v", nothing, err)
		}
	}
	if _, err := NewGround(t.Context(), set.Slice(0, 2), o); err == nil {
		t.Error("two rows are a ground")
	}
}

// Labels by which no query can be judged leave the other figures as they are.
func TestLabelsOfTheirOwn(t *testing.T) {
	t.Parallel()
	rows := func(labels bool) []*dataset.Set {
		text := ""
		for j := range 784 {
			text += fmt.Sprintf("x%d,", j)
		}
		text += "label\n"
		for i := range 40 {
			for j := range 784 {
				text += fmt.Sprintf("%.2f,", float64((i*j)%17)/17)
			}
			text += fmt.Sprintf("%d\n", 100+i)
		}
		path := filepath.Join(t.TempDir(), "rows.csv")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := dataset.Load(t.Context(), path, dataset.Options{Labels: labels})
		if err != nil || set.Label(3) != map[bool]int{true: 103, false: -1}[labels] {
			t.Fatal(set.Label(3), err)
		}
		return []*dataset.Set{set}
	}
	o := Options{Queries: 20, Metric: retrieval.Cosine, Seed: 3, Rivals: []string{"hyperplanes"}}
	with, err := Compare(t.Context(), halves{}, halfBits, rows(true), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	without, err := Compare(t.Context(), halves{}, halfBits, rows(false), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if with.Labels || len(with.Rows) != 2 || *with.Rows[0].Recall != *without.Rows[0].Recall || with.Rows[0].Precision != nil {
		t.Errorf("%+v, want %+v", with, without)
	}
	if !slices.ContainsFunc(with.LeftOut, func(why string) bool { return strings.Contains(why, "no query has a label") }) {
		t.Errorf("left out is %q", with.LeftOut)
	}
}
