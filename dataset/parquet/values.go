package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/catvae/catvae/dataset"
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

// elementOf returns the type of what a column holds, through lists of lists.
func elementOf(t arrow.DataType) arrow.DataType {
	for {
		l, ok := t.(arrow.ListLikeType)
		if !ok || t.ID() == arrow.MAP {
			return t
		}
		t = l.Elem()
	}
}

// several reports the type of a column that holds several values a row.
func several(t arrow.DataType) bool {
	_, list := t.(arrow.ListLikeType)
	return list || isBinary(t)
}

func isBinary(t arrow.DataType) bool {
	return t.ID() == arrow.BINARY || t.ID() == arrow.FIXED_SIZE_BINARY || t.ID() == arrow.LARGE_BINARY
}

func isNumber(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID()) || t.ID() == arrow.BOOL
}

func isLabel(t arrow.DataType) bool {
	return isNumber(t) || isBinary(t) || t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING
}

// labelOf returns a row's label: see dataset.Reader.
func labelOf(a arrow.Array, i int, o dataset.Options) int {
	if a.IsNull(i) {
		return -1
	}
	if isBinary(a.DataType()) {
		return o.Label(string(binaryOf(a, i)))
	}
	return o.Label(a.ValueStr(i))
}

// binaryOf returns what a binary column holds in a row, nothing for null.
func binaryOf(a arrow.Array, i int) []byte {
	if a.IsNull(i) {
		return nil
	}
	switch c := a.(type) {
	case *array.Binary:
		return c.Value(i)
	case *array.LargeBinary:
		return c.Value(i)
	case *array.FixedSizeBinary:
		return c.Value(i)
	}
	return nil
}

// shapeOf returns how many values a row has in each dimension of a column, nil where it has none.
func shapeOf(a arrow.Array, i int) (shape []int) {
	if isBinary(a.DataType()) {
		if n := len(binaryOf(a, i)); n > 0 {
			return []int{n}
		}
		return nil
	}
	for {
		l, ok := a.(array.ListLike)
		if !ok {
			return shape
		}
		if l.IsNull(i) {
			return nil
		}
		from, to := l.ValueOffsets(i)
		if from == to {
			return nil
		}
		shape = append(shape, int(to-from))
		a, i = l.ListValues(), int(from)
	}
}

// span returns where the values of a row are in the innermost list of a column, or the reason why the row has not the shape of the
// first.
func span(a arrow.Array, i int, shape []int) (values arrow.Array, from, to int, reason string) {
	from, to = i, i+1
	for _, d := range shape {
		l := a.(array.ListLike)
		for k := from; k < to; k++ {
			first, last := l.ValueOffsets(k)
			n := int(last - first)
			if l.IsNull(k) {
				n = 0
			}
			if n != d {
				return nil, 0, 0, fmt.Sprintf("it holds %d values, the first row has %d", n, d)
			}
		}
		first, _ := l.ValueOffsets(from)
		_, last := l.ValueOffsets(to - 1)
		if int(last-first) != d*(to-from) {
			return nil, 0, 0, "its lists do not follow each other"
		}
		a, from, to = l.ListValues(), int(first), int(last)
	}
	return a, from, to, ""
}

// number64 returns a number of any type; false for null.
func number64(a arrow.Array, i int) (float64, bool) {
	if a.IsNull(i) {
		return 0, false
	}
	switch c := a.(type) {
	case *array.Boolean:
		if c.Value(i) {
			return 1, true
		}
		return 0, true
	case *array.Float16:
		return float64(c.Value(i).Float32()), true
	case *array.Float32:
		return float64(c.Value(i)), true
	case *array.Float64:
		return c.Value(i), true
	case *array.Decimal32:
		return c.Value(i).ToFloat64(scaleOf(a)), true
	case *array.Decimal64:
		return c.Value(i).ToFloat64(scaleOf(a)), true
	case *array.Decimal128:
		return c.Value(i).ToFloat64(scaleOf(a)), true
	case *array.Decimal256:
		return c.Value(i).ToFloat64(scaleOf(a)), true
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

// scaleOf returns the digits after the point of a column of decimals.
func scaleOf(a arrow.Array) int32 {
	d, ok := a.DataType().(arrow.DecimalType)
	if !ok {
		return 0
	}
	return d.GetScale()
}
