//go:build cgo

package onnxruntime

import (
	"fmt"
	goruntime "runtime"

	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// newValue lends a tensor's memory to onnxruntime until it is destroyed; the slice is pinned by the caller's pinner.
func newValue(t backend.Tensor, pinner *goruntime.Pinner) (ort.Value, error) {
	switch d := t.Data.(type) {
	case []float32:
		return lend(t.Shape, d, pinner)
	case []float64:
		return lend(t.Shape, d, pinner)
	case []int64:
		return lend(t.Shape, d, pinner)
	case []int32:
		return lend(t.Shape, d, pinner)
	case []uint8:
		return lend(t.Shape, d, pinner)
	case []bool:
		return lend(t.Shape, d, pinner)
	}
	return nil, fmt.Errorf("input %q holds %T", t.Name, t.Data)
}

// lend makes a native tensor of a slice's memory, or a number without dimensions, which onnxruntime_go keeps itself.
func lend[T ort.TensorData](shape []int64, data []T, pinner *goruntime.Pinner) (ort.Value, error) {
	if len(shape) == 0 {
		return ort.NewScalar(data[0])
	}
	pinner.Pin(&data[0])
	return ort.NewTensor(ort.Shape(shape), data)
}

// newScalar returns a result of no dimensions for onnxruntime to fill.
func newScalar(d backend.DType) (ort.Value, error) {
	switch d {
	case backend.Float32:
		return ort.NewEmptyScalar[float32]()
	case backend.Float64:
		return ort.NewEmptyScalar[float64]()
	case backend.Int64:
		return ort.NewEmptyScalar[int64]()
	case backend.Int32:
		return ort.NewEmptyScalar[int32]()
	case backend.Uint8:
		return ort.NewEmptyScalar[uint8]()
	case backend.Bool:
		return ort.NewEmptyScalar[bool]()
	}
	return nil, fmt.Errorf("a scalar of type %q is not supported", d)
}

// result takes a computed value over into Go's memory. What onnxruntime_go returns is a Go slice already.
func result(name string, v ort.Value) (backend.Tensor, error) {
	t := backend.Tensor{Name: name, Shape: v.GetShape()}
	switch d := v.(type) {
	case *ort.Tensor[float32]:
		t.Data = d.GetData()
	case *ort.Tensor[float64]:
		t.Data = d.GetData()
	case *ort.Tensor[int64]:
		t.Data = d.GetData()
	case *ort.Tensor[int32]:
		t.Data = d.GetData()
	case *ort.Tensor[uint8]:
		t.Data = d.GetData()
	case *ort.Tensor[bool]:
		t.Data = d.GetData()
	case *ort.Scalar[float32]:
		t.Shape, t.Data = nil, []float32{d.GetData()}
	case *ort.Scalar[float64]:
		t.Shape, t.Data = nil, []float64{d.GetData()}
	case *ort.Scalar[int64]:
		t.Shape, t.Data = nil, []int64{d.GetData()}
	case *ort.Scalar[int32]:
		t.Shape, t.Data = nil, []int32{d.GetData()}
	case *ort.Scalar[uint8]:
		t.Shape, t.Data = nil, []uint8{d.GetData()}
	case *ort.Scalar[bool]:
		t.Shape, t.Data = nil, []bool{d.GetData()}
	default:
		return t, fmt.Errorf("output %q is a %T, which is not supported", name, v)
	}
	return t, nil
}
