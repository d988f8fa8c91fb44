// Package progress shows how far long work has come: a bar on a terminal, a plain line now and then elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/catvae/catvae/internal/visible"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// plainEvery is how often a line is printed without a terminal.
const plainEvery = 10 * time.Second

// A Bar is work of a known size. It is for one goroutine.
type Bar struct {
	w     io.Writer
	label string
	total int
	done  int
	began time.Time
	last  time.Time
	bar   *progressbar.ProgressBar // nil where w is not a terminal
	now   func() time.Time
}

// New starts a bar of total units on w.
func New(w io.Writer, total int, label string) *Bar {
	b := &Bar{w: w, label: label, total: total, now: time.Now}
	b.began = b.now()
	b.last = b.began
	if f, ok := fileOf(w); ok && term.IsTerminal(int(f.Fd())) {
		b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(label),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(500*time.Millisecond), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())
	}
	return b
}

// fileOf returns the file that w writes to, also through a writer of text, which would make the bar's own escapes visible.
func fileOf(w io.Writer) (*os.File, bool) {
	if u, ok := w.(interface{ Unwrap() io.Writer }); ok {
		w = u.Unwrap()
	}
	f, ok := w.(*os.File)
	return f, ok
}

// Set moves the bar to done units, with a message such as the loss; "" keeps the last one.
func (b *Bar) Set(done int, message string) {
	b.done = done
	if b.bar != nil {
		if message != "" {
			b.bar.Describe(b.label + " " + visible.Text(message))
		}
		_ = b.bar.Set(min(done, b.total)) // a bar that cannot be drawn must not end the work
		return
	}
	if now := b.now(); now.Sub(b.last) >= plainEvery && done < b.total {
		b.last = now
		b.line(message)
	}
}

// Print writes a line that stays, above the bar where there is one.
func (b *Bar) Print(line string) {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	fmt.Fprintln(b.w, line)
}

// Done ends the bar and prints a last line, unless it is empty.
func (b *Bar) Done(line string) {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	if line != "" {
		fmt.Fprintln(b.w, line)
	}
}

func (b *Bar) line(message string) {
	elapsed := b.now().Sub(b.began)
	left := time.Duration(float64(elapsed) / float64(max(b.done, 1)) * float64(b.total-b.done)).Round(time.Second)
	if message != "" {
		message = ", " + message
	}
	fmt.Fprintf(b.w, "%s: %d of %d (%.0f/s, %v left)%s\n", b.label, b.done, b.total, float64(b.done)/elapsed.Seconds(), left, message)
}
