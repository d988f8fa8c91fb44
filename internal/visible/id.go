package visible

import (
	"strings"
	"unicode/utf8"
)

// EscapeID returns a name as UTF-8, which file names need not be and which Parquet, JSON and most readers of CSV insist on: each byte
// that is not part of a character becomes \xNN, two lower-case hexadecimal digits. A backslash of the name that would read as such
// an escape becomes \x5c. Every other name, whatever it holds, stays as it is. [UnescapeID] gives the name back.
func EscapeID(name string) string {
	if utf8.ValidString(name) && !strings.Contains(name, `\x`) {
		return name
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if _, is := escaped(name[i:]); is || r == utf8.RuneError && n == 1 {
			b.WriteString(`\x`)
			b.WriteByte(digits[name[i]>>4])
			b.WriteByte(digits[name[i]&15])
			i++
			continue
		}
		b.WriteString(name[i : i+n])
		i += n
	}
	return b.String()
}

// UnescapeID returns the name that [EscapeID] made an id of.
func UnescapeID(id string) string {
	if !strings.Contains(id, `\x`) {
		return id
	}
	b := make([]byte, 0, len(id))
	for i := 0; i < len(id); {
		if c, is := escaped(id[i:]); is {
			b = append(b, c)
			i += len(`\x00`)
			continue
		}
		b = append(b, id[i])
		i++
	}
	return string(b)
}

// escaped returns the byte of an escape that s begins with, and false where it begins with none.
func escaped(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] != 'x' {
		return 0, false
	}
	high, ok1 := digit(s[2])
	low, ok2 := digit(s[3])
	return high<<4 | low, ok1 && ok2
}

func digit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
