package parquet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// bytesOf is an embedder whose rows are the number of a text's bytes. It has none for empty ones.
type bytesOf struct{}

func (bytesOf) Width() int { return 1 }

func (bytesOf) Embed(_ context.Context, texts []string, dst []float32) (map[int]string, error) {
	bad := map[int]string{}
	for i, text := range texts {
		if dst[i] = float32(len(text)); text == "" {
			bad[i] = "its text is empty"
		}
	}
	return bad, nil
}

func textsOf(t *testing.T, path string, change func(o *dataset.Texts)) (rows []string, err error) {
	t.Helper()
	o := dataset.Options{Texts: &dataset.Texts{Column: "text", Embedder: bytesOf{}}, Values: dist.Raw(), IDs: true, Labels: true}
	change(o.Texts)
	r, err := dataset.Open(t.Context(), path, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	row := make([]float32, 1)
	for n := 0; ; n++ {
		label, err := r.Next(row)
		id := "-"
		if named, ok := r.(dataset.Identified); ok {
			id = named.ID(n)
		}
		var bad *dataset.RowError
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.As(err, &bad):
			rows = append(rows, fmt.Sprintf("%s %d bad", id, bad.Row))
		case err != nil:
			return rows, err
		default:
			rows = append(rows, fmt.Sprintf("%s %d %g", id, label, row[0]))
		}
	}
}

// A column of strings is read beside others, whatever their order.
func TestTexts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(o *dataset.Texts)
		want   []string
	}{
		"ids":           {func(o *dataset.Texts) {}, []string{"10 -1 5", "11 -1 9", "12 2 bad", "13 -1 5", "14 4 bad", "15 -1 8", "16 -1 1"}},
		"other names":   {func(o *dataset.Texts) { o.ID, o.Label = "key", "class" }, []string{"k0 0 5", "k1 1 9", "k2 2 bad", "k3 1 5", "k4 4 bad", "k5 1 8", "k6 0 1"}},
		"large strings": {func(o *dataset.Texts) { o.Column, o.Label = "long", "class" }, []string{"10 0 5", "11 1 9", "12 2 bad", "13 1 5", "14 4 bad", "15 1 8", "16 0 1"}},
	} {
		if got, err := textsOf(t, testdata+"texts.parquet", c.change); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
	for want, change := range map[string]func(o *dataset.Texts){
		`"price" holds no strings`: func(o *dataset.Texts) { o.Column = "price" },
		`no column "body"`:         func(o *dataset.Texts) { o.Column = "body" },
		`no column "name"`:         func(o *dataset.Texts) { o.ID = "name" },
		`"" holds no strings`:      func(o *dataset.Texts) { o.Column = "" },
	} {
		if _, err := textsOf(t, testdata+"texts.parquet", change); !errors.Is(err, dataset.ErrTexts) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Whatever became of a file, rows or an error come of it.
func TestBrokenTexts(t *testing.T) {
	good, err := os.ReadFile(testdata + "texts.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(good); at += 7 {
		data := slices.Clone(good)
		data[at] ^= 0x55
		if _, err := textsOf(t, write(t, data), func(o *dataset.Texts) { o.ID = "" }); err != nil && !errors.Is(err, dataset.ErrData) {
			t.Errorf("byte %d: %v", at, err)
		}
		if _, err := textsOf(t, write(t, good[:at]), func(*dataset.Texts) {}); err == nil {
			t.Errorf("cut after %d bytes: no error", at)
		}
	}
}
