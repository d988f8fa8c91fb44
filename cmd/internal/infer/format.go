package infer

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
)

// A formatter writes results, in order, in one format. Close ends the format, not the file.
type formatter interface {
	write(r results) error
	close() error
}

// newFormatter returns the formatter of a file that will hold so many rows.
func (p *Plan) newFormatter(f Format, w io.Writer, rows int) (formatter, error) {
	switch f {
	case Raw:
		return &rawFormatter{w: w}, nil
	case NPY:
		out, err := dataset.NewNPYWriter(w, string(p.out.dtype), append([]int{rows}, p.out.shape...)...)
		return &npyFormatter{out: out}, err
	case CSV:
		return p.newCSV(w)
	case JSONL:
		return &jsonFormatter{p: p, w: bufio.NewWriterSize(w, 1<<16)}, nil
	case Parquet:
		return p.newParquet(w)
	case PNG:
		return &sheetFormatter{p: p, w: w}, nil
	}
	return nil, fmt.Errorf("infer: %w: no file has the format %q", ErrJob, f)
}

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

// csvFormatter writes id and values, under a header: a code as one text, anything else a column a value.
type csvFormatter struct {
	p      *Plan
	out    *csv.Writer
	record []string
	buf    []byte
}

func (p *Plan) newCSV(w io.Writer) (formatter, error) {
	f := &csvFormatter{p: p, out: csv.NewWriter(w), record: []string{"id"}}
	switch n := p.out.width(); {
	case p.out.code || n == 1:
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
		case f.p.out.code:
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

// jsonFormatter writes an object a line: {"id":17,"code":"1011"}, {"id":17,"logits":[…]}.
type jsonFormatter struct {
	p   *Plan
	w   *bufio.Writer
	buf []byte
}

func (f *jsonFormatter) write(r results) error {
	width := f.p.out.width()
	for i := range r.n {
		id, err := json.Marshal(f.p.id(r.first + i))
		if err != nil {
			return err
		}
		b := append(append(f.buf[:0], `{"id":`...), id...)
		b = append(append(append(b, `,"`...), f.p.out.label...), `":`...)
		switch {
		case f.p.out.code:
			b = append(f.p.appendCode(append(b, '"'), r.bytes[i*width:][:width]), '"')
		case r.bytes != nil:
			b = appendList(b, r.bytes[i*width:][:width], func(b []byte, x byte) []byte { return strconv.AppendUint(b, uint64(x), 10) })
		case len(f.p.out.shape) == 0:
			b = strconv.AppendFloat(b, float64(r.floats[i]), 'g', -1, 32)
		default:
			b = appendList(b, r.floats[i*width:][:width], func(b []byte, x float32) []byte { return strconv.AppendFloat(b, float64(x), 'g', -1, 32) })
		}
		f.buf = append(b, "}\n"...)
		if _, err := f.w.Write(f.buf); err != nil {
			return err
		}
	}
	return nil
}

func appendList[T any](b []byte, values []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, x := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, x)
	}
	return append(b, ']')
}

func (f *jsonFormatter) close() error { return f.w.Flush() }
