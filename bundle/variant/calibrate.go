package variant

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"google.golang.org/protobuf/proto"
)

// activations are the operands of products on the calibration rows, by tensor.
type activations map[string]activation

// activation is a tensor's values, row after row.
type activation struct {
	values []float32
	width  int
}

// batchRows is how many rows are run at once.
const batchRows = 256

// operands returns the names of the operands of a graph's products; with results set, also those of their results.
func operands(g *onnxpb.GraphProto, results bool) []string {
	var names []string
	for _, n := range g.Node {
		if !isProduct(n) {
			continue
		}
		taken := n.Input[:1]
		if results {
			taken = append(taken[:1:1], n.Output...)
		}
		for _, name := range taken {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// calibrate runs the float32 encoder on the calibration rows and keeps the values of some of its tensors.
func calibrate(ctx context.Context, encoder *onnxpb.ModelProto, s Source, names []string) (activations, error) {
	if size := s.Manifest.Input.RowSize(); len(s.Rows) == 0 || len(s.Rows)%size != 0 {
		return nil, fmt.Errorf("%w: it needs training rows of %d bytes to calibrate on: give data", ErrUnsupported, size)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the encoder holds no product, no Gemm and no MatMul", ErrUnsupported)
	}
	m := proto.Clone(encoder).(*onnxpb.ModelProto)
	seen := activations{}
	for _, name := range names {
		seen[name] = activation{}
		if name != s.Manifest.Input.Name && name != bundle.LatentLogits {
			m.Graph.Output = append(m.Graph.Output, floatOutput(name))
		}
	}
	data, err := onnxpb.Marshal(m)
	if err != nil {
		return nil, err
	}
	loaded, err := backend.Load(ctx, s.Backend, data, "calibration")
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	err = eachBatch(s.Manifest.Input, s.Rows, func(rows onnxtensor.Tensor, n int) error {
		out, err := loaded.Run(ctx, rows)
		if err != nil {
			return err
		}
		for _, t := range append(out, rows) {
			a, ok := seen[t.Name]
			if !ok {
				continue
			}
			values, ok := t.Data.([]float32)
			if !ok {
				return fmt.Errorf("%w: %q is %T, not float32", ErrUnsupported, t.Name, t.Data)
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

// eachBatch passes rows of bytes on as floats, batch by batch.
func eachBatch(in bundle.Input, rows []byte, f func(rows onnxtensor.Tensor, n int) error) error {
	size, table := in.RowSize(), in.Values().Table()
	for len(rows) > 0 {
		n := min(batchRows, len(rows)/size)
		floats := make([]float32, n*size)
		for i, b := range rows[:n*size] {
			floats[i] = table[b]
		}
		t := onnxtensor.Tensor{Name: in.Name, Shape: append([]int64{int64(n)}, in.Shape...), Data: floats}
		if err := f(t, n); err != nil {
			return err
		}
		rows = rows[n*size:]
	}
	return nil
}

// tails are the shares of values that a range leaves out at either end.
var tails = []float64{0, 1e-6, 1e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2e-3}

// choose returns the quantisation of an activation with the least squared error on the calibration rows,
//
//	Σ (x - scale·(q - zero))²,   q = clamp(round(x/scale) + zero, 0, 255),
//	scale = (high - low) / 255,   zero = round(-low/scale),   low <= 0 <= high
//
// among the ranges that hold all values, or all but a share of each of [tails]. 0 is exact in each, and numbers that are never
// negative have the zero point 0, so that a ReLU before them costs nothing. Numbers of 0 and 1 alone, which a threshold in the
// graph gives, are bytes of 0 and 1.
func choose(values []float32) bundle.Quantization {
	if !slices.ContainsFunc(values, func(x float32) bool { return x != 0 && x != 1 }) {
		return bundle.Quantization{Scale: 1}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	best, least := bundle.Quantization{Scale: 1}, math.Inf(1)
	for _, tail := range tails {
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

// rounded returns the value of a number's byte.
func rounded(x float32, q bundle.Quantization) float64 {
	b := min(max(math.RoundToEven(float64(x)/q.Scale)+float64(q.ZeroPoint), 0), 255)
	return q.Scale * (b - float64(q.ZeroPoint))
}

// means returns each column's mean, of the values and of their bytes' values.
func (a activation) means(q bundle.Quantization) (exact, bytes []float64) {
	exact, bytes = make([]float64, a.width), make([]float64, a.width)
	n := float64(len(a.values) / a.width)
	for i, x := range a.values {
		exact[i%a.width] += float64(x) / n
		bytes[i%a.width] += rounded(x, q) / n
	}
	return exact, bytes
}
