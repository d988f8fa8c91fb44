package onnxcheck

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxpb"
)

// A storage says how the elements of a type are kept: a number of bytes each in raw_data, or numbers in one of the
// lists.
type storage struct {
	width int
	list  func(t *onnxpb.TensorProto) int // the length of the type's list
}

func floats(t *onnxpb.TensorProto) int  { return len(t.FloatData) }
func doubles(t *onnxpb.TensorProto) int { return len(t.DoubleData) }
func int32s(t *onnxpb.TensorProto) int  { return len(t.Int32Data) }
func int64s(t *onnxpb.TensorProto) int  { return len(t.Int64Data) }
func uint64s(t *onnxpb.TensorProto) int { return len(t.Uint64Data) }

// storages holds the accepted types of tensors, as TensorProto describes them. Types that it lacks (strings among them)
// are refused.
var storages = map[onnxpb.TensorProto_DataType]storage{
	onnxpb.TensorProto_FLOAT: {4, floats}, onnxpb.TensorProto_DOUBLE: {8, doubles},
	onnxpb.TensorProto_UINT8: {1, int32s}, onnxpb.TensorProto_INT8: {1, int32s},
	onnxpb.TensorProto_UINT16: {2, int32s}, onnxpb.TensorProto_INT16: {2, int32s}, onnxpb.TensorProto_INT32: {4, int32s},
	onnxpb.TensorProto_BOOL: {1, int32s}, onnxpb.TensorProto_FLOAT16: {2, int32s}, onnxpb.TensorProto_BFLOAT16: {2, int32s},
	onnxpb.TensorProto_INT64: {8, int64s}, onnxpb.TensorProto_UINT32: {4, uint64s}, onnxpb.TensorProto_UINT64: {8, uint64s},
}

// checkTensor requires exactly the bytes that the shape and type ask for, or exactly the numbers, in the list of the
// type.
func checkTensor(t *onnxpb.TensorProto) error {
	if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL || len(t.ExternalData) > 0 {
		return refuse("tensor %.100q keeps its data in another file: write the model with its weights inside (external_data=False in torch.onnx.export)", t.GetName())
	}
	kind := onnxpb.TensorProto_DataType(t.GetDataType())
	s, ok := storages[kind]
	if !ok || t.Segment != nil || len(t.StringData) > 0 {
		return refuse("tensor %.100q is of type %v, which is not accepted", t.GetName(), kind)
	}
	size, ok := elements(t.Dims)
	if !ok || size*int64(s.width) > maxBytes {
		return refuse("tensor %.100q declares the shape %s", t.GetName(), shapeText(t.Dims))
	}
	raw, listed := int64(len(t.RawData)), int64(s.list(t))
	all := int64(floats(t) + doubles(t) + int32s(t) + int64s(t) + uint64s(t))
	if listed != all || listed > 0 && raw > 0 || listed > 0 && listed != size || listed == 0 && raw != size*int64(s.width) {
		return refuse("tensor %.100q of type %v and shape %s holds %d bytes and %d numbers: %d elements of %d bytes are declared",
			t.GetName(), kind, shapeText(t.Dims), raw, all, size, s.width)
	}
	return nil
}

// elements returns the number of elements of a shape. It is not ok where a dimension is negative, where there are more than
// maxRank, or where the product is more than maxElements; zeros count as ones in that product, since what a runtime
// computes from an empty tensor's other dimensions must not overflow either.
func elements(dims []int64) (n int64, ok bool) {
	n, most := int64(1), int64(1)
	for _, d := range dims {
		if d < 0 || d > 0 && most > maxElements/d || len(dims) > maxRank {
			return 0, false
		}
		n, most = n*d, most*max(d, 1)
	}
	return n, true
}

// shapeText is a shape as an error shows it.
func shapeText(dims []int64) string {
	if len(dims) > maxRank {
		return fmt.Sprintf("of %d dimensions", len(dims))
	}
	return fmt.Sprint(dims)
}

// checkType requires one of ONNX's types, with a shape of acceptable size, at any depth.
func checkType(name string, t *onnxpb.TypeProto) error {
	switch v := t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return checkShape(name, v.TensorType.GetElemType(), v.TensorType.GetShape())
	case *onnxpb.TypeProto_SparseTensorType:
		return checkShape(name, v.SparseTensorType.GetElemType(), v.SparseTensorType.GetShape())
	case *onnxpb.TypeProto_SequenceType:
		return checkType(name, v.SequenceType.GetElemType())
	case *onnxpb.TypeProto_OptionalType:
		return checkType(name, v.OptionalType.GetElemType())
	case *onnxpb.TypeProto_MapType:
		return checkType(name, v.MapType.GetValueType())
	case *onnxpb.TypeProto_OpaqueType:
		return refuse("%.100q is of an opaque type", name)
	}
	return nil // none is given: bodies and outputs need not
}

func checkShape(name string, kind int32, shape *onnxpb.TensorShapeProto) error {
	if _, ok := onnxpb.TensorProto_DataType_name[kind]; !ok {
		return refuse("%.100q is declared with elements of type %d, which ONNX does not have", name, kind)
	}
	dims := fixed(shape)
	if _, ok := elements(dims); !ok {
		return refuse("%.100q is declared with the shape %s", name, shapeText(dims))
	}
	return nil
}

// fixed returns the dimensions of a shape, 1 for each that has a name or nothing.
func fixed(shape *onnxpb.TensorShapeProto) []int64 {
	dims := make([]int64, 0, len(shape.GetDim()))
	for _, d := range shape.GetDim() {
		size := int64(1)
		if v, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok {
			size = v.DimValue
		}
		dims = append(dims, size)
	}
	return dims
}

// declares reports whether a declaration leaves room for a tensor.
func declares(v *onnxpb.ValueInfoProto, t *onnxpb.TensorProto) bool {
	declared := v.GetType().GetTensorType()
	if declared == nil {
		return v.GetType().GetValue() == nil
	}
	if e := declared.GetElemType(); e != 0 && e != t.GetDataType() {
		return false
	}
	if declared.Shape == nil {
		return true
	}
	if len(declared.Shape.Dim) != len(t.Dims) {
		return false
	}
	for i, d := range declared.Shape.Dim {
		if size, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && size.DimValue != t.Dims[i] {
			return false
		}
	}
	return true
}
