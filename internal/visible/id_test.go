package visible_test

import (
	"testing"
	"unicode/utf8"

	"github.com/catvae/catvae/internal/visible"
)

// A name that is UTF-8 is its own id; any other has one that is UTF-8 and leads back to it.
func TestEscapeID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                  "",
		"a/b 1.png":         "a/b 1.png",
		"größe\n图\x1b":      "größe\n图\x1b",
		`C:\new\file.png`:   `C:\new\file.png`,
		"caf\xe9.png":       `caf\xe9.png`,
		"\xff\xfe":          `\xff\xfe`,
		`a\xe9`:             `a\x5cxe9`,
		`a\x5cxe9`:          `a\x5cx5cxe9`,
		`a\xE9`:             `a\xE9`,
		`a\x`:               `a\x`,
		"a\\\xe9":           `a\\xe9`,
		"\\x4\xe9":          `\x4\xe9`,
		"\ufffd\xc3(":       "\ufffd" + `\xc3(`,
		"\xed\xa0\x80":      `\xed\xa0\x80`,
		"half \xe5\x9b.png": `half \xe5\x9b.png`,
	} {
		id := visible.EscapeID(name)
		if id != want || !utf8.ValidString(id) || visible.UnescapeID(id) != name {
			t.Errorf("%q becomes %q, want %q, and then %q", name, id, want, visible.UnescapeID(id))
		}
	}
}

func FuzzEscapeID(f *testing.F) {
	f.Add("caf\xe9", `a\xe9`)
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := visible.EscapeID(a), visible.EscapeID(b)
		if !utf8.ValidString(x) || visible.UnescapeID(x) != a || x == y && a != b {
			t.Errorf("%q and %q become %q and %q", a, b, x, y)
		}
	})
}
