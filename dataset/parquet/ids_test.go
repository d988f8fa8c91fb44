package parquet_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/catvae/catvae/dataset"
)

// Names are of any type that is one value a row.
func TestNamesOfRows(t *testing.T) {
	t.Parallel()
	p, b := arrow.PrimitiveTypes, arrow.BinaryTypes
	path := arrow.StructOf(arrow.Field{Name: "path", Type: b.String}, arrow.Field{Name: "bytes", Type: b.Binary})
	for name, c := range map[string]struct {
		column string
		kind   arrow.DataType
		texts  []string
		want   []string
	}{
		"texts":               {"Id", b.String, []string{"x", "y,z"}, []string{"x", "y,z"}},
		"long texts":          {"id", b.LargeString, []string{"x", "x"}, []string{"x", "x"}},
		"numbers":             {"id", p.Int64, []string{"-7", "12345678901234"}, []string{"-7", "12345678901234"}},
		"an index of numbers": {"__index_level_0__", p.Int64, []string{"7", "3"}, []string{"7", "3"}},
		"an index of times":   {"__index_level_0__", &arrow.TimestampType{Unit: arrow.Second}, []string{"2026-01-02 03:04:05", "2026-01-03 00:00:00"}, []string{"2026-01-02T03:04:05", "2026-01-03T00:00:00"}},
		"nulls":               {"id", b.String, []string{"", "y"}, []string{"", "y"}},
		"nulls alone":         {"id", b.String, []string{"", ""}, nil},
		"a structure":         {"id", path, nil, nil},
		"a list":              {"id", arrow.ListOf(p.Int64), nil, nil},
		"another column":      {"name of the label", p.Float32, []string{"1", "0"}, nil},
	} {
		for _, values := range []arrow.DataType{p.Float32, p.Uint8} {
			file := tableFile(t, []arrow.Field{{Name: "a", Type: values}, {Name: c.column, Type: c.kind, Nullable: true}}, func(b *array.RecordBuilder) {
				for i := range 2 {
					appendNumber(b.Field(0), i)
					if i >= len(c.texts) || c.texts[i] == "" {
						b.Field(1).AppendNull()
					} else if err := b.Field(1).AppendValueFromString(c.texts[i]); err != nil {
						t.Fatal(err)
					}
				}
			})
			r, err := dataset.Open(t.Context(), file, dataset.Options{IDs: true})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer r.Close()
			named, ok := r.(dataset.Identified)
			if ok != (c.want != nil) {
				t.Errorf("%s of %v: named: %t", name, values, ok)
			}
			if !ok {
				continue
			}
			row := make([]float32, r.Info().RowSize())
			if _, err := r.Next(row); err != nil {
				t.Error(err)
			}
			if got := []string{named.ID(0), named.ID(1)}; !slices.Equal(got, c.want) || r.Info().IDs != c.column {
				t.Errorf("%s of %v: %q of %q, want %q", name, values, got, r.Info().IDs, c.want)
			}
		}
	}
}
