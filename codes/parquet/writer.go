// Package parquet writes packed codes as Parquet files, which data frames, lakes and databases read.
//
// A file has two columns: id, the row's number (int64) or its name (string), and code, a fixed-size binary of the packed
// code's bytes, most significant bit first, as package codes has them. Rows come in row groups of a fixed size, so that
// memory stays bounded and equal rows give equal files, however they were passed in.
//
// A [Writer] is for one goroutine at a time. The format: https://parquet.apache.org/docs/file-format/. The package is separate
// from codes because Apache Arrow's Go module is large.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// ErrClosed is returned by writing to a closed writer.
var ErrClosed = errors.New("parquet: write after close")

// A row group, which memory holds, has groupRows rows, or as many as have groupBytes of codes: 64 Ki codes of 25 bytes are
// 1.6 MB.
const (
	groupRows  = 1 << 16
	groupBytes = 16 << 20
)

// maxBytes is the size of the largest code that package codes has.
const maxBytes = 1 << 17

// A Writer writes codes, in order. It is for one goroutine at a time. The first error stays.
type Writer struct {
	out    *pqarrow.FileWriter
	rows   *array.RecordBuilder
	bytes  int // of a code
	group  int // rows of a row group
	held   int // rows in the builder
	closed bool
	err    error
}

// NewWriter begins a file of codes of codeBytes bytes. named says that ids are names; otherwise they are numbers.
func NewWriter(w io.Writer, codeBytes int, named bool) (*Writer, error) {
	if codeBytes < 1 || codeBytes > maxBytes {
		return nil, fmt.Errorf("parquet: codes of %d bytes: use 1 to %d", codeBytes, maxBytes)
	}
	var id arrow.DataType = arrow.PrimitiveTypes.Int64
	if named {
		id = arrow.BinaryTypes.String
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: id}, {Name: "code", Type: &arrow.FixedSizeBinaryType{ByteWidth: codeBytes}}}, nil)
	out, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, // not to be closed by the library
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false), parquet.WithMaxRowGroupLength(groupRows)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return &Writer{out: out, rows: rows, bytes: codeBytes, group: min(groupRows, groupBytes/codeBytes)}, nil
}

// Write adds packed codes, any number of them. Their ids are the numbers from first on, or names, one for each code, where the
// file has names.
func (w *Writer) Write(first int, names []string, codes []byte) error {
	if w.closed {
		return ErrClosed
	}
	n := len(codes) / w.bytes
	numbers, numbered := w.rows.Field(0).(*array.Int64Builder)
	if w.err == nil && (len(codes)%w.bytes != 0 || !numbered && len(names) != n || numbered && len(names) != 0) {
		w.err = fmt.Errorf("parquet: %d bytes and %d names: codes have %d bytes, and each a name where ids are names, else none", len(codes), len(names), w.bytes)
	}
	for i := 0; i < n && w.err == nil; i++ {
		if numbered {
			numbers.Append(int64(first + i))
		} else {
			if !utf8.ValidString(names[i]) {
				w.err = fmt.Errorf("parquet: the name %q is not UTF-8, which others could not read", names[i])
				break
			}
			w.rows.Field(0).(*array.StringBuilder).Append(names[i])
		}
		w.rows.Field(1).(*array.FixedSizeBinaryBuilder).Append(codes[i*w.bytes:][:w.bytes])
		if w.held++; w.held == w.group {
			w.flush()
		}
	}
	return w.err
}

// flush writes a row group.
func (w *Writer) flush() {
	batch := w.rows.NewRecordBatch()
	defer batch.Release()
	w.held = 0
	if err := w.out.Write(batch); err != nil {
		w.err = fmt.Errorf("parquet: %w", err)
	}
}

// Close writes what is left and the file's end. It does not close the underlying writer. Closing again does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	defer w.rows.Release()
	if w.held > 0 && w.err == nil {
		w.flush()
	}
	if err := w.out.Close(); err != nil && w.err == nil {
		w.err = fmt.Errorf("parquet: %w", err)
	}
	return w.err
}
