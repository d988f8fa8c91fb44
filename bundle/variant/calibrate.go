package variant

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

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
	shape  []int // of a row
}

// width is how many values a row has.
func (a activation) width() int {
	n := 1
	for _, d := range a.shape {
		n *= d
	}
	return n
}

// maxValues bounds the values of one tensor that are kept: pictures inside a convolution are large, and every k-th row does then.
const maxValues = 1 << 23

// with adds the values of a batch of n rows, the first of which is row first of all.
func (a activation) with(values []float32, n, first, all int) activation {
	width := a.width()
	step := max(1, (all*width+maxValues-1)/maxValues)
	for i := range n {
		if (first+i)%step == 0 {
			a.values = append(a.values, values[i*width:][:width]...)
		}
	}
	return a
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
	all, whole := s.Rows.count(s.Manifest.Input)
	if all == 0 || !whole {
		return nil, fmt.Errorf("%w: it needs training rows of %d values to calibrate on: give data", ErrUnsupported, s.Manifest.Input.RowSize())
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the encoder holds no product, no Gemm and no MatMul", ErrUnsupported)
	}
	m := proto.Clone(encoder).(*onnxpb.ModelProto)
	seen := activations{}
	for _, name := range names {
		seen[name] = activation{}
		if name != s.Manifest.Input.Name && name != bundle.LatentLogits {
			// Its rank is not known here: its values are put out as a matrix, and its shape.
			m.Graph.Node = append(m.Graph.Node, nodeOf("Reshape", name+flat, []string{name, flat}), nodeOf("Shape", name+shaped, []string{name}))
			m.Graph.Output = append(m.Graph.Output, output(name+flat, onnxpb.TensorProto_FLOAT, bundle.BatchAxis, "width"), output(name+shaped, onnxpb.TensorProto_INT64, "rank"))
		}
	}
	m.Graph.Initializer = append(m.Graph.Initializer, tensorOf(flat, onnxpb.TensorProto_INT64, []int64{2}, []int64{0, -1}))
	data, err := onnxpb.Marshal(m)
	if err != nil {
		return nil, err
	}
	loaded, err := backend.Load(ctx, s.Backend, data, "calibration")
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	first := 0 // row of the batch
	err = eachBatch(s.Manifest.Input, s.Rows, func(rows onnxtensor.Tensor, n int) error {
		defer func() { first += n }()
		out, err := loaded.Run(ctx, rows)
		if err != nil {
			return err
		}
		shapes := map[string][]int64{}
		for _, t := range append(out, rows) {
			shapes[t.Name] = t.Shape
			if of, ok := strings.CutSuffix(t.Name, shaped); ok {
				shapes[of], _ = t.Data.([]int64)
			}
		}
		for _, t := range append(out, rows) {
			t.Name = strings.TrimSuffix(t.Name, flat)
			a, ok := seen[t.Name]
			if !ok {
				continue
			}
			t.Shape = shapes[t.Name]
			values, ok := t.Data.([]float32)
			if !ok {
				return fmt.Errorf("%w: %q is %T, not float32", ErrUnsupported, t.Name, t.Data)
			}
			a.shape = a.shape[:0]
			for _, d := range t.Shape[min(1, len(t.Shape)):] {
				a.shape = append(a.shape, int(d))
			}
			if a.width()*n != len(values) {
				return fmt.Errorf("%w: %q has the shape %v for %d rows", ErrUnsupported, t.Name, t.Shape, n)
			}
			seen[t.Name] = a.with(values, n, first, all)
		}
		return nil
	})
	return seen, err
}

// What calibration calls a tensor's values as a matrix, and its shape.
const flat, shaped = "/calibration", "/shape"

// output declares an output with axes of these names.
func output(name string, dtype onnxpb.TensorProto_DataType, axes ...string) *onnxpb.ValueInfoProto {
	elem := int32(dtype)
	var dims []*onnxpb.TensorShapeProto_Dimension
	for _, axis := range axes {
		dims = append(dims, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: axis}})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: &elem, Shape: &onnxpb.TensorShapeProto{Dim: dims},
	}}}}
}

// eachBatch passes rows on as floats, batch by batch.
func eachBatch(in bundle.Input, rows Rows, f func(rows onnxtensor.Tensor, n int) error) error {
	all, _ := rows.count(in)
	for at := 0; at < all; at += batchRows {
		n := min(batchRows, all-at)
		t := onnxtensor.Tensor{Name: in.Name, Shape: append([]int64{int64(n)}, in.Shape...), Data: rows.part(in, at, at+n).floats(in)}
		if err := f(t, n); err != nil {
			return err
		}
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
	width := a.width()
	exact, bytes = make([]float64, width), make([]float64, width)
	n := float64(len(a.values) / width)
	for i, x := range a.values {
		exact[i%width] += float64(x) / n
		bytes[i%width] += rounded(x, q) / n
	}
	return exact, bytes
}
