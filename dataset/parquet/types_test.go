package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// tableFile is a Parquet file of records that append fills, a column a builder.
func tableFile(t *testing.T, fields []arrow.Field, fill func(b *array.RecordBuilder)) string {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	fill(b)
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b.NewRecordBatch()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return write(t, buf.Bytes())
}

// appendNumber appends a small whole number to a column of any type of numbers.
func appendNumber(b array.Builder, x int) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(x != 0)
	case *array.Float16Builder:
		b.Append(float16.New(float32(x)))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(100 * x)))
	default:
		if err := b.AppendValueFromString(fmt.Sprint(x)); err != nil {
			panic(err)
		}
	}
}

func loaded(t *testing.T, path string, o dataset.Options) (string, *dataset.Set, error) {
	t.Helper()
	o.Values = dist.Values{Bytes: 1, Numbers: 1, Deviation: 1, Least: -1e9, Most: 1e9}
	set, err := dataset.Load(t.Context(), path, o)
	if err != nil {
		return "", nil, err
	}
	row, all := make([]float32, set.RowSize()), fmt.Sprint(set.Shape)
	for i := range set.Len() {
		set.Row(i, row)
		all += fmt.Sprint(row)
	}
	return all, set, nil
}

// Numbers of every type are read: as columns, in lists, in lists of lists, and in lists of a fixed size.
func TestTypes(t *testing.T) {
	t.Parallel()
	p := arrow.PrimitiveTypes
	for _, element := range []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, p.Int8, p.Int16, p.Int32, p.Int64, p.Uint8, p.Uint16, p.Uint32, p.Uint64, arrow.FixedWidthTypes.Float16, p.Float32, p.Float64,
		&arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal128Type{Precision: 30, Scale: 2},
	} {
		bit := func(x int) int { return x & 1 }
		columns := tableFile(t, []arrow.Field{{Name: "a", Type: element}, {Name: "b", Type: element}}, func(b *array.RecordBuilder) {
			for x := range 4 {
				appendNumber(b.Field(x%2), bit(x/2+x))
			}
		})
		if got, _, err := loaded(t, columns, dataset.Options{}); err != nil || got != "[2][0 1][1 0]" {
			t.Errorf("columns of %v: %s, %v", element, got, err)
		}
		for name, list := range map[string]arrow.DataType{"list": arrow.ListOf(element), "fixed list": arrow.FixedSizeListOf(3, element)} {
			path := tableFile(t, []arrow.Field{{Name: "x", Type: list}}, func(b *array.RecordBuilder) {
				l := b.Field(0).(array.ListLikeBuilder)
				for row := range 3 {
					l.Append(true)
					for x := range 3 {
						appendNumber(l.ValueBuilder(), bit(row+x))
					}
				}
			})
			if got, _, err := loaded(t, path, dataset.Options{}); err != nil || got != "[3][0 1 0][1 0 1][0 1 0]" {
				t.Errorf("%s of %v: %s, %v", name, element, got, err)
			}
		}
		nested := tableFile(t, []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.ListOf(element))}}, func(b *array.RecordBuilder) {
			outer := b.Field(0).(*array.ListBuilder)
			inner := outer.ValueBuilder().(*array.ListBuilder)
			for row := range 2 {
				outer.Append(true)
				for y := range 2 {
					inner.Append(true)
					for x := range 3 {
						appendNumber(inner.ValueBuilder(), bit(row+x*y))
					}
				}
			}
		})
		if got, _, err := loaded(t, nested, dataset.Options{}); err != nil || got != "[2 3][0 0 0 0 1 0][1 1 1 1 0 1]" {
			t.Errorf("lists of lists of %v: %s, %v", element, got, err)
		}
	}
}

// Lists of lists of another shape, and nulls in them, are bad rows, and no other row suffers.
func TestRaggedLists(t *testing.T) {
	t.Parallel()
	for _, element := range []arrow.DataType{arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Float32} {
		path := tableFile(t, []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.ListOf(element))}}, func(b *array.RecordBuilder) {
			outer := b.Field(0).(*array.ListBuilder)
			inner := outer.ValueBuilder().(*array.ListBuilder)
			for row, widths := range [][]int{{2, 2}, {1, 3}, {2}, {2, -1}, {2, 2, 2}, {2, 2}} {
				outer.Append(true)
				for _, n := range widths {
					inner.Append(n >= 0)
					for range n {
						appendNumber(inner.ValueBuilder(), row)
					}
				}
			}
			outer.AppendNull()
		})
		o := dataset.Options{Values: dist.Values{Bytes: 1, Numbers: 1, Deviation: 1, Most: 9}}
		r, err := dataset.Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got []string
		for row := make([]float32, 4); len(got) < 7; {
			_, err := r.Next(row)
			var bad *dataset.RowError
			if errors.As(err, &bad) && bad.Row == len(got) {
				got = append(got, "bad")
				continue
			}
			got = append(got, fmt.Sprint(row[0], err))
		}
		if text := strings.Join(got, ", "); text != "0 <nil>, bad, bad, bad, bad, 5 <nil>, bad" {
			t.Errorf("%v: %s", element, text)
		}
	}
}

// Columns are taken by name, in any order, those of texts among them left alone; labels may be texts and are looked at where asked.
func TestColumnsByName(t *testing.T) {
	t.Parallel()
	path := tableFile(t, []arrow.Field{
		{Name: "b", Type: arrow.PrimitiveTypes.Float32}, {Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "Label", Type: arrow.BinaryTypes.String, Nullable: true},
	}, func(b *array.RecordBuilder) {
		for i := range 3 {
			appendNumber(b.Field(0), i)
			b.Field(1).(*array.StringBuilder).Append("x")
			appendNumber(b.Field(2), 10*i)
		}
		for _, label := range []string{"dog", "cat"} {
			b.Field(3).(*array.StringBuilder).Append(label)
		}
		b.Field(3).AppendNull()
	})
	if _, _, err := loaded(t, path, dataset.Options{}); !errors.Is(err, dataset.ErrColumns) || !strings.Contains(err.Error(), `"name"`) {
		t.Error(err)
	}
	for want, table := range map[string]dataset.Table{
		"[2][0 0][10 1][20 2]": {Columns: []string{"a", "b"}},
		"[2][0 0][1 10][2 20]": {Columns: []string{"b", "a"}},
		"[1][0][1][2]":         {Columns: []string{"b"}},
	} {
		got, set, err := loaded(t, path, dataset.Options{Table: table, Labels: true})
		if err != nil || got != want {
			t.Errorf("%+v: %s, %v, want %s", table, got, err, want)
			continue
		}
		if fmt.Sprint(set.Columns) != fmt.Sprint(table.Columns) || fmt.Sprint(set.Classes, set.Label(0), set.Label(1), set.Label(2)) != "[cat dog] 1 0 -1" {
			t.Errorf("%q, %q, labels %d %d %d", set.Columns, set.Classes, set.Label(0), set.Label(1), set.Label(2))
		}
	}
	two := tableFile(t, []arrow.Field{{Name: "b", Type: arrow.PrimitiveTypes.Float32}, {Name: "a", Type: arrow.PrimitiveTypes.Float32}}, func(b *array.RecordBuilder) {
		appendNumber(b.Field(0), 1)
		appendNumber(b.Field(1), 2)
	})
	if got, _, err := loaded(t, two, dataset.Options{Table: dataset.Table{Like: []string{"a", "b"}}}); err != nil || got != "[2][2 1]" {
		t.Error(got, err)
	}
	if _, _, err := loaded(t, two, dataset.Options{Table: dataset.Table{Like: []string{"a", "c"}}}); !errors.Is(err, dataset.ErrColumns) || !strings.Contains(err.Error(), `no column "c"`) {
		t.Error(err)
	}
}

// A column of pictures gives the rows that the files give.
func TestPictures(t *testing.T) {
	t.Parallel()
	rule := &dataset.Image{Height: 4, Width: 3, Resize: "bilinear"}
	for _, structure := range []bool{true, false} {
		for _, name := range []string{"grey.png", "colour.jpg"} {
			data, err := os.ReadFile(testdata + "pictures/" + name)
			if err != nil {
				t.Fatal(err)
			}
			kind := arrow.DataType(arrow.BinaryTypes.Binary)
			if structure {
				kind = arrow.StructOf(arrow.Field{Name: "path", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "bytes", Type: kind, Nullable: true})
			}
			path := tableFile(t, []arrow.Field{{Name: "image", Type: kind, Nullable: true}, {Name: "label", Type: arrow.PrimitiveTypes.Int64}}, func(b *array.RecordBuilder) {
				for range 40 {
					to := b.Field(0)
					if s, ok := to.(*array.StructBuilder); ok {
						s.Append(true)
						s.FieldBuilder(0).(*array.StringBuilder).Append("x.png")
						to = s.FieldBuilder(1)
					}
					to.(*array.BinaryBuilder).Append(data)
					appendNumber(b.Field(1), 7)
				}
			})
			for _, fit := range []*dataset.Image{nil, rule} {
				want, _, err := loaded(t, testdata+"pictures/"+name, dataset.Options{Image: fit})
				if err != nil {
					t.Fatal(err)
				}
				got, set, err := loaded(t, path, dataset.Options{Image: fit, Labels: true})
				_, row, _ := strings.Cut(want, "][")
				if err != nil || !set.Pictures || set.Label(39) != 7 || strings.Count(got, row) != 40 || !strings.HasPrefix(got, want) {
					t.Errorf("%s, in a structure: %v: %.100s, %v, want %.100s", name, structure, got, err, want)
				}
			}
		}
	}
}
