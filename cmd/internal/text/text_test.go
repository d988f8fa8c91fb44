package text

import (
	"bytes"
	"errors"
	"testing"
)

// What steers a terminal is shown; what is printable stays, and so does what is shown already.
func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"bild 1.png":             "bild 1.png",
		"größe 图 é":              "größe 图 é",
		"\x1b[2J\x1b]0;owned\a":  `\u001b[2J\u001b]0;owned\u0007`,
		"a\u202egnp.exe":         `a\u202egnp.exe`,
		"a\u2066b\u2069\u200bc":  `a\u2066b\u2069\u200bc`,
		"\u009b31m\u0085\u2028":  `\u009b31m\u0085\u2028`,
		"\r\n\t\v\x00\x7f":       `\u000d\u000a\u0009\u000b\u0000\u007f`,
		"\xff\xc3(":              `\xff\xc3(`,
		"\U000e0001":             `\U000e0001`,
		`C:\new\u001b`:           `C:\new\u001b`,
		"\ufffd is a character":  "\ufffd is a character",
		"e\u0301 combining mark": "e\u0301 combining mark",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
		if twice := Visible(want); twice != want {
			t.Errorf("%q does not stay: %q", want, twice)
		}
	}
}

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
