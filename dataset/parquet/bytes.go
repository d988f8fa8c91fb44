package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
)

// byteReader is a reader of bytes.
type byteReader struct{ *reader }

// NextBytes reads a row of bytes.
func (r byteReader) NextBytes(row []byte) (int, error) { return r.nextBytes(row) }

// Bytes reads rows of bytes.
func (r byteReader) Bytes(dst []byte) (int, dataset.Decode, error) {
	return reading.Rowwise(dst, r.info.RowSize(), r.nextBytes)
}

func (r *reader) nextBytes(row []byte) (int, error) {
	return r.next(func(number int) error {
		if r.images {
			return r.picture(row, number)
		}
		at := 0
		for _, c := range r.holds {
			a := r.batch.Column(c.field)
			if isBinary(a.DataType()) {
				value := binaryOf(a, r.at)
				if len(value) != len(row) {
					return r.bad(number, fmt.Sprintf("it holds %d values, the first row has %d", len(value), len(row)))
				}
				copy(row, value)
				return nil
			}
			values, from, to, reason := span(a, r.at, c.shape)
			if reason != "" {
				return r.bad(number, r.inColumn(c, reason))
			}
			bytes := values.(*array.Uint8)
			if bytes.NullN() > 0 {
				for i := from; i < to; i++ {
					if bytes.IsNull(i) {
						return r.bad(number, fmt.Sprintf("value %d is null", at+i-from))
					}
				}
			}
			at += copy(row[at:], bytes.Uint8Values()[from:to])
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
