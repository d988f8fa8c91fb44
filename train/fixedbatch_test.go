package train_test

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"google.golang.org/protobuf/proto"
)

// fixedBatch returns a copy of an ONNX model that takes and gives batch rows and no other number, for readers of ONNX that know
// no dynamic dimensions: onnx-go's own backend drops them. Every dimension without a size becomes the batch, and a Reshape
// asks for the shape that it then has, without -1.
func fixedBatch(model []byte, batch int) ([]byte, error) {
	shapes, err := reshapes(model, batch)
	if err != nil {
		return nil, err
	}
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, fmt.Errorf("fixed batch: %w", err)
	}
	for _, values := range [][]*onnxpb.ValueInfoProto{m.Graph.Input, m.Graph.Output} {
		for _, v := range values {
			for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
				if _, fixed := d.Value.(*onnxpb.TensorShapeProto_Dimension_DimValue); !fixed {
					d.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(batch)}
				}
			}
		}
	}
	m.Graph.ValueInfo = nil // optional, and of any batch
	for _, n := range m.Graph.Node {
		if n.GetOpType() != "Reshape" {
			continue
		}
		to := &onnxpb.TensorProto{Name: proto.String(n.Output[0] + "/shape"), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64))}
		for _, d := range shapes[n.Output[0]] {
			to.Int64Data = append(to.Int64Data, int64(d))
		}
		to.Dims = []int64{int64(len(to.Int64Data))}
		m.Graph.Initializer = append(m.Graph.Initializer, to)
		n.Input[1] = to.GetName()
	}
	onnxcompose.DropDead(m.Graph)
	return onnxpb.Marshal(m)
}

// reshapes returns the shapes of all Reshapes' results at a batch.
func reshapes(model []byte, batch int) (map[string][]int, error) {
	g, err := onnxgraph.Decode(model)
	if err != nil {
		return nil, fmt.Errorf("fixed batch: %w", err)
	}
	g.Outputs = nil
	for _, n := range g.Nodes {
		if n.Op == "Reshape" {
			g.Outputs = append(g.Outputs, onnxgraph.Value{Info: onnxtensor.Info{Name: n.Outputs[0]}})
		}
	}
	var inputs []onnxgraph.Tensor
	for _, v := range g.Inputs {
		t := onnxgraph.Tensor{Name: v.Name, DType: v.DType}
		for _, d := range v.Shape {
			if d < 0 {
				d = int64(batch)
			}
			t.Shape = append(t.Shape, int(d))
		}
		inputs = append(inputs, t)
	}
	program, err := onnxeval.Load(g)
	if err != nil {
		return nil, fmt.Errorf("fixed batch: %w", err)
	}
	plan, _, err := program.Plan(context.Background(), inputs, nil)
	if err != nil {
		return nil, fmt.Errorf("fixed batch: at a batch of %d: %w", batch, err)
	}
	shapes := map[string][]int{}
	for i, t := range plan.Outputs() {
		shapes[g.Outputs[i].Name] = t.Shape
	}
	return shapes, nil
}
