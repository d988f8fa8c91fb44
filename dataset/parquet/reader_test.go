package parquet_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	_ "github.com/catvae/catvae/dataset/parquet"
)

const testdata = "../testdata/" // written by pyarrow: see generate.py there

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Arrow's own schema beside Parquet's is passed over: a file may lie in it and costs no memory.
func TestArrowSchema(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(testdata + "list.parquet")
	if err != nil {
		t.Fatal(err)
	}
	from := bytes.Index(good, []byte("/////")) // base64 of a message's mark
	for at := from + 5; at < from+200; at++ {
		data := bytes.Clone(good)
		data[at] = '/'
		r, err := dataset.Open(t.Context(), write(t, data), dataset.Options{Labels: true})
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		row := make([]float32, 4)
		if label, err := r.Next(row); label != 0 || err != nil || row[3] != 3.0/32 {
			t.Errorf("byte %d: %v, %d, %v", at, row, label, err)
		}
		r.Close()
	}
}

// Whatever a footer claims, an error or rows come of it, and memory in bounds.
func TestFooters(t *testing.T) {
	for _, name := range []string{"list.parquet", "columns.parquet", "fixed_binary.parquet"} {
		good, err := os.ReadFile(testdata + name)
		if err != nil {
			t.Fatal(err)
		}
		for at := 4; at < len(good); at += 7 {
			data := bytes.Clone(good)
			data[at] = 0xff
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := dataset.Open(t.Context(), write(t, data), dataset.Options{})
			if err == nil && r.Info().Rows > 0 && r.Info().RowSize() < 1<<24 {
				_, _, err = r.Floats(make([]float32, 2*r.Info().RowSize()))
			}
			if r != nil {
				r.Close()
			}
			if err != nil && (!errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s, byte %d: %v", name, at, err)
			}
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
				t.Errorf("%s, byte %d: %d bytes are allocated", name, at, after.TotalAlloc-before.TotalAlloc)
			}
		}
	}
}

// What is no row of numbers is told by its column, and an empty file by its being so.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	number, list := arrow.PrimitiveTypes.Float32, arrow.ListOf(arrow.PrimitiveTypes.Float32)
	for reason, fields := range map[string][]arrow.Field{
		`its column "x" has the type utf8`:                   {{Name: "x", Type: arrow.BinaryTypes.String}},
		`its column "x" has the type timestamp`:              {{Name: "x", Type: arrow.FixedWidthTypes.Timestamp_us}},
		`its column "x" has the type list`:                   {{Name: "x", Type: arrow.ListOf(arrow.BinaryTypes.Binary)}},
		`its column "y" has the type list`:                   {{Name: "y", Type: arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.String))}},
		"its label has the type list":                        {{Name: "label", Type: list}, {Name: "x", Type: number}},
		"it has 2 columns of values, 1 of them with several": {{Name: "x", Type: number}, {Name: "y", Type: list}},
		"it has 0 columns of values":                         {{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "Label", Type: arrow.PrimitiveTypes.Int8}},
		"it has no rows":                                     {{Name: "x", Type: number}},
	} {
		var buf bytes.Buffer
		w, err := pqarrow.NewFileWriter(arrow.NewSchema(fields, nil), &buf, nil, pqarrow.DefaultWriterProps())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err := dataset.Open(t.Context(), write(t, buf.Bytes()), dataset.Options{Labels: true}); !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, %v", reason, r, err)
		}
	}
	if _, err := dataset.Open(t.Context(), "nowhere", dataset.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Columns that are no values may be of any type, structures among them: they are not even read.
func TestOtherColumns(t *testing.T) {
	t.Parallel()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int8})},
		{Name: "x", Type: arrow.PrimitiveTypes.Float32}, {Name: "label", Type: arrow.PrimitiveTypes.Int64}, {Name: "y", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 3000 {
		s := b.Field(0).(*array.StructBuilder)
		s.Append(true)
		s.FieldBuilder(0).(*array.StringBuilder).Append("name")
		s.FieldBuilder(1).(*array.Int8Builder).Append(1)
		b.Field(1).(*array.Float32Builder).Append(float32(i) / 4096)
		b.Field(2).(*array.Int64Builder).Append(int64(i))
		b.Field(3).(*array.Float64Builder).Append(1 - float64(i)/4096)
	}
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b.NewRecordBatch()), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := dataset.Open(t.Context(), write(t, buf.Bytes()), dataset.Options{Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row, at := make([]float32, 2), 0
	for _, skip := range []int{0, 1, 600, 0, 1500} { // within batches and across them
		if err := r.Skip(skip); err != nil {
			t.Fatal(err)
		}
		at += skip
		if label, err := r.Next(row); err != nil || label != at || row[0] != float32(at)/4096 || row[1] != 1-row[0] {
			t.Errorf("row %d: %d, %v, %v", at, label, row, err)
		}
		at++
	}
}
