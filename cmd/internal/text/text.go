// Package text keeps what files and folders are called, and what they hold, from steering the terminal on which it is printed:
// everything but printable characters is shown as an escape, as Go and JSON write it.
package text

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Visible returns a text with its control characters, line breaks, marks that turn the direction of writing, and bytes that are
// not UTF-8 as escapes: \u001b, \u202e, \xff. A text that is visible stays as it is.
func Visible(s string) string { return string(appendVisible(nil, []byte(s), "")) }

// appendVisible appends s to dst with all that is not printable as escapes, except for the characters of keep.
func appendVisible(dst, s []byte, keep string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, s[0])
		case strconv.IsPrint(r) || contains(keep, r):
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

func contains(list string, r rune) bool {
	for _, l := range list {
		if l == r {
			return true
		}
	}
	return false
}

// A Writer writes lines of text as [Visible] shows them; line breaks and tabs stay. It remembers its first error. It is safe for
// concurrent use.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	held []byte // the beginning of a character whose rest has not come yet
	err  error
}

// NewWriter returns a writer of text to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write is io.Writer's. An error is that of w, and stays.
func (t *Writer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	whole := append(t.held, p...)
	end := len(whole)
	for i := 1; i < utf8.UTFMax && i <= len(whole); i++ {
		if b := whole[len(whole)-i:]; utf8.RuneStart(b[0]) {
			if !utf8.FullRune(b) {
				end = len(whole) - i
			}
			break
		}
	}
	_, t.err = t.w.Write(appendVisible(nil, whole[:end], "\n\t"))
	t.held = append([]byte(nil), whole[end:]...)
	if t.err != nil {
		return 0, t.err
	}
	return len(p), nil
}

// Err returns the first error of all writes.
func (t *Writer) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Unwrap returns what the text is written to, for who draws on a terminal.
func (t *Writer) Unwrap() io.Writer { return t.w }
