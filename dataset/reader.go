package dataset

import (
	"fmt"
	"io"
	"math"
)

// A Reader streams the rows of a source. It is for one goroutine, but for what Floats and Bytes return.
type Reader interface {
	// Info describes the rows; it is known before the first is read.
	Info() Info
	// Next fills row, which must have Info().RowSize() elements, with values within [0,1] and returns the row's label,
	// -1 where there is none. It returns io.EOF after the last row.
	Next(row []float32) (label int, err error)
	// Floats reads the next rows into dst, as many as it holds or as are left, and returns their number: 0 and io.EOF at the
	// end. Where decode is not nil, dst holds the rows only once decode has returned; it is called once, by any goroutine,
	// also beside later reads. It returns an error for each bad row, in order, each with a method BadRow as [ValueError]
	// has it; bad rows are zeros in dst.
	Floats(dst []float32) (rows int, decode Decode, err error)
	// Skip passes over rows: it seeks where it can, and decodes nothing.
	Skip(rows int) error
	// Close frees the source. It may be called twice.
	Close() error
}

// A ByteReader is a [Reader] of bytes, which can also give them as they are. Rows come from one of the two ways.
type ByteReader interface {
	Reader
	// NextBytes is Next for the bytes themselves.
	NextBytes(row []byte) (label int, err error)
	// Bytes is Floats for the bytes themselves.
	Bytes(dst []byte) (rows int, decode Decode, err error)
}

// Identified is a [Reader] whose rows have names: pictures have paths. Elsewhere a row's name is its number. It is safe for
// concurrent use.
type Identified interface {
	ID(row int) string
}

// Info describes a source.
type Info struct {
	Source string // file name, or "glyphs"
	Rows   int
	Shape  []int  // of one row, such as [28 28]
	DType  string // of the file: "uint8", "float32" or "float64"
	Labels bool   // whether rows have labels
	Bytes  int64  // size of the source's files, 0 where it is not known: tells whether a source has changed
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

	Image  *Image    // what pictures are made to fit; nil means the size of the first
	Divide float64   // what the numbers of CSV and Parquet are divided by, 255 for pixels; 0 means 1
	Stdin  io.Reader // what "-" reads; nil means os.Stdin
}

// HasSplits reports whether a source keeps test rows apart: glyphs and a folder with MNIST's files do, a single file and
// pictures do not.
func HasSplits(source string) bool {
	_, err := findMNIST(source, Test, "images-idx3")
	return source == GlyphsSource || err == nil
}

// GlyphsSource is the source that is drawn instead of read.
const GlyphsSource = "glyphs"

// maxRow bounds the values of one row, and so what is allocated for a header's word.
const maxRow = 1 << 24

// Open opens a source:
//
//	FILE           IDX, NPY or CSV, plain or gzip; NPZ; Parquet where dataset/parquet is imported; a picture .png, .jpg, .jpeg
//	FILE.npz:NAME  an array of an archive
//	FOLDER         with MNIST's four files, or with pictures at any depth
//	'PATTERN*.png' pictures that a pattern of path/filepath.Match fits
//	-              standard input: one of the files, but for pictures
//	glyphs         drawn on the fly
//
// Pictures come in the order of their names. What is not there is fs.ErrNotExist; what cannot be used wraps [ErrData].
func Open(source string, o Options) (Reader, error) {
	if o.Split == "" {
		o.Split = Train
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("dataset: %d rows: use 0 for all, or a positive number", o.Rows)
	}
	if !(o.Divide >= 0) || math.IsInf(o.Divide, 0) {
		return nil, fmt.Errorf("dataset: numbers divided by %g: use a positive number, such as 255", o.Divide)
	}
	r, err := open(source, o)
	if err != nil {
		return nil, err
	}
	if info := r.Info(); info.Rows < 1 || info.RowSize() < 1 || info.RowSize() > maxRow {
		r.Close()
		return nil, &FormatError{File: source, Reason: fmt.Sprintf("it has %d rows of shape %v: at least one row of 1 to %d values is needed", info.Rows, info.Shape, maxRow)}
	}
	if info := r.Info(); o.Rows == 0 || o.Rows >= info.Rows {
		return r, nil
	}
	return newLimited(r, o.Rows), nil
}
