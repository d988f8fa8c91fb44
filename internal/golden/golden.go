// Package golden compares what a test made with a file that was looked at and kept. With -update the files are written anew.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the files that tests compare with anew")

// Compare reports the lines in which text differs from testdata/NAME.golden.
func Compare(t *testing.T, name string, text []byte) {
	t.Helper()
	File(t, filepath.Join("testdata", name+".golden"), text)
}

// File reports the lines in which text differs from a file, such as a page of the documentation that is generated.
func File(t *testing.T, path string, text []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s is not what the code makes, which -update writes: %s", path, diff)
	}
}
