// Package visible keeps what files hold, and what they are called, from steering a terminal or a log: everything except printable
// characters is shown as an escape, as Go and JSON write it, and what is long is cut.
//
// Names in errors are quoted where the error is made. [Error] is for what others have made of a file: decoders, runtimes.
package visible

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The longest texts, in bytes: of a name, and of an error, which may hold several.
const (
	maxName  = 200
	maxError = 2000
)

// Text returns a text with its control characters, line breaks, marks that turn the direction of writing, and bytes that are
// not UTF-8 as escapes: \u001b, \u202e, \xff. A text that is visible stays as it is.
func Text(s string) string {
	if clean(s) {
		return s
	}
	return string(Append(nil, []byte(s), ""))
}

// Name is [Text] for what a file calls something, or a short value: a long one is cut.
func Name(s string) string { return Text(cut(s, maxName)) }

// Error returns an error whose text is one visible line of bounded length, and which is err otherwise. An error that has such
// a text is returned as it is.
func Error(err error) error {
	if err == nil {
		return nil
	}
	was := err.Error()
	text := Line(was)
	if text == was {
		return err
	}
	return &shown{text, err}
}

// Line returns an error's text as one visible line of bounded length.
func Line(s string) string {
	return cut(Text(strings.ReplaceAll(cut(s, maxError), "\n", "; ")), maxError)
}

type shown struct {
	text string
	err  error
}

func (e *shown) Error() string { return e.text }
func (e *shown) Unwrap() error { return e.err }

// Append appends s to dst with all that is not printable as escapes, except for the characters of keep.
func Append(dst, s []byte, keep string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, s[0])
		case strconv.IsPrint(r) || strings.ContainsRune(keep, r):
			dst = append(dst, s[:n]...)
		case r < 0x10000:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
		s = s[n:]
	}
	return dst
}

// clean reports a text of printable characters alone.
func clean(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// cut shortens a text to most bytes or somewhat fewer: the middle is left out, because errors end in their kind and remedy.
func cut(s string, most int) string {
	const gap = " … "
	if len(s) <= most {
		return s
	}
	half := (most - len(gap)) / 2
	head, tail := half, len(s)-half
	for range utf8.UTFMax - 1 { // not within a character
		if !utf8.RuneStart(s[head]) {
			head--
		}
		if tail < len(s) && !utf8.RuneStart(s[tail]) {
			tail++
		}
	}
	return s[:head] + gap + s[tail:]
}
