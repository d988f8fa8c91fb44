package parquet_test

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/dataset"
	_ "github.com/catvae/catvae/dataset/parquet" // so that Open knows the format
)

// A Parquet file is a source like any other, once this package is imported.
func Example() {
	r, err := dataset.Open(context.Background(), "../testdata/list.parquet", dataset.Options{Labels: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	row := make([]float32, r.Info().RowSize())
	label, err := r.Next(row)
	fmt.Println(r.Info().Rows, r.Info().Shape, label, row[3]*32, err)
	// Output: 7 [4] 0 3 <nil>
}
