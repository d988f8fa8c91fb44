package dataset_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// Rows of a table have the names of its column of ids, or of the index that pandas wrote.
func TestIDs(t *testing.T) {
	t.Parallel()
	many := "id,a\n"
	var numbered []string
	for i := range 200 {
		many += fmt.Sprintf("row %d,1\n", i)
		numbered = append(numbered, fmt.Sprint("row ", i))
	}
	for name, c := range map[string]struct {
		text, column string
		want         []string
	}{
		"a column id":              {"a,id,b\n0,x,1\n1,y,0\n", "id", []string{"x", "y"}},
		"in another case":          {"a,ID\n0, x y \n1,é\n", "ID", []string{"x y", "é"}},
		"an index of pandas":       {",a,b\nu1,0,1\nu2,1,0\n", "0", []string{"u1", "u2"}},
		"its shuffled numbers":     {",0,1,2\n7,0,1,0\n3,1,0,1\n", "0", []string{"7", "3"}},
		"an index that has a name": {"a,__index_level_0__\n0,x\n1,y\n", "__index_level_0__", []string{"x", "y"}},
		"id before an index":       {",id,a\n0,x,0\n1,y,1\n", "id", []string{"x", "y"}},
		"quotes":                   {"id,a\n\"x,\n\"\"1\"\"\",0\n y,1\n", "id", []string{"x,\n\"1\"", "y"}},
		"semicolons":               {"a;id;b\n0,5;x;1\n0,25;y,z;0\n", "id", []string{"x", "y,z"}},
		"tabs":                     {"id\ta\nx y\t0\nz\t1\n", "id", []string{"x y", "z"}},
		"spaces":                   {"a id b\n0.5  7 1\n0.25 3  0\n", "id", []string{"7", "3"}},
		"CRLF and blank lines":     {"a,id\r\n\r\n0,x\r\n\r\n1,y\r\n", "id", []string{"x", "y"}},
		"twice, and none":          {"id,a\nx,0\n,1\nx,1\n", "id", []string{"x", "", "x"}},
		"bad rows":                 {"a,id\n0,x\n1\n0,y,1\nNA,\"z\"\n1,u\"v\n1,w\n", "id", []string{"x", "", "y", "z", "", "w"}},
		"a backslash":              {"id,a\na\\xff,0\nb\xff,1\n", "id", []string{`a\xff`, `b\xff`}},
		"many":                     {many, "id", numbered},
		"none is given":            {"id,a,b\n,0,1\n,1,0\n", "", nil},
		"no column":                {"a,b\n0,1\n", "", nil},
		"no header":                {"0,1\n1,0\n", "", nil},
	} {
		for _, file := range []string{"x.csv", "x.csv.gz"} {
			data := []byte(c.text)
			if file == "x.csv.gz" {
				data = packed(t, data)
			}
			path := write(t, file, data)
			for _, s := range []source{{path: path, o: dataset.Options{IDs: true}}, {path: "-", stdin: data, o: dataset.Options{IDs: true}}, {path: path}} {
				r := s.open(t)
				_, named := r.(dataset.Identified)
				if want := c.want != nil && s.o.IDs; named != want || !named && r.Info().IDs != "" {
					t.Errorf("%s, %s: named: %t, by %q", name, s.path, named, r.Info().IDs)
					continue
				}
				if !named {
					continue
				}
				if err := r.Skip(1); err != nil {
					t.Error(err)
				}
				if got := idsOf(r); !slices.Equal(got, c.want) || r.Info().IDs != c.column {
					t.Errorf("%s, %s: %q of %q, want %q of %q", name, s.path, got, r.Info().IDs, c.want, c.column)
				}
				s.o.Rows = len(c.want) - 1
				if got := idsOf(s.open(t)); !slices.Equal(got, c.want[:len(c.want)-1]) {
					t.Errorf("%s, %s: of the first rows: %q", name, s.path, got)
				}
			}
		}
	}
}

// Names in Parquet are of the same columns, of any type that is one value, and pictures have their paths.
func TestIDsOfParquet(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"testdata/index.parquet":    "id: row 0,row 1,row 2,row 3,row 4,row 5,row 6",
		"testdata/list.parquet":     "id: row 0,row 1,row 2,row 3,row 4,row 5,row 6",
		"testdata/pictures.parquet": "image.path: 0.png,1.png,2.png,3.png,4.png,5.png,6.png",
	} {
		r := source{path: path, o: dataset.Options{IDs: true}}.open(t)
		got := ""
		if _, ok := r.(dataset.Identified); ok {
			got = r.Info().IDs + ": " + strings.Join(idsOf(r), ",")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Rows of a set have the names of the source's, also after bad ones and where some are selected, and without names its numbers.
func TestIDsOfSets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"id,a,b\nx,0,1\ny,0\nz,1,0\nu,1,1\n": {"u", "z"},
		"a,b\n0,1\n0\n1,0\n1,1\n":            {"3", "2"},
	} {
		path := write(t, "x.csv", []byte(text))
		for _, asked := range []bool{true, false} {
			set, err := dataset.Load(t.Context(), path, dataset.Options{IDs: asked, MaxBad: 0.5})
			if err != nil || set.Len() != 3 {
				t.Fatal(err)
			}
			named := asked && want[0] == "u"
			some := set.Select([]int{2, 1})
			got := []string{some.ID(0), some.ID(1)}
			if numbers := []string{"3", "2"}; some.Named() != named || named && !slices.Equal(got, want) || !named && !slices.Equal(got, numbers) {
				t.Errorf("%q, asked %t: named %t: %q, want %q", text, asked, some.Named(), got, want)
			}
		}
	}
}
