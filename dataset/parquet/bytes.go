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
		if len(r.holds) > 1 {
			for i, c := range r.holds {
				a := r.batch.Column(c.field).(*array.Uint8)
				if a.IsNull(r.at) {
					return r.bad(number, fmt.Sprintf("value %d is null", i))
				}
				row[i] = a.Value(r.at)
			}
			return nil
		}
		a := r.batch.Column(r.holds[0].field)
		if n := width(a, r.at); n != len(row) {
			return r.bad(number, fmt.Sprintf("it holds %d values, the first row has %d", n, len(row)))
		}
		switch c := a.(type) {
		case *array.Binary:
			copy(row, c.Value(r.at))
		case *array.LargeBinary:
			copy(row, c.Value(r.at))
		case *array.FixedSizeBinary:
			copy(row, c.Value(r.at))
		case *array.Uint8:
			row[0] = c.Value(r.at)
		case array.ListLike:
			from, to := c.ValueOffsets(r.at)
			values := c.ListValues().(*array.Uint8)
			if values.NullN() > 0 {
				for i := from; i < to; i++ {
					if values.IsNull(int(i)) {
						return r.bad(number, fmt.Sprintf("value %d is null", i-from))
					}
				}
			}
			copy(row, values.Uint8Values()[from:to])
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
