package picture_test

import (
	"encoding/json"
	"os"
	"path/filepath"
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
		Image struct{ Resize, Background, Orientation string }
		Shape [2]int
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
		rule := picture.Rule{Height: c.Shape[0], Width: c.Shape[1], Resize: c.Image.Resize, Background: c.Image.Background, Orientation: c.Image.Orientation}
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
