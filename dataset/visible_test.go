package dataset_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// Whatever files hold and are called, the errors of opening and reading them are visible lines of bounded length.
func TestErrorsAreVisible(t *testing.T) {
	t.Parallel()
	for kind, name := range visibletest.Names() {
		field := strings.NewReplacer("\n", " ", "\r", " ", `"`, "").Replace(name)
		sources := map[string]string{}
		file := func(base string, data []byte) string { return write(t, base, data) }
		sources["text"] = file("a.csv", []byte(name))
		sources["a field"] = file("a.csv", []byte("1,2\n"+field+",3\n"))
		sources["a label"] = file("a.csv", []byte("label,x,y\n"+field+",3,4\n"))
		sources["quotes"] = file("a.csv", []byte("1,2\n\""+field+"\"x,3\n"))
		sources["the type of an array"] = file("a.npy", npyOf(fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }", field)))
		sources["the header of an array"] = file("a.npy", npyOf(field))
		for _, members := range [][]string{{name, name + "2"}, {name + ".npy"}, make([]string, 2000)} {
			var z bytes.Buffer
			w := zip.NewWriter(&z)
			for i, m := range members {
				to, err := w.Create(fmt.Sprint(m, strings.Repeat(name[:1], i%3)))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := to.Write([]byte(name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sources[fmt.Sprint("an archive of ", len(members))] = file("a.npz", z.Bytes())
			sources[fmt.Sprint("a member of ", len(members))] = file("a.npz", z.Bytes()) + ":" + name
		}
		dir := t.TempDir()
		if picture := filepath.Join(dir, name+".png"); os.WriteFile(picture, []byte(name), 0o666) == nil {
			sources["a folder with a picture"], sources["a picture"], sources["a pattern"] = dir, picture, filepath.Join(dir, "*.png")
		}
		sources["no file"] = filepath.Join(dir, "no", name)
		for what, source := range sources {
			if err := firstError(t, source); visibletest.Check(err) != nil {
				t.Errorf("%s, %s: %v", kind, what, visibletest.Check(err))
			}
		}
	}
}

func npyOf(header string) []byte {
	header += "\n"
	return append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(header)), byte(len(header) >> 8)}, header...)
}

// firstError opens a source and reads it until an error comes.
func firstError(t *testing.T, source string) error {
	t.Helper()
	r, err := dataset.Open(t.Context(), source, dataset.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	for row := make([]float32, r.Info().RowSize()); ; {
		if _, err := r.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
