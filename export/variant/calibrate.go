package variant

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// A Loader prepares an ONNX model to be run, as export.Loader does.
type Loader func(model []byte, label string) (Loaded, error)

// Loaded is a model that can be run.
type Loaded interface {
	Run(ctx context.Context, inputs ...bundle.Tensor) ([]bundle.Tensor, error)
	Close() error
}

// activations are the operands of products on the calibration rows, by tensor.
type activations map[string]activation

// activation is a tensor's values, row after row.
type activation struct {
	values []float32
	width  int
}

// batchRows is how many rows are run at once.
const batchRows = 256

// calibrate runs the float32 encoder on the calibration rows and keeps what its products take.
func calibrate(encoder *onnxpb.ModelProto, s Source) (activations, error) {
	m := proto.Clone(encoder).(*onnxpb.ModelProto)
	m.Graph.Output = nil
	seen := activations{}
	for _, n := range m.Graph.Node {
		if n.GetOpType() != "Gemm" {
			continue
		}
		name := n.Input[0]
		if _, ok := seen[name]; ok {
			continue
		}
		seen[name] = activation{}
		if name != s.Manifest.Input.Name {
			m.Graph.Output = append(m.Graph.Output, floatOutput(name))
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("%w: the encoder holds no Gemm", ErrUnsupported)
	}
	if len(m.Graph.Output) == 0 { // one product of the rows themselves
		m.Graph.Output = encoder.Graph.Output
	}
	data, err := onnxpb.Marshal(m)
	if err != nil {
		return nil, err
	}
	loaded, err := s.Load(data, "calibration")
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	err = eachBatch(s.Manifest.Input, s.Rows, func(rows bundle.Tensor, n int) error {
		out, err := loaded.Run(context.Background(), rows)
		if err != nil {
			return err
		}
		if _, ok := seen[rows.Name]; ok {
			out = append(out, rows)
		}
		for _, t := range out {
			values, ok := t.Data.([]float32)
			if !ok {
				return fmt.Errorf("%q is %T", t.Name, t.Data)
			}
			a, ok := seen[t.Name]
			if !ok {
				continue
			}
			seen[t.Name] = activation{append(a.values, values...), len(values) / n}
		}
		return nil
	})
	return seen, err
}

// floatOutput declares an output of two dimensions, the batch first.
func floatOutput(name string) *onnxpb.ValueInfoProto {
	elem := int32(onnxpb.TensorProto_FLOAT)
	dim := func(name string) *onnxpb.TensorShapeProto_Dimension {
		return &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: name}}
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: &elem, Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{dim(bundle.BatchAxis), dim("width")}},
	}}}}
}

// eachBatch hands rows of bytes on as floats.
func eachBatch(in bundle.Input, rows []byte, f func(rows bundle.Tensor, n int) error) error {
	size := in.RowSize()
	for len(rows) > 0 {
		n := min(batchRows, len(rows)/size)
		floats := make([]float32, n*size)
		for i, b := range rows[:n*size] {
			floats[i] = float32(b) / 255
		}
		t := bundle.Tensor{Name: in.Name, Shape: append([]int64{int64(n)}, in.Shape...), Data: floats}
		if err := f(t, n); err != nil {
			return err
		}
		rows = rows[n*size:]
	}
	return nil
}

// choose returns the quantisation of an activation: of the ranges that hold all values, or all but a few of the largest and
// smallest, the one with the least mean squared error of x - scale·(q - zero). 0 is exact in each, and numbers that are
// never negative have the zero point 0, so that a ReLU before them costs nothing.
func choose(values []float32) bundle.Quantization {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	best, least := bundle.Quantization{Scale: 1}, math.Inf(1)
	for _, tail := range []float64{0, 1e-6, 1e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2e-3} {
		cut := int(tail * float64(len(sorted)))
		low, high := min(float64(sorted[cut]), 0), max(float64(sorted[len(sorted)-1-cut]), 0)
		if high == low {
			continue
		}
		scale := float64(float32((high - low) / 255))
		q := bundle.Quantization{Scale: scale, ZeroPoint: int(math.RoundToEven(-low / scale))}
		sum := 0.0
		for _, x := range sorted {
			d := float64(x) - rounded(x, q)
			sum += d * d
		}
		if sum < least {
			best, least = q, sum
		}
	}
	return best
}

// rounded returns what a number's byte stands for.
func rounded(x float32, q bundle.Quantization) float64 {
	b := min(max(math.RoundToEven(float64(x)/q.Scale)+float64(q.ZeroPoint), 0), 255)
	return q.Scale * (b - float64(q.ZeroPoint))
}

// means returns each column's mean, of the values and of what their bytes stand for.
func (a activation) means(q bundle.Quantization) (exact, bytes []float64) {
	exact, bytes = make([]float64, a.width), make([]float64, a.width)
	n := float64(len(a.values) / a.width)
	for i, x := range a.values {
		exact[i%a.width] += float64(x) / n
		bytes[i%a.width] += rounded(x, q) / n
	}
	return exact, bytes
}
