package layout

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
)

// tensorSpec is an input or output of a graph, as its file declares it.
type tensorSpec struct {
	name  string
	dtype int32   // ONNX's number
	shape []int64 // -1 where it varies; the first is the batch
}

// specs returns what a graph takes and gives.
func specs(model []byte) (inputs, outputs []tensorSpec, err error) {
	m, err := onnxcheck.Parse(model)
	if err != nil {
		return nil, nil, err
	}
	if inputs, err = specsOf(m.GetGraph().GetInput()); err != nil {
		return nil, nil, err
	}
	outputs, err = specsOf(m.GetGraph().GetOutput())
	return inputs, outputs, err
}

func specsOf(values []*onnxpb.ValueInfoProto) ([]tensorSpec, error) {
	var all []tensorSpec
	for _, v := range values {
		t := v.GetType().GetTensorType()
		if t == nil || len(t.GetShape().GetDim()) == 0 {
			return nil, fmt.Errorf("%s has no shape", v.GetName())
		}
		s := tensorSpec{name: v.GetName(), dtype: t.GetElemType()}
		for _, d := range t.GetShape().GetDim() {
			n := int64(-1)
			if _, fixed := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); fixed {
				n = d.GetDimValue()
			}
			s.shape = append(s.shape, n)
		}
		all = append(all, s)
	}
	return all, nil
}

// dtypes are the element types that a bundle's graphs take and give, as each reader calls them.
var dtypes = map[int32]struct{ triton, numpy string }{
	int32(onnxpb.TensorProto_FLOAT): {"TYPE_FP32", "float32"},
	int32(onnxpb.TensorProto_UINT8): {"TYPE_UINT8", "uint8"},
	int32(onnxpb.TensorProto_INT64): {"TYPE_INT64", "int64"},
}
