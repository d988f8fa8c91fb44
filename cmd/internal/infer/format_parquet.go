package infer

import (
	"io"

	"github.com/catvae/catvae/codes/parquet"
)

// parquetFormatter writes id and packed code.
type parquetFormatter struct {
	p     *Plan
	out   *parquet.Writer
	names []string
}

func newParquet(p *Plan, w io.Writer, _ int) (formatter, error) {
	out, err := parquet.NewWriter(w, p.out.width(), p.named != nil)
	return &parquetFormatter{p: p, out: out}, err
}

func (f *parquetFormatter) write(r results) error {
	f.names = f.names[:0]
	if f.p.named != nil {
		for i := range r.n {
			f.names = append(f.names, f.p.named.ID(r.first+i))
		}
	}
	return f.out.Write(r.first, f.names, r.bytes)
}

func (f *parquetFormatter) close() error { return f.out.Close() }
