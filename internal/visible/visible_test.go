package visible_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// What steers a terminal is shown; what is printable stays, and so does what is shown already.
func TestText(t *testing.T) {
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
		if got := visible.Text(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
		if twice := visible.Text(want); twice != want {
			t.Errorf("%q does not stay: %q", want, twice)
		}
	}
}

// An error stays what it is, and says its kind and its remedy however long the name before them is.
func TestError(t *testing.T) {
	t.Parallel()
	kind := errors.New("bad file")
	plain := fmt.Errorf("plain: %w", kind)
	if got := visible.Error(plain); got != plain {
		t.Errorf("an error that is visible becomes another: %v", got)
	}
	if visible.Error(nil) != nil {
		t.Error("no error becomes one")
	}
	for name, hostile := range visibletest.Names() {
		err := visible.Error(fmt.Errorf("reader: %s: %w: %w", hostile, errors.Join(kind, plain), errors.New("export again")))
		if problem := visibletest.Check(err); problem != nil || !errors.Is(err, kind) || !strings.HasSuffix(err.Error(), "export again") || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: %v: %q", name, problem, err)
		}
		if s := visible.Name(hostile); len(s) > 3000 {
			t.Errorf("%s: a name of %d bytes is shown", name, len(s))
		}
	}
}
