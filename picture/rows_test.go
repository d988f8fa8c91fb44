package picture_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/picture"
)

// The rows are those that examples/python/pictures.py makes with Pillow and numpy: the same bytes, except where libraries decode
// differently. testdata/generate.py writes pictures and rows.
func TestRowsAsPython(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		File  string
		Image struct{ Resize, Background, Orientation, Color string }
		Shape []int
		Row   []byte
		// Tolerance is by how many levels a byte may differ.
		Tolerance int
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 200 {
		t.Fatal(len(cases), err)
	}
	worst := map[string]int{}
	for _, c := range cases {
		file, err := os.ReadFile(filepath.Join("testdata", c.File))
		if err != nil {
			t.Fatal(err)
		}
		side := c.Shape[len(c.Shape)-2:]
		rule := picture.Rule{Height: side[0], Width: side[1], Background: c.Image.Background, Orientation: c.Image.Orientation, Color: c.Image.Color}
		rule.Fit, rule.Resize = picture.CutFit(c.Image.Resize)
		if !slices.Equal(rule.Shape(), c.Shape) {
			t.Errorf("%s by %+v: rows have the shape %v, want %v", c.File, rule, rule.Shape(), c.Shape)
			continue
		}
		got := make([]byte, rule.Size())
		if err := rule.Decode(t.Context(), got, file); err != nil {
			t.Errorf("%s by %+v: %v", c.File, rule, err)
			continue
		}
		for i, b := range got {
			d := int(max(b, c.Row[i]) - min(b, c.Row[i]))
			worst[c.File] = max(worst[c.File], d)
			if d > c.Tolerance {
				t.Errorf("%s by %+v: value %d is %d, want %d\n%v\n%v", c.File, rule, i, b, c.Row[i], got, c.Row)
				break
			}
		}
	}
	t.Log("the largest differences are", worst)
}
