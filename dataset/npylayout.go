package dataset

import (
	"context"
	"fmt"
)

// An NPYLayout says how an NPY file holds its values, for who reads them where they lie: row after row, from Offset to the end.
type NPYLayout struct {
	DType  string // as numpy calls it, such as "float32"
	Shape  []int  // the first axis counts the rows
	Offset int64  // of the first value, in bytes
	Width  int    // of a value, in bytes

	number func(b []byte) float64
}

// Number returns the value that so many bytes as Width denote.
func (l NPYLayout) Number(b []byte) float64 { return l.number(b) }

// ReadNPYLayout reads the header of an NPY file. Files whose values do not lie row after row are refused: those that are packed, and
// those in Fortran's order.
func ReadNPYLayout(ctx context.Context, path string) (l NPYLayout, err error) {
	s, err := openStream(ctx, path)
	if err != nil {
		return l, err
	}
	defer s.Close()
	if head, err := s.peek(6); err != nil || string(head) != "\x93NUMPY" {
		if err == nil {
			err = &FormatError{File: path, Reason: "it is no NPY file: numpy.save writes one"}
		}
		return l, err
	}
	header, raw, err := readNPYHeader(s)
	if err != nil {
		return l, err
	}
	e, err := header.element(path)
	if err != nil {
		return l, err
	}
	switch {
	case s.file == nil:
		return l, &UnsupportedError{File: path, Reason: "its values are looked up where they lie: unpack it first"}
	case header.fortran && len(header.shape) > 1:
		return l, &UnsupportedError{File: path, Reason: "its columns lie one after the other, and its rows are looked up: save numpy.ascontiguousarray(a)"}
	}
	total, ok := product(e.width, header.shape)
	if !ok || len(header.shape) == 0 {
		return l, &FormatError{File: path, Reason: fmt.Sprintf("its header declares the shape %v: the first axis counts the rows", header.shape)}
	}
	return NPYLayout{DType: e.name, Shape: header.shape, Offset: int64(len(raw)), Width: e.width, number: e.number}, s.expect(int64(len(raw)), total)
}
