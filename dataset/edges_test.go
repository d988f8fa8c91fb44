package dataset_test

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// Memory for less than a row is a mistake of the caller, not the source's end.
func TestTooLittleMemory(t *testing.T) {
	t.Parallel()
	for name, s := range sources(t) {
		r := s.open(t)
		size := r.Info().RowSize()
		if n, _, err := r.Floats(make([]float32, size-1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
		if b, ok := r.(dataset.ByteReader); ok {
			if n, _, err := b.Bytes(make([]byte, size-1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s: %d rows, %v", name, n, err)
			}
		}
	}
}

func TestLinkedFolder(t *testing.T) {
	t.Parallel()
	target, err := filepath.Abs("testdata/pictures")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no links here: ", err)
	}
	r := openBytes(t, link, dataset.Options{})
	if id := r.(dataset.Identified).ID(5); r.Info().Rows != len(greys) || id != "more/palette.png" {
		t.Errorf("%d rows, the last is %s", r.Info().Rows, id)
	}
	if _, err := r.NextBytes(make([]byte, 30)); err != nil {
		t.Error(err)
	}
}

// A quote that opens no field spoils its own line only; text in quotes may hold line ends.
func TestQuotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"id,a,b\n5\" disk,0,1\nx,1,0\n":          "bad [1 0]",
		"a,b\n0,1\"\n1,0\n0,0\n":                 "bad [1 0] [0 0]",
		"id,a,b\n\"two\nlines\",0,1\nx,1,0\n":    "[0 1] [1 0]",
		"id,a\n\"a \"\"b\"\" \n\n,\n\",1\nx,0\n": "[1] [0]",
		"\ufeff\"i\nd\",a\n1,0\n":                "[1 0]",
		"a,b\n0,1\n1,\"0\n":                      "[0 1] bad",
	} {
		r, err := dataset.Open(t.Context(), write(t, "x.csv", []byte(text)), dataset.Options{})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		defer r.Close()
		var got []string
		for row := make([]float32, r.Info().RowSize()); ; {
			_, err := r.Next(row)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				if badRow(err) != len(got) {
					t.Errorf("%q: %v", text, err)
				}
				got = append(got, "bad")
				continue
			}
			got = append(got, fmt.Sprint(row))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A quote that is never closed is told soon, not after what may be gigabytes, and in time linear in what was read.
func TestQuoteWithoutEnd(t *testing.T) {
	t.Parallel()
	text := "id,a\nx,0\n\"" + strings.Repeat("\n", 1<<20)
	_, err := dataset.Open(t.Context(), write(t, "x.csv", []byte(text)), dataset.Options{})
	if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "line 3") || !strings.Contains(err.Error(), "quote missing") {
		t.Error(err)
	}
}

// pandas writes an index as a first column without a name, and counts columns that have no names.
func TestPandasHeaders(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		",a,b\n0,1,0\n1,0,1\n": "2 rows of [2]",
		",0,1\n0,1,0\n1,0,1\n": "2 rows of [2]",
		"0,1\n0,1\n1,0\n":      "3 rows of [2]",
	} {
		set, err := dataset.Load(t.Context(), write(t, "x.csv", []byte(text)), dataset.Options{})
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := fmt.Sprintf("%d rows of %v", set.Len(), set.Shape); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// What other packages register with package image is not read: the same file must mean the same in every program.
func TestOtherPictureFormats(t *testing.T) {
	t.Parallel()
	image.RegisterFormat("other", "OTHER", func(io.Reader) (image.Image, error) { return image.NewGray(image.Rect(0, 0, 2, 2)), nil },
		func(io.Reader) (image.Config, error) { return image.Config{Width: 2, Height: 2}, nil })
	path := write(t, "x.png", []byte("OTHER"))
	r := openBytes(t, path, dataset.Options{Image: &dataset.Image{Height: 2, Width: 2}})
	if _, err := r.NextBytes(make([]byte, 4)); badRow(err) != 0 || !strings.Contains(err.Error(), "no PNG, JPEG") {
		t.Error(err)
	}
}
