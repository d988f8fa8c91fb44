package engine

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// The numbers of tensors are slices of several types. Callers have checked that types and lengths agree.

// makeData returns n zeros of a type.
func makeData(d onnxtensor.DType, n int) any {
	switch d {
	case onnxtensor.Float32:
		return make([]float32, n)
	case onnxtensor.Float64:
		return make([]float64, n)
	case onnxtensor.Int64:
		return make([]int64, n)
	case onnxtensor.Int32:
		return make([]int32, n)
	case onnxtensor.Uint8:
		return make([]uint8, n)
	case onnxtensor.Bool:
		return make([]bool, n)
	}
	panic(fmt.Sprintf("engine: an input of type %s passed the check of its objective", d))
}

// clone returns a copy.
func clone(data any) any {
	d, n, _ := onnxtensor.DTypeOf(data)
	c := makeData(d, n)
	copyData(c, data)
	return c
}

// copyData copies numbers into a slice of the same type.
func copyData(dst, src any) { copyAt(dst, 0, src) }

// copyAt copies numbers to the i-th place of their size.
func copyAt(dst any, i int, src any) {
	switch s := src.(type) {
	case []float32:
		copy(dst.([]float32)[i*len(s):], s)
	case []float64:
		copy(dst.([]float64)[i*len(s):], s)
	case []int64:
		copy(dst.([]int64)[i*len(s):], s)
	case []int32:
		copy(dst.([]int32)[i*len(s):], s)
	case []uint8:
		copy(dst.([]uint8)[i*len(s):], s)
	case []bool:
		copy(dst.([]bool)[i*len(s):], s)
	}
}

func setAt(dst any, i int, x float64) {
	switch d := dst.(type) {
	case []float32:
		d[i] = float32(x)
	case []float64:
		d[i] = x
	}
}

func floatAt(data any, i int) float64 {
	if d, ok := data.([]float64); ok {
		return d[i]
	}
	return float64(data.([]float32)[i])
}
