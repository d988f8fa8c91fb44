package backend

import "github.com/catvae/catvae/internal/onnxtensor"

// A Tensor is a named dense array in row-major order: what goes into a graph and what comes out. Its fields are
//
//	Name  string
//	Shape []int64 // empty for a scalar
//	Data  any     // []float32, []float64, []int64, []int32, []uint8 or []bool, of the shape's size
type Tensor = onnxtensor.Tensor

// A TensorInfo says what a graph's input or output looks like before it runs. Its fields are
//
//	Name  string
//	DType DType
//	Shape []int64 // dynamic dimensions are -1
type TensorInfo = onnxtensor.Info

// A DType is an element type by its ONNX name in lower case.
type DType = onnxtensor.DType

// The element types of tensors.
const (
	Float32 = onnxtensor.Float32
	Float64 = onnxtensor.Float64
	Int64   = onnxtensor.Int64
	Int32   = onnxtensor.Int32
	Uint8   = onnxtensor.Uint8
	Bool    = onnxtensor.Bool
)
