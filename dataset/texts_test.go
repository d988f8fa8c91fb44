package dataset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// lengths is an embedder whose rows are the number of a text's bytes and of its words. It has none for texts without words.
type lengths struct{}

func (lengths) Width() int { return 2 }

func (lengths) Embed(ctx context.Context, texts []string, dst []float32) (map[int]string, error) {
	bad := map[int]string{}
	for i, text := range texts {
		if dst[2*i], dst[2*i+1] = float32(len(text)), float32(len(strings.Fields(text))); dst[2*i+1] == 0 {
			bad[i] = "it has no words"
		}
	}
	return bad, ctx.Err()
}

func textOptions(column string) dataset.Options {
	return dataset.Options{Texts: &dataset.Texts{Column: column, Embedder: lengths{}}, Values: dist.Raw(), IDs: true, Labels: true}
}

// textFile writes a file of a name.
func textFile(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// rowsOfTexts reads rows one by one, and says what they are: id, label, values or error.
func rowsOfTexts(r dataset.Reader) (rows []string, err error) {
	row := make([]float32, r.Info().RowSize())
	for n := 0; ; n++ {
		label, err := r.Next(row)
		id := "-"
		if named, ok := r.(dataset.Identified); ok {
			id = named.ID(n)
		}
		var bad interface{ BadRow() int }
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.As(err, &bad) && bad.BadRow() == n:
			rows = append(rows, id+" bad")
		case err != nil:
			return rows, err
		default:
			rows = append(rows, fmt.Sprintf("%s %d %g %g", id, max(label, -1), row[0], row[1]))
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("one\ntwo words\n"))
	z.Close()
	for name, c := range map[string]struct {
		content, column string
		change          func(o *dataset.Options)
		want            []string
	}{
		"lines":           {"hello\ntwo words\n\nlast", "", nil, []string{"- -1 5 1", "- -1 9 2", "- bad", "- -1 4 1"}},
		"lines of others": {"\ufeffhello\r\n\xff\r\n", "", nil, []string{"- -1 5 1", "- bad"}},
		"packed":          {packed.String(), "", nil, []string{"- -1 3 1", "- -1 9 2"}},
		"CSV":             {"id,text,label\na,hello,3\nb,\"two, words\nand lines\",4\n,x,\nd,only two\n", "text", nil, []string{"a 3 5 1", "b 4 20 4", " -1 1 1", "d bad"}},
		"of another id":   {"name;text;class\na;1,5 is text;7\n", "text", func(o *dataset.Options) { o.Texts.ID, o.Texts.Label = "name", "class" }, []string{"a 7 11 3"}},
		"tabs":            {"id\ttext\na\tsome \"quoted\" text\n", "text", nil, []string{"a -1 18 3"}},
		"no header":       {"a,hello\nb,x y\n", "1", func(o *dataset.Options) { o.Table.Header = dataset.No }, []string{"- -1 5 1", "- -1 3 2"}},
		"long texts":      {"text,id\n" + strings.Repeat("word ", 100_000) + ",a\n", "text", nil, []string{"a -1 500000 100000"}},
		"JSON lines":      {`{"id": 7, "text": "hello", "label": "1"}` + "\n\n" + `{"text": "a\nb"}` + "\n{\"text\": null}\n{\"other\": 1}\n[1]\n{\"text\"", "text", nil, []string{"7 1 5 1", " -1 3 2", " bad", " bad", " bad", " bad"}},
	} {
		o := textOptions(c.column)
		if c.change != nil {
			c.change(&o)
		}
		path := textFile(t, "texts", c.content)
		r, err := dataset.Open(t.Context(), path, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := rowsOfTexts(r)
		if err != nil || !slices.Equal(got, c.want) || r.Info().Rows != len(c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
		r.Close()
		o.Stdin = strings.NewReader(c.content)
		if r, err = dataset.Open(t.Context(), dataset.Stdin, o); err != nil {
			t.Errorf("%s, standard input: %v", name, err)
			continue
		}
		if got, err = rowsOfTexts(r); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s, standard input: %q, %v, want %q", name, got, err, c.want)
		}
		r.Close()
	}
}

func TestTextsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content, column, want string
		of                    error
	}{
		"no such column":          {"id,text\na,b\n", "body", `no column "body": its columns are "id", "text"`, dataset.ErrTexts},
		"no key":                  {`{"text": "a"}`, "", "name the key", dataset.ErrTexts},
		"an array":                {"\x93NUMPY\x01\x00", "text", "NPY, which holds no texts", dataset.ErrData},
		"an archive":              {"PK\x03\x04", "", "NPZ, which holds no texts", dataset.ErrData},
		"nothing":                 {"", "", "empty", dataset.ErrData},
		"only a header":           {"id,text\n", "text", "0 rows", dataset.ErrData},
		"a quote that stays open": {"id,text\na,\"" + strings.Repeat("x", 17<<20), "text", "quote missing", dataset.ErrData},
		"a line of 17 MiB":        {strings.Repeat("x", 17<<20), "", "more than", dataset.ErrData},
	} {
		_, err := dataset.Open(t.Context(), textFile(t, "texts", c.content), textOptions(c.column))
		if !errors.Is(err, c.of) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v, want %q", name, err, c.want)
		}
	}
}

// Rows are the same one by one and many at once, after a skip, and in a set; sums tell texts apart.
func TestTextsAllWays(t *testing.T) {
	t.Parallel()
	var content strings.Builder
	content.WriteString("id,text\n")
	for i := range 5000 {
		fmt.Fprintf(&content, "r%d,%s\n", i, strings.Repeat("ab ", i%7))
	}
	path := textFile(t, "texts.csv", content.String())
	open := func(path string, sums *dataset.Sums) dataset.Reader {
		o := textOptions("text")
		o.Sums = sums
		r, err := dataset.Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		if sums != nil {
			sums.Every(1000)
		}
		return r
	}
	var sums, scanned, other dataset.Sums
	r := open(path, &sums)
	var all []float32
	bad := 0
	for {
		dst := make([]float32, 2*512)
		n, decode, err := r.Floats(dst)
		if errors.Is(err, io.EOF) {
			break
		}
		errs, err2 := decode()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for _, err := range errs {
			var row interface{ BadRow() int }
			if !errors.As(err, &row) || row.BadRow()%7 != 0 {
				t.Fatalf("%v", err)
			}
		}
		bad += len(errs)
		all = append(all, dst[:2*n]...)
	}
	if len(all) != 10_000 || bad != 715 {
		t.Fatalf("%d values, %d bad rows", len(all), bad)
	}
	skipped := open(path, nil)
	if err := skipped.Skip(4321); err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 2)
	if _, err := skipped.Next(row); err != nil || !slices.Equal(row, all[2*4321:][:2]) {
		t.Errorf("after a skip %v, %v, want %v", row, err, all[2*4321:][:2])
	}
	if err := open(path, &scanned).Scan(5000); err != nil {
		t.Fatal(err)
	}
	changed := open(textFile(t, "texts.csv", strings.Replace(content.String(), "r2500,ab", "r2500,cd", 1)), &other)
	if err := changed.Scan(5000); err != nil {
		t.Fatal(err)
	}
	for block := range 5 {
		a, ok := sums.Block(block)
		b, _ := scanned.Block(block)
		c, _ := other.Block(block)
		if !ok || a != b || (a == c) != (block != 2) {
			t.Errorf("block %d: read %s, scanned %s, of another text %s", block, a, b, c)
		}
	}
	o := textOptions("text")
	o.MaxBad = 0.2
	set, err := dataset.Load(t.Context(), path, o)
	if err != nil || set.Len() != 5000-715 || set.RowSize() != 2 {
		t.Fatalf("%v, %v", set, err)
	}
	if set.Row(0, row); row[0] != 3 || set.ID(0) != "r1" {
		t.Errorf("the first good row is %v, %s", row, set.ID(0))
	}
}

// An embedding that the rule for values does not hold is a bad row.
func TestTextsOutOfRange(t *testing.T) {
	t.Parallel()
	o := textOptions("")
	o.Values = dist.Unit()
	r, err := dataset.Open(t.Context(), textFile(t, "t", "a\nlong text\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row := make([]float32, 2)
	if _, err := r.Next(row); err != nil {
		t.Fatal(err)
	}
	var outside *dataset.ValueError
	if _, err := r.Next(row); !errors.As(err, &outside) || outside.Row != 1 {
		t.Errorf("%v, want a value out of range in row 1", err)
	}
}

// Whatever a file holds, each row is a row or a bad one, and nothing panics.
func FuzzTexts(f *testing.F) {
	f.Add([]byte("id,text\na,\"b\nc\"\n"), "text")
	f.Add([]byte("{\"text\": \"a\"}\n\n{"), "text")
	f.Add([]byte("a\n\r\n\xff"), "")
	f.Fuzz(func(t *testing.T, content []byte, column string) {
		o := textOptions(column)
		o.Stdin = bytes.NewReader(content)
		r, err := dataset.Open(t.Context(), dataset.Stdin, o)
		if err != nil {
			return
		}
		defer r.Close()
		rows, err := rowsOfTexts(r)
		if err == nil && len(rows) != r.Info().Rows {
			t.Fatalf("%d rows of %d", len(rows), r.Info().Rows)
		}
	})
}
