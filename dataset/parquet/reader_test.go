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
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/parquet"
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
	good, err := os.ReadFile(testdata + "list.parquet")
	if err != nil {
		t.Fatal(err)
	}
	from := bytes.Index(good, []byte("/////")) // base64 of a message's mark
	for at := from + 5; at < from+200; at++ {
		data := bytes.Clone(good)
		data[at] = '/'
		r, err := parquet.Open(write(t, data), dataset.Options{})
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
			r, err := parquet.Open(write(t, data), dataset.Options{})
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
	number, list := arrow.PrimitiveTypes.Float32, arrow.ListOf(arrow.PrimitiveTypes.Float32)
	for reason, fields := range map[string][]arrow.Field{
		`its column "x" has the type utf8`:                   {{Name: "x", Type: arrow.BinaryTypes.String}},
		`its column "x" has the type bool`:                   {{Name: "x", Type: arrow.FixedWidthTypes.Boolean}},
		`its column "x" has the type list`:                   {{Name: "x", Type: arrow.ListOf(arrow.BinaryTypes.Binary)}},
		`its column "y" has the type list`:                   {{Name: "y", Type: arrow.ListOf(list)}},
		"its label has the type float32":                     {{Name: "label", Type: number}, {Name: "x", Type: number}},
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
		if r, err := parquet.Open(write(t, buf.Bytes()), dataset.Options{}); !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, %v", reason, r, err)
		}
	}
	if _, err := parquet.Open("nowhere", dataset.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
