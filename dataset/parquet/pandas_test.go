package parquet_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
)

// An index that has a name is in the file like any other column, except that pandas says so at its end. Numbers of it are no values.
func TestPandasIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pandas  string
		columns []string
		want    []string // columns of values
		ids     []string
	}{
		"named":          {`{"index_columns": ["customer"]}`, nil, []string{"a"}, []string{"1", "0"}},
		"asked for":      {`{"index_columns": ["customer"]}`, []string{"customer"}, []string{"customer"}, nil},
		"0, 1, 2":        {`{"index_columns": [{"kind": "range", "start": 0, "stop": 2, "step": 1}]}`, nil, []string{"a", "customer"}, nil},
		"5, 7, 9":        {`{"index_columns": [{"kind": "range", "name": null, "start": 5, "stop": 9, "step": 2}]}`, nil, []string{"a", "customer"}, []string{"5", "7"}},
		"not there":      {`{"index_columns": ["other"]}`, nil, []string{"a", "customer"}, nil},
		"no JSON":        {`{"index_columns": [`, nil, []string{"a", "customer"}, nil},
		"without pandas": {"", nil, []string{"a", "customer"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var keys *arrow.Metadata
			if c.pandas != "" {
				m := arrow.NewMetadata([]string{"pandas"}, []string{c.pandas})
				keys = &m
			}
			schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Float32}, {Name: "customer", Type: arrow.PrimitiveTypes.Int64}}, keys)
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			for i := range 2 {
				appendNumber(b.Field(0), i)
				appendNumber(b.Field(1), 1-i)
			}
			var file bytes.Buffer
			w, err := pqarrow.NewFileWriter(schema, &file, nil, pqarrow.DefaultWriterProps())
			if err == nil {
				err = errors.Join(w.Write(b.NewRecordBatch()), w.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := dataset.Open(t.Context(), write(t, file.Bytes()), dataset.Options{IDs: true, Table: dataset.Table{Columns: c.columns}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got := r.Info().Columns; !slices.Equal(got, c.want) {
				t.Errorf("columns %q, want %q", got, c.want)
			}
			named, ok := r.(dataset.Identified)
			if ok != (c.ids != nil) || ok && !slices.Equal([]string{named.ID(0), named.ID(1)}, c.ids) {
				t.Errorf("ids %t, want %q", ok, c.ids)
			}
		})
	}
}
