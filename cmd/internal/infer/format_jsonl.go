package infer

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
)

func newJSONL(p *Plan, w io.Writer, _ int) (formatter, error) {
	return &jsonFormatter{p: p, w: bufio.NewWriterSize(w, 1<<16)}, nil
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
		case f.p.out.packed:
			b = append(f.p.appendCode(append(b, '"'), r.bytes[i*width:][:width]), '"')
		case r.bytes != nil:
			b = appendList(b, r.bytes[i*width:][:width], func(b []byte, x byte) []byte { return strconv.AppendUint(b, uint64(x), 10) })
		case len(f.p.out.dims) == 0:
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
