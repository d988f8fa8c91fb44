package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Reader streams the rows of a source. It is for one goroutine.
type Reader interface {
	// Info describes the rows; it is known before the first is read.
	Info() Info
	// Next fills row, which must have Info().RowSize() elements, with values within [0,1] and returns the row's label,
	// -1 where there is none. It returns io.EOF after the last row.
	Next(row []float32) (label int, err error)
	// Close frees the source. It may be called twice.
	Close() error
}

// A ByteReader is a [Reader] of bytes, which can also give them as they are. Rows come from one of the two methods.
type ByteReader interface {
	Reader
	// NextBytes is Next for the bytes themselves.
	NextBytes(row []byte) (label int, err error)
}

// Info describes a source.
type Info struct {
	Source string // file name, or "glyphs"
	Rows   int
	Shape  []int  // of one row, such as [28 28]
	DType  string // of the file: "uint8", "float32" or "float64"
	Labels bool   // whether rows have labels
}

// RowSize returns the number of values in a row.
func (i Info) RowSize() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// A Split is a part of a data set that is kept apart from the others.
type Split string

// The splits.
const (
	Train Split = "train"
	Test  Split = "test"
)

// ParseSplit returns the split of a flag's text.
func ParseSplit(s string) (Split, error) {
	if p := Split(s); p == Train || p == Test {
		return p, nil
	}
	return "", fmt.Errorf("dataset: split %q: use %s or %s", s, Train, Test)
}

// Options choose among the rows of a source. The zero value is the training split.
type Options struct {
	Split Split  // of a folder and of glyphs; a single file has one. Empty means Train.
	Seed  uint64 // of glyphs
	Rows  int    // at most so many rows; 0 means all (of glyphs, 20,000 to train and 4,000 to test)
}

// HasSplits reports whether a source keeps test rows apart: glyphs and folders do, a single file does not.
func HasSplits(source string) bool {
	info, err := os.Stat(source)
	return source == GlyphsSource || err == nil && info.IsDir()
}

// GlyphsSource is the source that is drawn instead of read.
const GlyphsSource = "glyphs"

// maxRow bounds the values of one row, and so what is allocated for a header's word.
const maxRow = 1 << 24

// Open opens a source: "glyphs", an IDX file, plain or gzip, an NPY file, or a folder with MNIST's four files. What is
// not there is fs.ErrNotExist; what cannot be used wraps [ErrData].
func Open(source string, o Options) (Reader, error) {
	if o.Split == "" {
		o.Split = Train
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("dataset: %d rows: use 0 for all, or a positive number", o.Rows)
	}
	r, err := open(source, o)
	if err != nil {
		return nil, err
	}
	if info := r.Info(); info.Rows == 0 || info.RowSize() == 0 || info.RowSize() > maxRow {
		r.Close()
		return nil, &FormatError{File: source, Reason: fmt.Sprintf("it has %d rows of shape %v: at least one row of 1 to %d values is needed", info.Rows, info.Shape, maxRow)}
	}
	if info := r.Info(); o.Rows == 0 || o.Rows >= info.Rows {
		return r, nil
	}
	return newLimited(r, o.Rows), nil
}

func open(source string, o Options) (Reader, error) {
	if source == GlyphsSource {
		return NewGlyphs(o), nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if info.IsDir() {
		return openFolder(source, o.Split)
	}
	return openFile(source)
}

// openFolder opens the images and labels of a split of MNIST, under the names in use, plain or gzip.
func openFolder(dir string, split Split) (Reader, error) {
	stem := map[Split]string{Train: "train", Test: "t10k"}[split]
	find := func(kind string) (string, error) {
		for _, name := range []string{stem + "-" + kind + "-ubyte", stem + "-" + strings.Replace(kind, "-", ".", 1) + "-ubyte"} {
			for _, suffix := range []string{"", ".gz"} {
				path := filepath.Join(dir, name+suffix)
				if _, err := os.Stat(path); err == nil {
					return path, nil
				}
			}
		}
		return "", fmt.Errorf("dataset: %s holds no %s-%s-ubyte (or .gz): give a file, or a folder with MNIST's four files: %w", dir, stem, kind, fs.ErrNotExist)
	}
	images, err := find("images-idx3")
	if err != nil {
		return nil, err
	}
	labels, err := find("labels-idx1")
	if err != nil {
		return nil, err
	}
	return openLabelled(images, labels)
}

// openFile tells a file's format by its first bytes.
func openFile(path string) (Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s, err := newStream(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	r, err := sniff(s)
	if err != nil {
		s.Close()
		return nil, err
	}
	return r, nil
}

func sniff(s *stream) (Reader, error) {
	head, err := s.Peek(8)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, &FormatError{File: s.name, Reason: "it is empty"}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FormatError{File: s.name, Reason: "it cannot be read", Cause: err}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return newNPY(s)
	case bytes.HasPrefix(head, []byte{0, 0}):
		return newIDX(s)
	}
	return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it begins with %q: IDX (plain or gzip) and NPY files are read", head)}
}

// A stream is a file's content, unpacked where it is gzip.
type stream struct {
	*bufio.Reader
	name  string
	file  io.Closer
	plain int64 // the file's size where it is not packed, else -1: what a header may promise
}

func newStream(name string, f *os.File) (*stream, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s := &stream{Reader: bufio.NewReaderSize(f, 1<<18), name: name, file: f, plain: info.Size()}
	if head, _ := s.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			return nil, &FormatError{File: name, Reason: "it is no gzip file", Cause: err}
		}
		s.Reader, s.plain = bufio.NewReaderSize(z, 1<<18), -1
	}
	return s, nil
}

func (s *stream) Close() error { return s.file.Close() }

// expect reports a plain file that is shorter or longer than its header says.
func (s *stream) expect(header, body int64) error {
	if s.plain >= 0 && s.plain != header+body {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d bytes, its header promises %d", s.plain, header+body)}
	}
	return nil
}

// read fills buf with a row's bytes.
func (s *stream) read(buf []byte, row int) error {
	if _, err := io.ReadFull(s, buf); err != nil {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it ends in row %d", row), Cause: err}
	}
	return nil
}

// limited ends a reader after some rows.
type limited struct {
	Reader
	info Info
	left int
}

// limitedBytes is limited for a reader of bytes.
type limitedBytes struct {
	*limited
	bytes ByteReader
}

func newLimited(r Reader, rows int) Reader {
	l := &limited{Reader: r, info: r.Info(), left: rows}
	l.info.Rows = rows
	if b, ok := r.(ByteReader); ok {
		return limitedBytes{l, b}
	}
	return l
}

func (l *limited) Info() Info { return l.info }
func (l *limited) Next(row []float32) (int, error) {
	if l.left == 0 {
		return -1, io.EOF
	}
	l.left--
	return l.Reader.Next(row)
}

// NextBytes is Next for the bytes themselves.
func (l limitedBytes) NextBytes(row []byte) (int, error) {
	if l.left == 0 {
		return -1, io.EOF
	}
	l.left--
	return l.bytes.NextBytes(row)
}
