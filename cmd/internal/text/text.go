// Package text keeps what files and folders are called, and what they hold, from steering the terminal on which it is printed:
// everything but printable characters is shown as an escape, as Go and JSON write it.
package text

import (
	"io"
	"sync"
	"unicode/utf8"

	"github.com/catvae/catvae/internal/visible"
)

// A Writer writes lines of text as package visible shows them; line breaks and tabs stay. It remembers its first error. It is safe for
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
	_, t.err = t.w.Write(visible.Append(nil, whole[:end], "\n\t"))
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
