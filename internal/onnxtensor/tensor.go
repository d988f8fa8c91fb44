// Package onnxtensor is what goes into an ONNX graph and what comes out: dense arrays, their element types and shapes.
package onnxtensor

import "fmt"

// A Tensor is a named dense array in row-major order: what goes into a graph and what comes out.
type Tensor struct {
	Name  string
	Shape []int64 // empty for a scalar
	Data  any     // []float32, []float64, []int64, []int32, []uint8 or []bool, of the shape's size
}

// Info says what a graph's input or output looks like before it runs.
type Info struct {
	Name  string
	DType DType
	Shape []int64 // dynamic dimensions are -1
}

// String writes the tensor on one line, whatever a file calls it: "rows" float32 [-1 784].
func (i Info) String() string { return fmt.Sprintf("%.100q %s %v", i.Name, i.DType, i.Shape) }

// A DType is an element type by its ONNX name in lower case.
type DType string

// The element types that graphs of this project use.
const (
	Float32 DType = "float32"
	Float64 DType = "float64"
	Int64   DType = "int64"
	Int32   DType = "int32"
	Uint8   DType = "uint8"
	Bool    DType = "bool"
)

// Size returns the number of elements of a shape, and an error for a negative dimension or an overflow.
func Size(shape []int64) (int, error) {
	size := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d != 0 && size > (1<<62)/d {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		size *= d
	}
	return int(size), nil
}

// DTypeOf returns the element type of a slice that [Tensor.Data] may hold, its length, and whether it may.
func DTypeOf(data any) (DType, int, bool) {
	switch d := data.(type) {
	case []float32:
		return Float32, len(d), true
	case []float64:
		return Float64, len(d), true
	case []int64:
		return Int64, len(d), true
	case []int32:
		return Int32, len(d), true
	case []uint8:
		return Uint8, len(d), true
	case []bool:
		return Bool, len(d), true
	}
	return "", 0, false
}

// Check reports a tensor whose data does not fit its shape.
func (t Tensor) Check() error {
	size, err := Size(t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %.100q: %w", t.Name, err)
	}
	_, n, ok := DTypeOf(t.Data)
	if !ok {
		return fmt.Errorf("tensor %.100q holds %T, which no graph takes", t.Name, t.Data)
	}
	if n != size {
		return fmt.Errorf("tensor %.100q holds %d elements, its shape %v wants %d", t.Name, n, t.Shape, size)
	}
	return nil
}

// Floats returns the tensor's numbers as float64, truth values as 0 and 1; nil for data that no graph takes. Of a float64 tensor it
// is the data itself.
func (t Tensor) Floats() []float64 {
	switch d := t.Data.(type) {
	case []float32:
		return widen(d)
	case []float64:
		return d
	case []uint8:
		return widen(d)
	case []int64:
		return widen(d)
	case []int32:
		return widen(d)
	case []bool:
		out := make([]float64, len(d))
		for i, b := range d {
			if b {
				out[i] = 1
			}
		}
		return out
	}
	return nil
}

func widen[T float32 | uint8 | int64 | int32](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
