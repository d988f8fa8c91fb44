package augment

import (
	"testing"

	"github.com/catvae/catvae/internal/noise"
)

// No two augmentations of a long list share numbers, in neither view, nor do they with other parts of a run: names are hashed to 31 bits.
func TestStreamsDiffer(t *testing.T) {
	seen := map[noise.Purpose]string{noise.Named("holdout"): "holdout", noise.Named("binarize/1"): "binarisation"}
	for p := range noise.Purpose(64) {
		seen[p] = "a purpose of its own"
	}
	list := make(List, 200)
	for i := range list {
		list[i].Kind = Noise{}
	}
	for view := range 2 {
		p, err := New(list, Rows{Shape: []int{1}}, 1, view)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range p.parts {
			for _, s := range []noise.Stream{a.noise, a.chance} {
				if other, taken := seen[s.Purpose]; taken {
					t.Errorf("purpose %d is taken by %s", s.Purpose, other)
				}
				seen[s.Purpose] = "an augmentation"
			}
		}
	}
}
