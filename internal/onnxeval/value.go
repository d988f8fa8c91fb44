package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/x448/float16"
)

// value is one value of a graph while it is planned and run.
type value struct {
	name  string
	dtype onnxtensor.DType
	shape []int
	size  int

	data  any    // a slice; of values that are not known beforehand it is there during a run only
	known bool   // data is there when the plan is made: an initialiser, or what follows from them and from shapes
	view  *value // the value whose elements these are, in the same order
	last  int    // the step that reads it or a view of it last; -1 for none
	slab  *slab  // the plan's memory that it is given; nil for none
}

// root returns the value whose memory v is.
func (v *value) root() *value {
	for v.view != nil {
		v = v.view
	}
	return v
}

// newValue makes a value of a type and shape, without memory unless it is empty.
func newValue(name string, dtype onnxtensor.DType, shape []int) (*value, error) {
	size, err := sizeOf(shape)
	v := &value{name: name, dtype: dtype, shape: shape, size: size, last: -1}
	if size == 0 {
		v.data = allocate(dtype, 0)
	}
	return v, err
}

// knownValue makes a value of a tensor whose elements are there.
func knownValue(t onnxgraph.Tensor) (*value, error) {
	v, err := newValue(t.Name, t.DType, t.Shape)
	v.data, v.known = t.Data, true
	return v, err
}

// maxSize bounds the elements of one tensor, so that no graph asks for more memory than a machine has: 1 GiB in float32.
const maxSize = 1 << 28

// maxRank bounds the dimensions of a tensor.
const maxRank = 64

// sizeOf returns the number of elements of a shape that is within maxSize and maxRank.
func sizeOf(shape []int) (int, error) {
	size := 1
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions: a tensor has at most %d: %w", len(shape), maxRank, ErrShape)
	}
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxSize/d {
			return 0, fmt.Errorf("shape %v: a tensor has at most %d elements: %w", shape, maxSize, ErrShape)
		}
		size *= d
	}
	return size, nil
}

// of returns a value's elements during a run.
func of[T any](v *value) []T { return v.data.([]T)[:v.size] }

// Allocate returns a slice for a tensor of a type and shape that a plan gave.
func Allocate(d onnxtensor.DType, shape []int) any {
	n, _ := sizeOf(shape)
	return allocate(d, n)
}

// float and number are the element types in which operators compute. Half precision is computed in float32: see widen.
type (
	float  interface{ float32 | float64 }
	signed interface {
		float | int8 | int16 | int32 | int64
	}
	number interface {
		float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
	}
)

// copyData copies all elements of src, of the same type and size.
func copyData(dst, src *value) { src.mover()(dst, 0, src, 0, src.size) }

// fromFloat32 rounds to half precision, to the even neighbour.
func fromFloat32(x float32) onnxgraph.Float16 { return float16.Fromfloat32(x) }
