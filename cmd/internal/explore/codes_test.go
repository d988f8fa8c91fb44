package explore_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/explore"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// Index codes become packed ones, also where both have as many bytes; what fits no model says so.
func TestReadCodes(t *testing.T) {
	eight := bundle.Latent{Kind: dist.Categorical, Variables: 3, Categories: 8} // a byte a variable either way
	five := bundle.Latent{Kind: dist.Categorical, Variables: 3, Categories: 5}
	for _, c := range []struct {
		name       string
		of         bundle.Latent
		data, want []byte
		size       int
		err        string
	}{
		{"packed", eight, []byte{0x80, 0x01, 0x10}, []byte{0x80, 0x01, 0x10}, 3, ""},
		{"index", eight, []byte{0, 7, 3}, []byte{0x80, 0x01, 0x10}, 3, ""},
		{"index of 1 and 2, which are single bits too", eight, []byte{1, 2, 4, 0, 0, 0}, []byte{0x40, 0x20, 0x08, 0x80, 0x80, 0x80}, 3, ""},
		{"index of five", five, []byte{2, 0, 4}, []byte{0x24, 0x02}, 3, ""},
		{"packed of five", five, []byte{0x24, 0x02}, []byte{0x24, 0x02}, 2, ""},
		{"a category too many", five, []byte{2, 0, 5}, nil, 3, "category 5"},
		{"bits that are no categories", five, []byte{0xff, 0xff}, nil, 2, "different models"},
		{"other bytes", bundle.Latent{Kind: dist.Bernoulli, Variables: 20}, []byte{1, 2}, nil, 2, "different models"},
		{"bits", bundle.Latent{Kind: dist.Bernoulli, Variables: 20}, []byte{1, 2, 0x30}, []byte{1, 2, 0x30}, 3, ""},
	} {
		file := filepath.Join(t.TempDir(), "codes.npy")
		writeCodes(t, file, c.data, c.size)
		got, err := explore.ReadCodes(t.Context(), file, "auto", c.of)
		switch {
		case c.err != "":
			if err == nil || !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", c.name, err, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !bytes.Equal(got.Packed, c.want):
			t.Errorf("%s: %x, want %x", c.name, got.Packed, c.want)
		}
	}
}

// What was deleted from an index is not found, neither in a served page nor in one that stands alone.
func TestIndex(t *testing.T) {
	e, _ := explorer(t, pictures(bits))
	packed, err := e.Model.Encode(t.Context(), nil, allRows(e.Rows))
	if err != nil {
		t.Fatal(err)
	}
	size := e.Model.Manifest().Latent.PackedBytes()
	dir := filepath.Join(t.TempDir(), "index")
	x, err := index.Create(dir, index.Options{Bits: 8 * size})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = x.Append(packed, nil); err == nil {
		err = errors.Join(x.Delete(17), x.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if e.Codes, err = explore.OpenIndex(dir, e.Model.Manifest().Latent); err != nil {
		t.Fatal(err)
	}
	defer e.Codes.Close()
	h, err := e.Handler(func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	answer := ask(h, "POST", "/api/nearest?k=30", packed[17*size:][:size]).Body.String()
	if strings.Contains(answer, `"code":17,`) || strings.Count(answer, `"code":`) != 29 {
		t.Errorf("the nearest are %s", answer)
	}
}

// Codes of as many other rows are not shown with these rows; neither are those of more rows.
func TestMatch(t *testing.T) {
	e, _ := explorer(t, pictures(bits))
	withCodes(t, e)
	size := e.Codes.Bytes
	turned := append(bytes.Clone(e.Codes.Packed[size:]), e.Codes.Packed[:size]...)
	for name, c := range map[string]struct {
		data []byte
		of   int
		want bool
	}{
		"own": {e.Codes.Packed, 30, true}, "of the row before": {turned, 30, false}, "of more rows": {e.Codes.Packed, 31, false},
		"the first of which are here": {append(bytes.Clone(e.Codes.Packed), turned...), 60, true},
	} {
		file := filepath.Join(t.TempDir(), "codes.npy")
		writeCodes(t, file, c.data, size)
		var err error
		if e.Codes, err = explore.ReadCodes(t.Context(), file, "auto", e.Model.Manifest().Latent); err != nil {
			t.Fatal(err)
		}
		if got, err := e.Match(t.Context(), c.of); err != nil || got != c.want {
			t.Errorf("%s: %t, %v, want %t", name, got, err, c.want)
		}
	}
}
