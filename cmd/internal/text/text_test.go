package text

import (
	"bytes"
	"errors"
	"testing"
)

// A text may be cut between any two bytes.
func TestWriterCut(t *testing.T) {
	t.Parallel()
	text := "ä\t图\x1b[0m\xe5\xff\u202e\U0001f600\n"
	want := "ä\t图\\u001b[0m\\xe5\\xff\\u202e\U0001f600\n"
	for a := range len(text) {
		for b := a; b <= len(text); b++ {
			var out bytes.Buffer
			w := NewWriter(&out)
			for _, part := range []string{text[:a], text[a:b], text[b:]} {
				if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatalf("%d bytes of %d, %v", n, len(part), err)
				}
			}
			if out.String() != want {
				t.Fatalf("cut at %d and %d: %q", a, b, out.String())
			}
		}
	}
}

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// The first error stays, also where its caller does not look.
func TestWriterError(t *testing.T) {
	t.Parallel()
	f := &failing{left: 1}
	w := NewWriter(f)
	w.Write([]byte("one"))
	if w.Err() != nil {
		t.Error(w.Err())
	}
	w.Write([]byte("two"))
	f.left = 100
	if _, err := w.Write([]byte("three")); err == nil || w.Err() == nil {
		t.Errorf("%v, %v", err, w.Err())
	}
}
