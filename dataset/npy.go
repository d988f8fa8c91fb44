package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/catvae/catvae/internal/visible"
)

// NPY is numpy's format for one array: https://numpy.org/neps/nep-0001-npy-format.html. Its first axis counts the rows.

// unreadElements says of numpy's kinds of elements that are no numbers of ours what they are, and the way out.
var unreadElements = map[byte]string{
	'O': "Python objects, which only Python reads: make one array of numbers of them, such as numpy.stack(a).astype(numpy.float32)",
	'V': "records or numbers that numpy does not know: save their values by a.astype(numpy.float32)",
	'U': "texts: rows are numbers",
	'S': "texts: rows are numbers",
	'a': "texts: rows are numbers",
	'M': "dates: rows are numbers",
	'm': "spans of time: rows are numbers",
	'c': "complex numbers: save their parts, or a.real",
	'f': "floats of other widths than 16, 32 and 64 bits: save a.astype(numpy.float64)",
}

func newNPY(s *stream, o Options) (Reader, error) {
	header, raw, err := readNPYHeader(s)
	if err != nil {
		return nil, err
	}
	if len(header.shape) == 0 {
		return nil, &FormatError{File: s.name, Reason: "it holds a single number: an array whose first axis counts the rows is needed"}
	}
	element, err := header.element(s.name)
	if err != nil {
		return nil, err
	}
	total, ok := product(element.width, header.shape)
	if !ok {
		return nil, &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares the shape %v", header.shape)}
	}
	if err := s.expect(int64(len(raw)), total); err != nil {
		return nil, err
	}
	size := s.size
	var from rowSource = s
	if header.fortran && len(header.shape) > 1 {
		file, at := s.file, int64(len(raw))
		if file == nil { // packed, or a pipe: values are wanted that lie apart
			if file, err = keep(s.from.Context(), s, o.Keep); err != nil {
				return nil, err
			}
			if at = 0; file.Size() != total {
				file.Close()
				return nil, &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d bytes of values, its header promises %d", file.Size(), total)}
			}
		}
		from = newTransposed(file, at, header.shape, element.width)
	}
	return newArray(from, s.name, size, header.shape, element, o, string(raw)), nil
}

// element returns the type of the values, or why they are not read.
func (h npyHeader) element(file string) (element, error) {
	if h.records {
		return element{}, &UnsupportedError{File: file, Reason: "its values are records: save their fields as one array, by numpy.lib.recfunctions.structured_to_unstructured"}
	}
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(h.descr, ">") {
		order = binary.BigEndian
	}
	what := strings.TrimLeft(h.descr, "<>|=")
	if what == "?" {
		what = "b1"
	}
	if len(what) == 2 {
		if e, ok := elementOf(what[0], int(what[1]-'0'), order); ok {
			return e, nil
		}
	}
	reason := "other things than numbers"
	if what != "" && unreadElements[what[0]] != "" {
		reason = unreadElements[what[0]]
	}
	return element{}, &UnsupportedError{File: file, Reason: fmt.Sprintf("its values are of type %q, %s: %s are read", visible.Name(h.descr), reason, elements)}
}

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
