package packing_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/catvae/catvae/internal/packing"
)

// What is packed is known by its first bytes and by its name's end, and is unpacked to what it was; equal content is packed alike.
func TestPackings(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("rows of bits, "), 1000)
	for _, p := range append(packing.All(), packing.Packing{}) {
		var packed [2]bytes.Buffer
		for i := range packed {
			w, err := p.Pack(&packed[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(want); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(packed[0].Bytes(), packed[1].Bytes()) {
			t.Errorf("%s: the same content is packed in two ways", p.Name)
		}
		of, _ := packing.Of(packed[0].Bytes()[:packing.Head])
		ended, _ := packing.Ended(p.End)
		if of.Name != p.Name || ended.Name != p.Name {
			t.Errorf("%s is taken for %s by its bytes, and for %s by its name", p.Name, of.Name, ended.Name)
		}
		r, err := p.Unpack(&packed[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: unpacked %d bytes, %v", p.Name, len(got), err)
		}
	}
}
