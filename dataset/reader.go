package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
)

// A Reader streams the rows of a source. One goroutine may use it at a time; what Floats and Bytes return may be called by any.
type Reader interface {
	// Info describes the rows; it is known before the first is read.
	Info() Info
	// Next fills row, which must have Info().RowSize() elements, with the values that [Options] make of the row, and returns
	// the row's label: -1 where there is none, or where Options.Labels does not ask for any; else a whole number of 32 bits. A label
	// that is another text, as classes are called, is numbered from -2^31 up in the order in which they come, and [Load] numbers
	// them by their order. It returns io.EOF after the last row.
	Next(row []float32) (label int, err error)
	// Floats reads the next rows into dst, as many as it holds or as are left, and returns their number: 0 and io.EOF at the
	// end. Where decode is not nil, dst holds the rows only once decode has returned; it is called once, by any goroutine,
	// also during later reads. It returns an error for each bad row, in order, each with a method BadRow as [ValueError]
	// has it; bad rows are zeros in dst.
	Floats(dst []float32) (rows int, decode Decode, err error)
	// Skip passes over rows: it seeks where it can, and decodes nothing.
	Skip(rows int) error
	// Scan passes over rows as Skip does, but reads their bytes, for Options.Sums. It decodes nothing.
	Scan(rows int) error
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

// Identified is a [Reader] whose rows have names: pictures have paths, and rows of a table what its column of ids holds, where
// [Options].IDs asks for it. Elsewhere a row's name is its number. Names are UTF-8: a byte of a path that is none is written as \xNN,
// and a backslash that would read as such an escape as \x5c, so that no two paths have one name. Ids that are UTF-8 are as the table
// has them, "" where it has none, and several rows may have one. It is safe for concurrent use, also after Close.
type Identified interface {
	ID(row int) string
}

// Info describes a source.
type Info struct {
	Source   string // file name, or "glyphs"
	Rows     int
	Shape    []int  // of one row, such as [28 28]
	DType    string // of the file: "uint8", "float32" or "float64"
	Labels   bool   // whether rows have labels, wanted or not
	Pictures bool   // rows are decoded pictures
	Passed   Passed // what of a folder is no row
	// Columns are the names of a row's values, in their order: of a table's columns, which have different ones. It is nil for all
	// else.
	Columns []string
	IDs     string // the column of a table that rows have their names from, or its number; "" where there is none or nobody asks
	// FirstColumn is the number of the first column, "0" or "1", of LIBSVM's text; "" for all else.
	FirstColumn string
	Bytes       int64 // size of the source's files, 0 where it is not known; another size means that the source has changed
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

// Options choose among the rows of a source, and say what values they become. The zero value is the training split, with
// values by [dist.Unit].
type Options struct {
	Split Split  // of a folder and of glyphs; a single file has one. Empty means Train.
	Seed  uint64 // of glyphs, and of rows that are drawn
	Rows  int    // at most this many rows; 0 means all (of glyphs, 20,000 to train and 4,000 to test)
	Draw  int    // of Load: at most this many of the rows that are left, drawn by the seed, in the order of the source; 0 means all

	// Member is what is read of a file that holds several things: what FILE:NAME names, which goes before it; "" leaves it to the reader.
	Member string
	Table  Table // how the text of a table is read, and which of its columns are values
	Labels bool  // whether labels are wanted: else nobody looks at what they are
	// IDs is whether names of a table's rows are wanted: of the column id or an index of pandas, as [Table] says, and of pictures in
	// Parquet their paths. All of them are held in memory, with a byte or two more for each: see [Identified].
	IDs bool

	// Texts says that rows are embeddings of the source's texts; nil means that the source holds numbers.
	Texts *Texts

	// Layout is of arrays whose rows are pictures in colours: see [Layouts]; "" means LayoutFirst. Shape is the shape that a model's rows
	// have, nil where there is no model: then rows of [height, width, 3] become [3, height, width] where that is the model's.
	Layout string
	Shape  []int

	Image  *Image      // what pictures are made to fit; nil means the zero rule: the size of the first, on black
	Values dist.Values // what the file's numbers become, and the range in which they must then lie; zero means [dist.Unit]
	Stdin  io.Reader   // what "-" reads; nil means os.Stdin
	MaxBad float64     // of Load: the ratio of bad rows that is passed over, from 0 to 1
	// Check, of Load, says what is wrong with a row as a whole, so that it is bad; nil where every row of values within the range will do.
	Check func(row []float32) error
	Keep  int64 // at most so many bytes of a pipe are kept in a temporary file; 0 means 64 GiB
	Sums  *Sums // is told what rows were read from; nil means that nobody asks

	classes *classes // numbers labels, nil where nobody asks
}

// HasSplits reports whether a source keeps test rows apart: glyphs and a folder with MNIST's files do, a single file and
// pictures do not. An error is the system's, which does not say.
func HasSplits(source string) (bool, error) {
	if isWord(source) {
		return source == GlyphsSource, nil
	}
	_, err := findMNIST(source, Test, "images-idx3")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// maxRow bounds the values of one row, and so what is allocated on a header's word.
const maxRow = 1 << 24

// Open opens a source: one of those that [Kinds] lists, which the package's documentation shows.
//
// Once ctx is done, opening and later reading end with an error that wraps ctx.Err(), those too that wait for a pipe's writer.
// Pictures come in the order of their names. A source that does not exist is fs.ErrNotExist; content that cannot be used wraps
// [ErrData].
func Open(ctx context.Context, source string, o Options) (Reader, error) {
	if o.Split == "" {
		o.Split = Train
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("dataset: %d rows: use 0 for all, or a positive number", o.Rows)
	}
	if o.Draw < 0 {
		return nil, fmt.Errorf("dataset: %d rows to draw: use 0 for all, or a positive number", o.Draw)
	}
	if !(o.MaxBad >= 0 && o.MaxBad <= 1) {
		return nil, fmt.Errorf("dataset: a ratio of %g bad rows: use 0 to 1", o.MaxBad)
	}
	o.Values = o.Values.OrUnit()
	if err := o.Values.Check(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if o.Layout != "" && !slices.Contains(Layouts(), o.Layout) {
		return nil, fmt.Errorf("dataset: layout is %.100q: use %s", o.Layout, enumerate("or", Layouts()))
	}
	if err := o.Table.Check(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if o.Labels && o.classes == nil {
		o.classes = new(classes)
	}
	if err := reading.Stopped(source, ctx.Err()); err != nil {
		return nil, err
	}
	from := open
	if o.Texts != nil {
		from = openTexts
	}
	r, err := from(ctx, source, o)
	if err != nil {
		return nil, visible.Error(err)
	}
	info := r.Info()
	if info.Rows < 1 || info.RowSize() < 1 || info.RowSize() > maxRow {
		r.Close()
		return nil, &FormatError{File: source, Reason: fmt.Sprintf("it has %d rows of shape %v: at least one row of 1 to %d values is needed", info.Rows, info.Shape, maxRow)}
	}
	in := newRanged(r, o.Values)
	if r, err = arranged(in, o); err != nil {
		in.Close()
		return nil, visible.Error(err)
	}
	if o.Rows == 0 || o.Rows >= info.Rows {
		return r, nil
	}
	return newLimited(r, o.Rows), nil
}
