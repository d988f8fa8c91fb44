package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"codeberg.org/sbinet/npyio/npy"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
)

// NPY is numpy's format for one array: https://numpy.org/neps/nep-0001-npy-format.html. The header is parsed by npyio;
// the values are streamed here, a row at a time.

// npyReader streams an array of uint8, float32 or float64 in C order; its first axis counts the rows.
type npyReader struct {
	s     *stream
	tally *Tally
	info  Info
	order binary.ByteOrder
	width int
	buf   []byte
	row   int
	raw   pool

	values dist.Values   // what numbers become
	table  *[256]float32 // what bytes become, nil for numbers
}

// npyBytes is an npyReader of uint8, which can also give the bytes as they are.
type npyBytes struct{ *npyReader }

// NextBytes is Next for the bytes themselves.
func (r npyBytes) NextBytes(row []byte) (int, error) {
	_, err := r.readRows(row[:r.info.RowSize()])
	return -1, err
}

// Bytes reads rows straight into dst.
func (r npyBytes) Bytes(dst []byte) (int, Decode, error) {
	n, err := r.readRows(dst)
	return n, nil, err
}

func (r npyBytes) Floats(dst []float32) (int, Decode, error) {
	return floatsOfBytes(dst, r.info.RowSize(), r.row, &r.raw, r.table, r.Bytes)
}

func newNPY(s *stream, o Options) (Reader, error) {
	header, raw, err := npyHeader(s)
	if err != nil {
		return nil, err
	}
	shape := header.Descr.Shape
	if header.Descr.Fortran && len(shape) > 1 {
		return nil, &UnsupportedError{File: s.name, Reason: "its values are in Fortran order: save numpy.ascontiguousarray of them"}
	}
	if len(shape) == 0 {
		return nil, &FormatError{File: s.name, Reason: "it holds a single number: an array whose first axis counts the rows is needed"}
	}
	r := &npyReader{s: s, info: Info{Source: s.name, Rows: shape[0], Shape: shape[1:], Bytes: s.size}, order: binary.LittleEndian, values: o.Values}
	if len(shape) == 1 {
		r.info.Shape = []int{1}
	}
	descr := strings.Trim(header.Descr.Type, `'"`) // npyio keeps Python's quotes
	if strings.HasPrefix(descr, ">") {
		r.order = binary.BigEndian
	}
	switch strings.TrimLeft(descr, "<>|=") {
	case "u1":
		r.info.DType, r.width = "uint8", 1
	case "f4":
		r.info.DType, r.width = "float32", 4
	case "f8":
		r.info.DType, r.width = "float64", 8
	default:
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("its values are of type %q: uint8, float32 and float64 are read", descr)}
	}
	total, ok := product(r.width, shape)
	if !ok {
		return nil, &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares the shape %v", shape)}
	}
	if err := s.expect(int64(len(raw)), total); err != nil {
		return nil, err
	}
	if r.info.Rows > 0 && r.info.RowSize() <= maxRow { // of no rows the size is the header's word alone
		r.buf = make([]byte, r.info.RowSize()*r.width)
	}
	r.tally = o.Tally(r.info.Rows, string(raw))
	if r.width == 1 {
		r.table = tableOf(o.Values)
		return npyBytes{r}, nil
	}
	return r, nil
}

// npyHeader reads a header of at most 64 KiB. npyio panics on some broken ones.
func npyHeader(s *stream) (h npy.Header, raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &FormatError{File: s.name, Reason: fmt.Sprintf("its NPY header cannot be read: %v", p)}
		}
	}()
	head, err := s.Peek(12)
	if err != nil {
		return h, nil, s.broken("it ends in its header", err)
	}
	size := 10 + int64(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		size = 12 + int64(binary.LittleEndian.Uint32(head[8:]))
	}
	if size > 1<<16 {
		return h, nil, &FormatError{File: s.name, Reason: fmt.Sprintf("its header claims %d bytes", size)}
	}
	raw = make([]byte, size)
	if _, err := io.ReadFull(s, raw); err != nil {
		return h, nil, s.broken("it ends in its header", err)
	}
	r, err := npy.NewReader(bytes.NewReader(raw))
	if err != nil {
		return h, nil, &FormatError{File: s.name, Reason: "its NPY header cannot be read", Cause: err}
	}
	return r.Header, raw, nil
}

func (r *npyReader) Info() Info { return r.info }

func (r *npyReader) Next(row []float32) (int, error) {
	if _, err := r.readRows(r.buf); err != nil {
		return -1, err
	}
	return -1, r.decode(row, r.buf, r.row-1)
}

// readRows reads the bytes of the next rows, as many as dst holds.
func (r *npyReader) readRows(dst []byte) (int, error) {
	size := r.info.RowSize() * r.width
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, err
	}
	if err := r.s.read(dst[:n*size], r.row, size); err != nil {
		return 0, err
	}
	r.tally.Rows(r.row, n, dst[:n*size])
	if r.row += n; r.row == r.info.Rows {
		if err := r.s.end(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// decode turns a row's bytes into numbers.
func (r *npyReader) decode(row []float32, raw []byte, number int) error {
	if r.width == 1 {
		greyOf(row, raw, r.table)
		return nil
	}
	same := r.values.Numbers == 1 && r.values.Mean == 0 && r.values.Deviation == 1
	for i := range row {
		var x float64
		if r.width == 4 {
			x = float64(math.Float32frombits(r.order.Uint32(raw[4*i:])))
		} else {
			x = math.Float64frombits(r.order.Uint64(raw[8*i:]))
		}
		if row[i] = float32(x); !same {
			row[i] = r.values.Number(x)
		}
		if !r.values.Contains(row[i]) {
			return &ValueError{File: r.s.name, Row: number, Column: i, Value: x, Becomes: row[i], Values: r.values}
		}
	}
	return nil
}

// Floats reads rows and leaves their decoding for later.
func (r *npyReader) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	first, raw := r.row, r.raw.get(len(dst)*r.width)
	n, err := r.readRows(raw)
	if err != nil {
		r.raw.put(raw)
		return 0, nil, err
	}
	return n, func() (bad []error, _ error) {
		defer r.raw.put(raw)
		for i := range n {
			row := dst[i*size:][:size]
			if err := r.decode(row, raw[i*size*r.width:][:size*r.width], first+i); err != nil {
				clear(row)
				bad = append(bad, err)
			}
		}
		return bad, nil
	}, nil
}

func (r *npyReader) Skip(rows int) error {
	n := min(rows, r.info.Rows-r.row)
	err := r.s.skipRows(n, r.info.RowSize()*r.width, r.row)
	r.row += n
	return err
}

func (r *npyReader) Scan(rows int) error {
	return scan(rows, r.info.RowSize()*r.width, &r.raw, r.readRows)
}

func (r *npyReader) Close() error { return r.s.Close() }

// An NPYWriter writes an array of a known shape, piece by piece, as an NPY file of version 1.0.
type NPYWriter struct {
	w    io.Writer
	left int64 // bytes to come
	err  error
}

// NewNPYWriter writes the header of an array of uint8 or float32 ("uint8", "float32") in C order.
func NewNPYWriter(w io.Writer, dtype string, shape ...int) (*NPYWriter, error) {
	descr, width := map[string]string{"uint8": "|u1", "float32": "<f4"}[dtype], map[string]int64{"uint8": 1, "float32": 4}[dtype]
	if width == 0 {
		return nil, fmt.Errorf("dataset: NPY of %q: use uint8 or float32", dtype)
	}
	left, text := width, ""
	for _, d := range shape {
		if d < 0 || (d > 0 && left > (1<<50)/int64(d)) {
			return nil, fmt.Errorf("dataset: NPY cannot hold shape %v", shape)
		}
		left *= int64(d)
		text += fmt.Sprintf("%d, ", d)
	}
	if len(shape) > 1 {
		text = strings.TrimSuffix(text, ", ")
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, text)
	dict += strings.Repeat(" ", 63-(10+len(dict))%64) + "\n" // the values begin at a multiple of 64
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
	_, err := w.Write(append(head, dict...))
	return &NPYWriter{w: w, left: left, err: err}, err
}

// WriteBytes writes the next values of an array of uint8.
func (n *NPYWriter) WriteBytes(p []byte) error {
	if n.err == nil && int64(len(p)) > n.left {
		n.err = fmt.Errorf("dataset: NPY: %d bytes more than the shape holds", int64(len(p))-n.left)
	}
	if n.err != nil {
		return n.err
	}
	n.left -= int64(len(p))
	_, n.err = n.w.Write(p)
	return n.err
}

// WriteFloats writes the next values of an array of float32.
func (n *NPYWriter) WriteFloats(p []float32) error {
	buf := make([]byte, 0, 4*len(p))
	for _, x := range p {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
	}
	return n.WriteBytes(buf)
}

// Close reports the first error, or values that are missing. It does not close the underlying writer.
func (n *NPYWriter) Close() error {
	if n.err == nil && n.left != 0 {
		n.err = fmt.Errorf("dataset: NPY: %d bytes of values are missing", n.left)
	}
	return n.err
}
