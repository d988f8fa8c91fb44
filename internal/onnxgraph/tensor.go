package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// DTypes holds the element types by ONNX's numbers. Others (strings, complex numbers, bfloat16 and smaller) are not read.
var DTypes = map[int64]onnxtensor.DType{
	int64(onnxpb.TensorProto_FLOAT): onnxtensor.Float32, int64(onnxpb.TensorProto_DOUBLE): onnxtensor.Float64, int64(onnxpb.TensorProto_FLOAT16): Half,
	int64(onnxpb.TensorProto_INT8): Int8, int64(onnxpb.TensorProto_INT16): Int16, int64(onnxpb.TensorProto_INT32): onnxtensor.Int32, int64(onnxpb.TensorProto_INT64): onnxtensor.Int64,
	int64(onnxpb.TensorProto_UINT8): onnxtensor.Uint8, int64(onnxpb.TensorProto_UINT16): Uint16, int64(onnxpb.TensorProto_UINT32): Uint32, int64(onnxpb.TensorProto_UINT64): Uint64,
	int64(onnxpb.TensorProto_BOOL): onnxtensor.Bool,
}

// ReadTensor decodes a tensor that internal/onnxcheck has seen, so that its bytes are as many as its shape asks for.
func ReadTensor(p *onnxpb.TensorProto) (Tensor, error) {
	t := Tensor{Name: p.GetName(), DType: DTypes[int64(p.GetDataType())]}
	size := 1
	for _, d := range p.Dims {
		t.Shape = append(t.Shape, int(d))
		size *= int(d)
	}
	raw := p.RawData
	switch t.DType {
	case onnxtensor.Float32:
		t.Data = read(size, raw, p.FloatData, 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
	case onnxtensor.Float64:
		t.Data = read(size, raw, p.DoubleData, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	case Half:
		t.Data = read(size, raw, p.Int32Data, 2, func(b []byte) Float16 { return Float16(binary.LittleEndian.Uint16(b)) })
	case Int8:
		t.Data = read(size, raw, p.Int32Data, 1, func(b []byte) int8 { return int8(b[0]) })
	case Int16:
		t.Data = read(size, raw, p.Int32Data, 2, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) })
	case onnxtensor.Int32:
		t.Data = read(size, raw, p.Int32Data, 4, func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
	case onnxtensor.Int64:
		t.Data = read(size, raw, p.Int64Data, 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	case onnxtensor.Uint8:
		t.Data = read(size, raw, p.Int32Data, 1, func(b []byte) uint8 { return b[0] })
	case Uint16:
		t.Data = read(size, raw, p.Int32Data, 2, func(b []byte) uint16 { return binary.LittleEndian.Uint16(b) })
	case Uint32:
		t.Data = read(size, raw, p.Uint64Data, 4, func(b []byte) uint32 { return binary.LittleEndian.Uint32(b) })
	case Uint64:
		t.Data = read(size, raw, p.Uint64Data, 8, func(b []byte) uint64 { return binary.LittleEndian.Uint64(b) })
	case onnxtensor.Bool:
		if bytes, ok := read(size, raw, p.Int32Data, 1, func(b []byte) uint8 { return b[0] }).([]uint8); ok {
			bools := make([]bool, size)
			for i, b := range bytes {
				bools[i] = b != 0
			}
			t.Data = bools
		}
	}
	if t.Data == nil {
		return t, fmt.Errorf("tensor %.100q is of type %v, or its data is in a field of another type", t.Name, onnxpb.TensorProto_DataType(p.GetDataType()))
	}
	return t, nil
}

// read takes elements from the raw bytes, or from the field of numbers where a file keeps them there: a []T, or nil where
// neither holds as many as are wanted.
func read[T, F number](size int, raw []byte, field []F, width int, decode func([]byte) T) any {
	out := make([]T, size)
	switch {
	case len(raw) == size*width:
		for i := range out {
			out[i] = decode(raw[i*width:])
		}
	case len(field) == size:
		for i := range out {
			out[i] = T(field[i])
		}
	default:
		return nil
	}
	return out
}

type number interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}
