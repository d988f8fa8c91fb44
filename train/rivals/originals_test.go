package rivals

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// pictures writes pictures of 28x28 with a bar each, by their paths, and loads the folder.
func pictures(t *testing.T, paths ...string) *dataset.Set {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "changed")
	for i, path := range paths {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		img := image.NewGray(image.Rect(0, 0, 28, 28))
		for y := range 28 {
			img.SetGray(i%28, y, color.Gray{Y: 200})
		}
		f, err := os.Create(path)
		if err == nil {
			err = errors.Join(png.Encode(f, img), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return named(t, dir)
}

func named(t *testing.T, source string) *dataset.Set {
	t.Helper()
	set, err := dataset.Load(t.Context(), source, dataset.Options{IDs: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// tableOf writes a table and loads it.
func tableOf(t *testing.T, text string) *dataset.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "moved.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return named(t, path)
}

// Originals are found by paths, by paths without endings, below a folder for each change, and by the ids of tables.
func TestChanges(t *testing.T) {
	t.Parallel()
	base := pictures(t, "a.png", "b.png", "in/a.png", "in/c.x.png")
	for name, c := range map[string]struct {
		base, changed *dataset.Set
		want          []Change
	}{
		"paths":             {base, pictures(t, "in/c.x.png", "b.png"), []Change{{Name: "changed", Originals: []int{1, 3}}}},
		"other endings":     {base, pictures(t, "a.jpg", "in/c.x.jpeg"), []Change{{Name: "changed", Originals: []int{0, 3}}}},
		"folders":           {base, pictures(t, "crop/a.png", "crop/in/a.png", "jpeg/b.jpg"), []Change{{Name: "crop", Originals: []int{0, 2}}, {Name: "jpeg", Originals: []int{1}}}},
		"a folder of paths": {base, pictures(t, "in/a.png"), []Change{{Name: "changed", Originals: []int{2}}}},
		"ids":               {tableOf(t, "id,x\np,0\nq,1\n"), tableOf(t, "id,x\nq,1\nq,0.5\n"), []Change{{Name: "moved", Originals: []int{1, 1}}}},
		"numbers":           {tableOf(t, "x,y\n0,1\n1,0\n"), tableOf(t, "x,y\n0,0.5\n"), []Change{{Name: "moved", Originals: []int{0}}}},
	} {
		got, err := Changes(c.base, []*dataset.Set{c.changed})
		if err != nil || !slices.EqualFunc(got, c.want, func(a, b Change) bool { return a.Name == b.Name && slices.Equal(a.Originals, b.Originals) }) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	for want, c := range map[string][]*dataset.Set{
		`"d.png" of`:                  {base, pictures(t, "d.png")},
		`"crop/d.png" of`:             {base, pictures(t, "crop/a.png", "crop/d.png")},
		`are called "a"`:              {pictures(t, "a.png", "a.jpg"), pictures(t, "crop/a.bmp")},
		`are called "p"`:              {tableOf(t, "id,x\np,0\np,1\n"), tableOf(t, "id,x\np,1\n")},
		`row "2" of`:                  {tableOf(t, "x,y\n0,1\n1,0\n"), tableOf(t, "x,y\n0,1\n1,0\n0,0\n")},
		"and the other has none":      {base, tableOf(t, "x,y\n0,1\n1,0\n")},
		`are both called "changed": `: {base, pictures(t, "a.png"), pictures(t, "b.png")},
	} {
		if _, err := Changes(c[0], c[1:]); !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// Rows find themselves, by each code that has a code of its own for each of them, and others do not.
func TestFindOriginals(t *testing.T) {
	t.Parallel()
	base := glyphs(t, dataset.Test, 300)
	changes := []Change{
		{Name: "same", Set: base.Slice(10, 40), Originals: []int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39}},
		{Name: "others", Set: base.Slice(40, 42), Originals: []int{41, 40}},
	}
	found, err := FindOriginals(t.Context(), halves{}, halfBits, base, changes, Options{Rivals: Names(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found.Codes {
		names = append(names, f.Name)
		if f.Recall["same"] < 0.9 || f.Recall["others"] != 0 || f.RecallAll < 0.84 || f.RecallAll > 30./32 || f.MicroAP < 0.8 || f.MicroAP > 0.97 {
			t.Errorf("%v", f)
		}
	}
	if want := []string{"model", "dhash", "hyperplanes", "itq", "pca", "phash"}; !slices.Equal(names, want) {
		t.Errorf("compared are %v, want %v", names, want)
	}
	for _, want := range []string{"search all 300 rows of glyphs", "fitted to 300 rows of glyphs", "same  others    all  micro-AP", "\nqueries                   30       2     32\nmodel              98"} {
		if !strings.Contains(found.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, found)
		}
	}
	if _, err := FindOriginals(t.Context(), halves{}, halfBits, base, changes, Options{Rivals: []string{"itp"}}); err == nil {
		t.Error("a rival that is none")
	}
	if _, err := FindOriginals(t.Context(), halves{}, halfBits, base, nil, Options{}); err == nil {
		t.Error("nothing searches")
	}
}
