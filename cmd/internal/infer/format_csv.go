package infer

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/catvae/catvae/codes"
)

// csvFormatter writes id and values, under a header: a code as one text, anything else a column a value.
type csvFormatter struct {
	p      *Plan
	out    *csv.Writer
	record []string
	buf    []byte
}

// separatedBy returns the format of lines whose fields are separated by a character.
func separatedBy(comma rune) func(p *Plan, w io.Writer, rows int) (formatter, error) {
	return func(p *Plan, w io.Writer, _ int) (formatter, error) {
		out := csv.NewWriter(w)
		out.Comma = comma
		return newCSV(p, out)
	}
}

func newCSV(p *Plan, out *csv.Writer) (formatter, error) {
	f := &csvFormatter{p: p, out: out, record: []string{"id"}}
	switch n := p.out.width(); {
	case p.out.packed || n == 1:
		f.record = append(f.record, p.out.label)
	default:
		for i := range n {
			f.record = append(f.record, p.out.label+strconv.Itoa(i))
		}
	}
	return f, f.out.Write(f.record)
}

func (f *csvFormatter) write(r results) error {
	width := f.p.out.width()
	for i := range r.n {
		f.record = append(f.record[:0], fmt.Sprint(f.p.id(r.first+i)))
		switch {
		case f.p.out.packed:
			f.buf = f.p.appendCode(f.buf[:0], r.bytes[i*width:][:width])
			f.record = append(f.record, string(f.buf))
		case r.bytes != nil:
			for _, b := range r.bytes[i*width:][:width] {
				f.record = append(f.record, strconv.Itoa(int(b)))
			}
		default:
			for _, x := range r.floats[i*width:][:width] {
				f.record = append(f.record, strconv.FormatFloat(float64(x), 'g', -1, 32))
			}
		}
		if err := f.out.Write(f.record); err != nil {
			return err
		}
	}
	return nil
}

func (f *csvFormatter) close() error {
	f.out.Flush()
	return f.out.Error()
}

// appendCode appends a packed code as text.
func (p *Plan) appendCode(dst, code []byte) []byte {
	if p.Job.Text == Hex {
		return codes.AppendHex(dst, code)
	}
	return codes.AppendBits(dst, code, p.out.bits)
}
