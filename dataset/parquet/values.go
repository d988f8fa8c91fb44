package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// maxAllocation bounds what is allocated at once: a page of a few bytes may claim to hold 2^31 equal values.
const maxAllocation = 1 << 30

// bounded is an allocator that panics where more is asked for, which becomes a FormatError like every panic of the library.
type bounded struct{ memory.Allocator }

func (b bounded) Allocate(size int) []byte { return b.Allocator.Allocate(affordable(size)) }

func (b bounded) Reallocate(size int, old []byte) []byte {
	return b.Allocator.Reallocate(affordable(size), old)
}

func affordable(size int) int {
	if size > maxAllocation {
		panic(fmt.Sprintf("%d bytes would be needed at once, up to %d are taken", size, maxAllocation))
	}
	return size
}

// number64 returns a number of any type; false for null.
func number64(a arrow.Array, i int) (float64, bool) {
	if a.IsNull(i) {
		return 0, false
	}
	switch c := a.(type) {
	case *array.Float32:
		return float64(c.Value(i)), true
	case *array.Float64:
		return c.Value(i), true
	case *array.Int8:
		return float64(c.Value(i)), true
	case *array.Int16:
		return float64(c.Value(i)), true
	case *array.Int32:
		return float64(c.Value(i)), true
	case *array.Int64:
		return float64(c.Value(i)), true
	case *array.Uint8:
		return float64(c.Value(i)), true
	case *array.Uint16:
		return float64(c.Value(i)), true
	case *array.Uint32:
		return float64(c.Value(i)), true
	case *array.Uint64:
		return float64(c.Value(i)), true
	}
	return 0, false
}
