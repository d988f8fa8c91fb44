package parquet

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// Read reads a file that a [Writer] has written, or one like it: the column code, binary of one width, and the column id, of numbers or
// names, nil where there is none. bytes is the width of a code. The file must be one that is trusted, or small: it is read whole.
func Read(ctx context.Context, r parquet.ReaderAtSeeker) (ids []string, codes []byte, bytes int, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on broken files
			err = fmt.Errorf("parquet: the file is broken: %v", p)
		}
	}()
	f, err := file.NewParquetReader(r)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("parquet: %w", err)
	}
	table, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1 << 12}, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("parquet: %w", err)
	}
	schema := f.MetaData().Schema
	code, id := schema.ColumnIndexByName("code"), schema.ColumnIndexByName("id")
	if code < 0 {
		return nil, nil, 0, fmt.Errorf("parquet: there is no column code: a file of codes has the columns id and code")
	}
	columns := []int{code}
	if id >= 0 {
		columns = append(columns, id)
	}
	groups := make([]int, f.NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	rows, err := table.GetRecordReader(ctx, columns, groups)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("parquet: %w", err)
	}
	defer rows.Release()
	for rows.Next() {
		batch := rows.RecordBatch()
		for i, field := range batch.Schema().Fields() {
			column := batch.Column(i)
			for row := range column.Len() {
				switch {
				case column.IsNull(row):
					return nil, nil, 0, fmt.Errorf("parquet: column %s is null in row %d", field.Name, len(ids)+row)
				case field.Name == "id":
					name, err := idOf(column, row)
					if err != nil {
						return nil, nil, 0, err
					}
					ids = append(ids, name)
				default:
					value, err := bytesOf(column, row)
					if err == nil && (len(value) == 0 || bytes != 0 && len(value) != bytes) {
						err = fmt.Errorf("parquet: a code has %d bytes, another %d", bytes, len(value))
					}
					if err != nil {
						return nil, nil, 0, err
					}
					bytes = len(value)
					codes = append(codes, value...)
				}
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, 0, fmt.Errorf("parquet: %w", err)
	}
	if id >= 0 && bytes > 0 && len(ids) != len(codes)/bytes {
		return nil, nil, 0, fmt.Errorf("parquet: %d ids, %d codes", len(ids), len(codes)/bytes)
	}
	return ids, codes, bytes, nil
}

func idOf(column arrow.Array, row int) (string, error) {
	switch c := column.(type) {
	case *array.String:
		return c.Value(row), nil
	case *array.LargeString:
		return c.Value(row), nil
	case *array.Int64:
		return strconv.FormatInt(c.Value(row), 10), nil
	case *array.Int32:
		return strconv.FormatInt(int64(c.Value(row)), 10), nil
	}
	return "", fmt.Errorf("parquet: column id has the type %s: ids are whole numbers or names", column.DataType())
}

func bytesOf(column arrow.Array, row int) ([]byte, error) {
	switch c := column.(type) {
	case *array.FixedSizeBinary:
		return c.Value(row), nil
	case *array.Binary:
		return c.Value(row), nil
	}
	return nil, fmt.Errorf("parquet: column code has the type %s: codes are binary", column.DataType())
}
