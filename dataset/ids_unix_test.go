//go:build unix

package dataset_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
)

// File names that are not UTF-8 become ids that are, and lead back to the files.
func TestNamesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	grey := fileBytes(t, "testdata/pictures/grey.png")
	names := []string{"caf\xe9.png", "caf\xe8.png", `caf\xe9.png`, "\xff\xfe.png", "café.png"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), grey, 0o644); err != nil {
			t.Skip("no such names here: ", err)
		}
	}
	r := openBytes(t, dir, dataset.Options{})
	var back []string
	for i := range r.Info().Rows {
		id := r.(dataset.Identified).ID(i)
		if !utf8.ValidString(id) {
			t.Errorf("%q is not UTF-8", id)
		}
		back = append(back, visible.UnescapeID(id))
	}
	slices.Sort(names)
	if slices.Sort(back); !slices.Equal(back, names) {
		t.Errorf("%q, want %q", back, names)
	}
}
