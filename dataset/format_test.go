package dataset_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	_ "github.com/catvae/catvae/dataset/parquet"
)

// The package's documentation, help texts and errors name what the tables have.
func TestTables(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, k := range dataset.Kinds() {
		fmt.Fprintf(&want, "//\t%-17s %s\n", k.Form, k.Doc)
	}
	if !strings.Contains(string(doc), want.String()) {
		t.Errorf("doc.go lacks the table of sources:\n%s", want.String())
	}
	want.Reset()
	for _, f := range dataset.Formats() {
		gzip := ""
		if f.Gzip {
			gzip = "; plain or gzip"
		}
		fmt.Fprintf(&want, "//\t%-8s %s%s\n", f.Name, f.Rows, gzip)
	}
	if !strings.Contains(string(doc), want.String()) {
		t.Errorf("doc.go lacks the table of formats:\n%s", want.String())
	}
	_, err = dataset.Open(t.Context(), write(t, "x", []byte{1, 2, 3}), dataset.Options{})
	for _, f := range dataset.Formats() {
		if !strings.Contains(dataset.Describe(), f.Name) || err == nil || !strings.Contains(err.Error(), f.Name) {
			t.Errorf("%s is missing in %q or in %v", f.Name, dataset.Describe(), err)
		}
		if f.Name == "" || f.Mark == "" || f.Rows == "" || f.Spec == "" || f.Magic != "" && f.Picture() {
			t.Errorf("an incomplete row: %+v", f)
		}
	}
}

// What is not read in gzip is refused by name.
func TestPackedArchive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stored.npz", "list.parquet"} {
		_, err := dataset.Open(t.Context(), write(t, "x.gz", packed(t, fileBytes(t, "testdata/"+name))), dataset.Options{})
		if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "packed in gzip: unpack it first") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
