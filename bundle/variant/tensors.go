package variant

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// constants finds a graph's initialisers by name.
type constants map[string]*onnxpb.TensorProto

func constantsOf(g *onnxpb.GraphProto) constants {
	c := constants{}
	for _, t := range g.Initializer {
		c[t.GetName()] = t
	}
	return c
}

// floats returns the numbers of a float32 initialiser with dims dimensions.
func (c constants) floats(name string, dims int) (values []float32, shape []int, err error) {
	t, ok := c[name]
	if !ok || t.GetDataType() != int32(onnxpb.TensorProto_FLOAT) || len(t.Dims) != dims {
		return nil, nil, fmt.Errorf("%q is not a float32 constant with %d dimensions", name, dims)
	}
	for _, d := range t.Dims {
		shape = append(shape, int(d))
	}
	if len(t.FloatData) > 0 {
		return t.FloatData, shape, nil
	}
	values = make([]float32, len(t.RawData)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.RawData[4*i:]))
	}
	return values, shape, nil
}

// tensorOf returns an initialiser of the numbers of a slice.
func tensorOf(name string, dtype onnxpb.TensorProto_DataType, shape []int64, data any) *onnxpb.TensorProto {
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.LittleEndian, data); err != nil {
		panic(err) // slices of numbers only
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(dtype)), Dims: shape, RawData: raw.Bytes()}
}

// nodeOf returns a node of one output, which it is named after.
func nodeOf(op, output string, inputs []string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{Name: &output, OpType: &op, Input: inputs, Output: []string{output}, Attribute: attributes}
}

func integer(name string, value int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &value}
}

// attribute returns a node's number, or its default.
func attribute(n *onnxpb.NodeProto, name string, byDefault float64) float64 {
	for _, a := range n.Attribute {
		if a.GetName() == name {
			if a.GetType() == onnxpb.AttributeProto_FLOAT {
				return float64(a.GetF())
			}
			return float64(a.GetI())
		}
	}
	return byDefault
}
