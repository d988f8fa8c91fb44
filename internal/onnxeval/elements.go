package onnxeval

import (
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// elements is what is done with the elements of a type, whatever they are: they are not computed with.
type elements struct {
	width    int                                               // bytes of one
	allocate func(n int) any                                   // a slice of n
	move     func(dst *value, to int, src *value, from, n int) // copies n of them
	where    func(c *call) error                               // Where's kernel
}

// elementTypes is the one list of element types that values may have. Operators that compute have fewer, each its own: see their
// switches.
var elementTypes map[onnxtensor.DType]elements

func init() {
	elementTypes = map[onnxtensor.DType]elements{
		onnxtensor.Float32: elementsOf[float32](4),
		onnxtensor.Float64: elementsOf[float64](8),
		onnxgraph.Half:     elementsOf[onnxgraph.Float16](2),
		onnxgraph.Int8:     elementsOf[int8](1),
		onnxgraph.Int16:    elementsOf[int16](2),
		onnxtensor.Int32:   elementsOf[int32](4),
		onnxtensor.Int64:   elementsOf[int64](8),
		onnxtensor.Uint8:   elementsOf[uint8](1),
		onnxgraph.Uint16:   elementsOf[uint16](2),
		onnxgraph.Uint32:   elementsOf[uint32](4),
		onnxgraph.Uint64:   elementsOf[uint64](8),
		onnxtensor.Bool:    elementsOf[bool](1),
	}
}

func elementsOf[T any](width int) elements {
	return elements{
		width:    width,
		allocate: func(n int) any { return make([]T, n) },
		move: func(dst *value, to int, src *value, from, n int) {
			copy(of[T](dst)[to:to+n], of[T](src)[from:from+n])
		},
		where: whereOf[T],
	}
}

// allocate returns a slice of n elements of a type, nil for a type that is not read.
func allocate(d onnxtensor.DType, n int) any {
	if e, ok := elementTypes[d]; ok {
		return e.allocate(n)
	}
	return nil
}

// widthOf returns the bytes of an element; of a type that is not read, 1.
func widthOf(d onnxtensor.DType) int { return max(1, elementTypes[d].width) }

// mover returns the function that copies elements of v's type from one value to another: nothing for a type that is not read.
func (v *value) mover() func(dst *value, to int, src *value, from, n int) {
	if e, ok := elementTypes[v.dtype]; ok {
		return e.move
	}
	return func(*value, int, *value, int, int) {}
}
