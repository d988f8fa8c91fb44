package dataset_test

import (
	"bytes"
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
		if f.Packed {
			gzip = "; plain or in gzip or zstd"
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

// What is not read where it is packed is refused by name.
func TestPackedArchive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stored.npz", "list.parquet"} {
		for _, pack := range []func(testing.TB, []byte) []byte{packed, inZstd} {
			_, err := dataset.Open(t.Context(), write(t, "x", pack(t, fileBytes(t, "testdata/"+name))), dataset.Options{})
			if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "that is packed: unpack it first") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What zstd packed is unpacked in little memory, and is bad data where it is cut, changed, or asks for more.
func TestBrokenZstd(t *testing.T) {
	t.Parallel()
	good := inZstd(t, bytes.Repeat([]byte("0,1\n1,0\n"), 1000))
	changed, wide := bytes.Clone(good), []byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00")
	changed[len(changed)-1] ^= 1 // of the checksum
	for name, data := range map[string][]byte{"cut": good[:len(good)-3], "its head": good[:5], "changed": changed, "a window of 256 MiB": wide} {
		for _, s := range []source{{path: write(t, "x.csv.zst", data)}, {path: "-", o: dataset.Options{Stdin: bytes.NewReader(data)}}} {
			_, err := dataset.Load(t.Context(), s.path, s.o)
			if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v", name, s.path, err)
			}
		}
	}
}
