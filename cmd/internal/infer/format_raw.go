package infer

import (
	"io"

	"github.com/catvae/catvae/dataset"
)

func newRaw(_ *Plan, w io.Writer, _ int) (formatter, error) { return &rawFormatter{w: w}, nil }

// rawFormatter writes bytes as they are and float32 with the low byte first, row after row, and nothing else.
type rawFormatter struct {
	w   io.Writer
	buf []byte
}

func (f *rawFormatter) write(r results) error {
	f.buf = r.appendRaw(f.buf[:0])
	_, err := f.w.Write(f.buf)
	return err
}
func (f *rawFormatter) close() error { return nil }

func newNPY(p *Plan, w io.Writer, rows int) (formatter, error) {
	out, err := dataset.NewNPYWriter(w, string(p.out.dtype), append([]int{rows}, p.out.dims...)...)
	return &npyFormatter{out: out}, err
}

// npyFormatter writes numpy's format.
type npyFormatter struct {
	out *dataset.NPYWriter
	buf []byte
}

func (f *npyFormatter) write(r results) error {
	f.buf = r.appendRaw(f.buf[:0])
	return f.out.WriteBytes(f.buf)
}
func (f *npyFormatter) close() error { return f.out.Close() }
