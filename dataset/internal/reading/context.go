package reading

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/internal/visible"
)

// Stopped returns the error of reading a source that a done context ended, or nil where the cause is another.
func Stopped(name string, cause error) error {
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return visible.Error(fmt.Errorf("dataset: reading %s was stopped: %w", name, cause))
	}
	return nil
}

// Await returns what f returns, or the context's error where the context is done first. f then continues, and nobody waits for it: it is for
// calls of the system that nothing else ends, such as reading a pipe that nobody writes to.
func Await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if ctx.Done() == nil {
		return f()
	}
	type outcome struct {
		value T
		err   error
	}
	c := make(chan outcome, 1)
	go func() {
		value, err := f()
		c <- outcome{value, err}
	}()
	select {
	case o := <-c:
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// A Pipe is what can be read once and may keep its reader waiting: standard input, a named pipe. A done context ends its reads,
// those too that wait.
type Pipe struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

// NewPipe returns a reader with its reads bound to a context.
func NewPipe(ctx context.Context, r io.Reader) *Pipe { return &Pipe{ctx: ctx, r: r} }

// pipeBuffer is what is read at once.
const pipeBuffer = 1 << 18

// Read reads on, into memory of its own: a read that was given up still writes to it when it ends, and no read follows it.
func (p *Pipe) Read(dst []byte) (int, error) {
	if p.ctx.Done() == nil {
		return p.r.Read(dst)
	}
	if p.buf == nil {
		p.buf = make([]byte, pipeBuffer)
	}
	buf := p.buf[:min(len(dst), len(p.buf))]
	n, err := Await(p.ctx, func() (int, error) { return p.r.Read(buf) })
	return copy(dst, buf[:n]), err
}
