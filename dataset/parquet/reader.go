// Package parquet adds Parquet files to the sources that package dataset opens. Import it for that:
//
//	import _ "github.com/catvae/catvae/dataset/parquet"
//
// A row's values are one column that holds them all (a list or fixed-size list of float, double or uint8, or binary of one
// byte a value), or all number columns in their order. A column called label is the label, one called id is no value. uint8 and
// binary columns are pixels; floats lie within [0,1], after division by dataset.Options.Divide.
//
// Rows are read by row groups, and skipped by the file's index. The format: https://parquet.apache.org/docs/file-format/.
package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
)

func init() { dataset.RegisterFormat("Parquet", "PAR1", Open) }

// batchRows is how many rows are decoded at once.
const batchRows = 512

// reader streams a file's rows.
type reader struct {
	info   dataset.Info
	divide float64
	file   *os.File
	rows   pqarrow.RecordReader
	values []column
	label  int // field, -1 where there is none
	row    int // of the file, the next one
	batch  arrow.RecordBatch
	at     int // in batch
	bytes  bool
	pixels []byte
}

// column is a field with values, and how many of them a row has.
type column struct {
	field int
	width int
}

// Open opens a Parquet file.
func Open(path string, o dataset.Options) (_ dataset.Reader, err error) {
	defer recovered(path, &err)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	r, err := open(path, f, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	if r.bytes {
		return byteReader{r}, nil
	}
	return r, nil
}

// recovered turns a panic of the library, which broken files cause, into an error.
func recovered(path string, err *error) {
	if p := recover(); p != nil {
		*err = &dataset.FormatError{File: path, Reason: fmt.Sprintf("it cannot be read: %v", p)}
	}
}

func open(path string, f *os.File, o dataset.Options) (*reader, error) {
	broken := func(reason string, err error) error {
		return &dataset.FormatError{File: path, Reason: reason, Cause: err}
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	properties := parquet.NewReaderProperties(memory.DefaultAllocator)
	properties.BufferedStreamEnabled, properties.BufferSize = true, 1<<20 // else a row group's columns are read whole
	p, err := file.NewParquetReader(f, file.WithReadProps(properties))
	if err != nil {
		return nil, broken("it is no Parquet file", err)
	}
	// Arrow's own schema, which some writers add, is not needed, and is trusted with what it says of its size.
	p.MetaData().FileMetaData.KeyValueMetadata = nil
	a, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: batchRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, broken("its schema cannot be read", err)
	}
	schema, err := a.Schema()
	if err != nil {
		return nil, broken("its schema cannot be read", err)
	}
	r := &reader{file: f, divide: o.Divide, label: -1, info: dataset.Info{Source: path, Rows: int(p.NumRows()), DType: "float32", Bytes: stat.Size()}}
	if r.divide == 0 {
		r.divide = 1
	}
	if r.rows, err = a.GetRecordReader(context.Background(), nil, nil); err != nil {
		return nil, broken("its columns cannot be read", err)
	}
	if err := r.choose(path, schema); err != nil {
		return nil, err
	}
	return r, r.measure(path)
}

// choose settles which fields hold values.
func (r *reader) choose(path string, schema *arrow.Schema) error {
	r.bytes = true
	wide := 0
	for i, f := range schema.Fields() {
		switch strings.ToLower(f.Name) {
		case "label":
			if !arrow.IsInteger(f.Type.ID()) {
				return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("its label has the type %s, labels are whole numbers", f.Type)}
			}
			r.label, r.info.Labels = i, true
			continue
		case "id":
			continue
		}
		if strings.HasPrefix(f.Name, "__index_level_") { // how pandas keeps an index
			continue
		}
		element := f.Type
		l, list := f.Type.(arrow.ListLikeType)
		if list {
			element = l.Elem()
			wide++
		}
		switch id := element.ID(); {
		case id == arrow.UINT8:
		case !list && (id == arrow.BINARY || id == arrow.FIXED_SIZE_BINARY || id == arrow.LARGE_BINARY):
			wide++
		case arrow.IsInteger(id) || id == arrow.FLOAT32 || id == arrow.FLOAT64:
			r.bytes = false
		default:
			return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("its column %q has the type %s: numbers, lists of numbers and binary are values; only id and label are not", f.Name, f.Type)}
		}
		r.values = append(r.values, column{field: i, width: 1})
	}
	if len(r.values) == 0 || wide > 0 && len(r.values) > 1 {
		return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("it has %d columns of values, %d of them with several: one column with all values, or a number a column is read", len(r.values), wide)}
	}
	if r.bytes {
		r.info.DType = "uint8"
	}
	return nil
}

// measure takes the shape of rows from the first one that has values.
func (r *reader) measure(path string) error {
	if err := r.load(); err != nil {
		if errors.Is(err, io.EOF) {
			return &dataset.FormatError{File: path, Reason: "it has no rows"}
		}
		return err
	}
	r.info.Shape = []int{len(r.values)}
	if len(r.values) > 1 {
		return nil
	}
	for i := range int(r.batch.NumRows()) {
		if n := width(r.batch.Column(r.values[0].field), i); n > 0 {
			r.values[0].width, r.info.Shape = n, []int{n}
			return nil
		}
	}
	return &dataset.FormatError{File: path, Reason: "its first rows hold no values"}
}

// width returns the number of values that a column holds in a row.
func width(a arrow.Array, i int) int {
	if a.IsNull(i) {
		return 0
	}
	switch c := a.(type) {
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		return int(to - from)
	case *array.Binary:
		return c.ValueLen(i)
	case *array.LargeBinary:
		return c.ValueLen(i)
	case *array.FixedSizeBinary:
		return c.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
	}
	return 1
}

// load reads the next batch where the last one is used up.
func (r *reader) load() (err error) {
	defer recovered(r.info.Source, &err)
	for r.batch == nil || r.at == int(r.batch.NumRows()) {
		if r.batch, err = r.rows.Read(); errors.Is(err, io.EOF) {
			return io.EOF
		} else if err != nil {
			return &dataset.FormatError{File: r.info.Source, Reason: fmt.Sprintf("it cannot be read from row %d on", r.row), Cause: err}
		}
		r.at = 0
	}
	return nil
}

func (r *reader) Info() dataset.Info { return r.info }

func (r *reader) Close() error {
	if r.rows == nil {
		return nil
	}
	r.rows.Release()
	r.rows = nil
	return r.file.Close()
}

// Skip seeks by the file's index.
func (r *reader) Skip(rows int) (err error) {
	defer recovered(r.info.Source, &err)
	r.row = min(r.row+rows, r.info.Rows)
	if left := int(r.batch.NumRows()) - r.at; rows <= left {
		r.at += rows
		return nil
	}
	r.at = int(r.batch.NumRows())
	if r.row == r.info.Rows {
		return nil
	}
	if err := r.rows.SeekToRow(int64(r.row)); err != nil {
		return &dataset.FormatError{File: r.info.Source, Reason: fmt.Sprintf("row %d cannot be found", r.row), Cause: err}
	}
	return nil
}

// Next reads a row of numbers.
func (r *reader) Next(row []float32) (int, error) {
	if r.bytes {
		label, err := r.nextBytes(r.scratch())
		for i, b := range r.pixels {
			row[i] = float32(b) / 255
		}
		return label, err
	}
	return r.next(func(number int) error {
		at := 0
		for _, c := range r.values {
			a := r.batch.Column(c.field)
			if width(a, r.at) != c.width {
				return r.bad(number, fmt.Sprintf("column %q holds %d values, the first row has %d", r.batch.ColumnName(c.field), width(a, r.at), c.width))
			}
			from, values := 0, a
			if l, ok := a.(array.ListLike); ok {
				offset, _ := l.ValueOffsets(r.at)
				from, values = int(offset), l.ListValues()
			} else {
				from = r.at
			}
			for i := range c.width {
				x, ok := number64(values, from+i)
				if row[at] = float32(x / r.divide); !ok || !(row[at] >= 0 && row[at] <= 1) {
					return r.bad(number, fmt.Sprintf("value %d is %s: values must lie in [0,%g]", at, values.ValueStr(from+i), r.divide))
				}
				at++
			}
		}
		return nil
	})
}

// next passes over a row that take looks at, and returns its label.
func (r *reader) next(take func(number int) error) (label int, err error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	if err := r.load(); err != nil {
		if errors.Is(err, io.EOF) {
			err = &dataset.FormatError{File: r.info.Source, Reason: fmt.Sprintf("it ends in row %d of %d", r.row, r.info.Rows)}
		}
		return -1, err
	}
	defer recovered(r.info.Source, &err)
	defer func() { r.at, r.row = r.at+1, r.row+1 }()
	label = -1
	if r.label >= 0 {
		x, ok := number64(r.batch.Column(r.label), r.at)
		if !ok {
			return -1, r.bad(r.row, "its label is null")
		}
		label = int(x)
	}
	return label, take(r.row)
}

func (r *reader) nextBytes(row []byte) (int, error) {
	return r.next(func(number int) error {
		if len(r.values) > 1 {
			for i, c := range r.values {
				a := r.batch.Column(c.field).(*array.Uint8)
				if a.IsNull(r.at) {
					return r.bad(number, fmt.Sprintf("value %d is null", i))
				}
				row[i] = a.Value(r.at)
			}
			return nil
		}
		a := r.batch.Column(r.values[0].field)
		if n := width(a, r.at); n != len(row) {
			return r.bad(number, fmt.Sprintf("it holds %d values, the first row has %d", n, len(row)))
		}
		switch c := a.(type) {
		case *array.Binary:
			copy(row, c.Value(r.at))
		case *array.LargeBinary:
			copy(row, c.Value(r.at))
		case *array.FixedSizeBinary:
			copy(row, c.Value(r.at))
		case *array.Uint8:
			row[0] = c.Value(r.at)
		case array.ListLike:
			from, to := c.ValueOffsets(r.at)
			values := c.ListValues().(*array.Uint8)
			if values.NullN() > 0 {
				for i := from; i < to; i++ {
					if values.IsNull(int(i)) {
						return r.bad(number, fmt.Sprintf("value %d is null", i-from))
					}
				}
			}
			copy(row, values.Uint8Values()[from:to])
		}
		return nil
	})
}

func (r *reader) scratch() []byte {
	if r.pixels == nil {
		r.pixels = make([]byte, r.info.RowSize())
	}
	clear(r.pixels)
	return r.pixels
}

func (r *reader) bad(number int, reason string) error {
	return &dataset.RowError{File: r.info.Source, Row: number, Reason: reason}
}

// Floats reads rows of numbers. Arrow decodes columns as it reads, so that little is left for later.
func (r *reader) Floats(dst []float32) (int, dataset.Decode, error) {
	return dataset.Rowwise(dst, r.info.RowSize(), r.Next)
}

// byteReader is a reader of bytes.
type byteReader struct{ *reader }

// NextBytes reads a row of bytes.
func (r byteReader) NextBytes(row []byte) (int, error) { return r.nextBytes(row) }

// Bytes reads rows of bytes.
func (r byteReader) Bytes(dst []byte) (int, dataset.Decode, error) {
	return dataset.Rowwise(dst, r.info.RowSize(), r.nextBytes)
}

// number64 returns a number of any type; false for null.
func number64(a arrow.Array, i int) (float64, bool) {
	if a.IsNull(i) {
		return 0, false
	}
	switch c := a.(type) {
	case *array.Float32:
		return float64(c.Value(i)), true
	case *array.Float64:
		return c.Value(i), true
	case *array.Int8:
		return float64(c.Value(i)), true
	case *array.Int16:
		return float64(c.Value(i)), true
	case *array.Int32:
		return float64(c.Value(i)), true
	case *array.Int64:
		return float64(c.Value(i)), true
	case *array.Uint8:
		return float64(c.Value(i)), true
	case *array.Uint16:
		return float64(c.Value(i)), true
	case *array.Uint32:
		return float64(c.Value(i)), true
	case *array.Uint64:
		return float64(c.Value(i)), true
	}
	return 0, false
}
