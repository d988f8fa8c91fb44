package parquet_test

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/catvae/catvae/codes/parquet"
)

// Three codes of ten bits, two bytes each, in two batches.
func Example() {
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, 2, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Write(0, []string{"cat.png", "dog.png"}, []byte{0xb0, 0xc0, 0xb1, 0xc0}) // an error stays until Close
	w.Write(2, []string{"emu.png"}, []byte{0x4f, 0x00})
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.NumRows(), "rows of", f.MetaData().Schema.Column(0).Name(), "and", f.MetaData().Schema.Column(1).Name())
	// Output: 3 rows of id and code
}
