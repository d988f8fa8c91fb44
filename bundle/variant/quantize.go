package variant

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxpb"
)

// weightMost is the largest magnitude of a quantised weight: see the package's doc. maxRows is how many products of it and a
// byte can be added up, with a bias as large, in 32 bits.
const (
	weightMost = 63
	maxBias    = math.MaxInt32 / 2
	maxRows    = maxBias / (255 * weightMost)
)

// A quantizer rewrites an encoder: every product takes bytes, by DequantizeLinear before it and QuantizeLinear before that,
// which onnxruntime fuses with the product (QGemm). Everything between products stays in float32.
type quantizer struct {
	c      constants
	seen   activations                    // of the float32 encoder, on the calibration rows
	chosen map[string]bundle.Quantization // by tensor, for the manifest
	scales map[string]bundle.Quantization // by tensor: the chosen ones, and those of the same bytes in other shapes
	kept   map[string]string              // by tensor: the product's operand that its values become, in another order or shape

	bytes map[string]string // the quantised twin of a tensor, where there is one
	nodes []*onnxpb.NodeProto
	inits []*onnxpb.TensorProto
}

// quantize turns an encoder's graph into one of 8 bits and returns the scales of its activations.
func quantize(ctx context.Context, encoder *onnxpb.ModelProto, s Source) (map[string]bundle.Quantization, error) {
	g, in := encoder.Graph, s.Manifest.Input
	if v := in.Values(); v.Mean != 0 || v.Deviation != 1 {
		return nil, fmt.Errorf("%w: its rows are standardised (mean %g, deviation %g), which bytes with one scale cannot represent", ErrUnsupported, v.Mean, v.Deviation)
	}
	seen, err := calibrate(ctx, encoder, s, operands(g, false))
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	pixels, err := pixelScale(in)
	if err != nil {
		return nil, err
	}
	q := &quantizer{
		c: constantsOf(g), kept: keepers(g), seen: seen, chosen: map[string]bundle.Quantization{in.Name: pixels},
		scales: map[string]bundle.Quantization{in.Name: pixels}, bytes: map[string]string{in.Name: in.Name},
	}
	for _, n := range g.Node {
		if err := q.rewrite(n); err != nil {
			return nil, fmt.Errorf("%w: node %q (%s): %w", ErrUnsupported, n.GetName(), n.GetOpType(), err)
		}
	}
	for _, v := range g.Input {
		if v.GetName() == in.Name {
			elem := int32(onnxpb.TensorProto_UINT8)
			v.GetType().GetTensorType().ElemType = &elem
		}
	}
	g.Node = q.nodes
	g.Initializer = append(g.Initializer, q.inits...)
	return q.chosen, nil
}

// pixelScale returns the value of an input byte: x = scale · (byte - zero point).
func pixelScale(in bundle.Input) (bundle.Quantization, error) {
	v := in.Values()
	zero := math.Round(v.Mean * v.Bytes)
	if math.Abs(zero-v.Mean*v.Bytes) > 1e-6 || zero < 0 || zero > 255 {
		return bundle.Quantization{}, fmt.Errorf("%w: bytes have a mean of %g after division by %g, which no byte represents: 8-bit products need one that does", ErrUnsupported, v.Mean, v.Bytes)
	}
	return bundle.Quantization{Scale: in.Scale / v.Deviation, ZeroPoint: int(zero)}, nil
}

func (q *quantizer) rewrite(n *onnxpb.NodeProto) error {
	if isProduct(n) {
		return q.product(n)
	}
	if moves[n.GetOpType()] && len(n.Output) == 1 {
		if operand, ok := q.kept[n.Output[0]]; ok { // bytes are moved as bytes
			q.quantizedAs(n.Input[0], operand)
		}
		if twin, ok := q.bytes[n.Input[0]]; ok {
			out := n.Output[0]
			q.bytes[out] = q.name(out, "bytes")
			q.scales[out] = q.scales[n.Input[0]]
			q.nodes = append(q.nodes, nodeOf(n.GetOpType(), q.bytes[out], append([]string{twin}, n.Input[1:]...), n.Attribute...))
			return nil
		}
	}
	for i, name := range n.Input {
		if _, ok := q.bytes[name]; ok {
			n.Input[i] = q.dequantize(name)
		}
	}
	q.nodes = append(q.nodes, n)
	return nil
}

// name is that of a tensor's companion.
func (q *quantizer) name(tensor, what string) string {
	return bundle.VariantInt8 + "/" + tensor + "/" + what
}

// dequantize returns the name of a tensor's bytes as float32.
func (q *quantizer) dequantize(tensor string) string {
	out := q.name(tensor, "float")
	for _, n := range q.nodes {
		if n.GetName() == out {
			return out
		}
	}
	scale, zero := q.scale(tensor)
	q.nodes = append(q.nodes, nodeOf("DequantizeLinear", out, []string{q.bytes[tensor], scale, zero}))
	return out
}

// scale adds the initialisers of a tensor's quantisation, once.
func (q *quantizer) scale(tensor string) (scale, zero string) {
	scale, zero = q.name(tensor, "scale"), q.name(tensor, "zero")
	for _, t := range q.inits {
		if t.GetName() == scale {
			return scale, zero
		}
	}
	c := q.scales[tensor]
	q.inits = append(q.inits, tensorOf(scale, onnxpb.TensorProto_FLOAT, nil, []float32{float32(c.Scale)}),
		tensorOf(zero, onnxpb.TensorProto_UINT8, nil, []uint8{uint8(c.ZeroPoint)}))
	return scale, zero
}

// quantized makes the bytes of a product's operand where there are none.
func (q *quantizer) quantized(tensor string) { q.quantizedAs(tensor, tensor) }

// quantizedAs is quantized for a tensor whose values a product's operand will have.
func (q *quantizer) quantizedAs(tensor, operand string) {
	if _, ok := q.bytes[tensor]; ok {
		return
	}
	q.scales[tensor] = choose(q.seen[operand].values)
	q.chosen[tensor] = q.scales[tensor]
	scale, zero := q.scale(tensor)
	q.bytes[tensor] = q.name(tensor, "bytes")
	q.nodes = append(q.nodes, nodeOf("QuantizeLinear", q.bytes[tensor], []string{tensor, scale, zero}))
}

// moves are the operators whose result holds values of their first operand alone, in an order that any values have, so that bytes may take
// their place.
var moves = map[string]bool{"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "MaxPool": true}

// keepers finds the tensors whose values become a product's operand by moves alone.
func keepers(g *onnxpb.GraphProto) map[string]string {
	kept := map[string]string{}
	for _, n := range slices.Backward(g.Node) {
		switch {
		case isProduct(n):
			kept[n.Input[0]] = n.Input[0]
		case moves[n.GetOpType()] && len(n.Output) == 1:
			if operand, ok := kept[n.Output[0]]; ok && kept[n.Input[0]] == "" {
				kept[n.Input[0]] = operand
			}
		}
	}
	return kept
}

// isProduct reports a node that is quantised: a product with constants, which [quantizer.product] checks.
func isProduct(n *onnxpb.NodeProto) bool {
	return (n.GetOpType() == "Gemm" || n.GetOpType() == "MatMul" || n.GetOpType() == "Conv") && len(n.Input) > 0
}

// plainGemm reports a Gemm that is x·W + b, or x·Wᵀ + b.
func plainGemm(n *onnxpb.NodeProto) bool {
	return len(n.Input) == 3 && attribute(n, "alpha", 1) == 1 && attribute(n, "beta", 1) == 1 && attribute(n, "transA", 0) == 0
}

// product rewrites Gemm, MatMul and Conv: y = x·W + b becomes
//
//	y = s_x·(x_q - z)·s_w·W_q + s_x·s_w·b_q
//
// with a scale s_w for each column of W, or each map of a convolution. b also corrects the mean error of y on the calibration rows:
// mean(x)·W - mean(x̂)·Ŵ, where x̂ and Ŵ are the values of the bytes.
func (q *quantizer) product(n *onnxpb.NodeProto) error {
	if n.GetOpType() == "Conv" {
		return q.conv(n)
	}
	if n.GetOpType() == "Gemm" && !plainGemm(n) {
		return fmt.Errorf("only x·W + b is quantised")
	}
	w, shape, err := q.c.floats(n.Input[1], 2)
	if err != nil {
		return err
	}
	rows, columns := shape[0], shape[1]
	if attribute(n, "transB", 0) != 0 {
		w, rows, columns = transpose(w, rows, columns), columns, rows
	}
	b, err := q.biasOf(n, columns)
	if err != nil {
		return err
	}
	x := n.Input[0]
	q.quantized(x)
	a := q.seen[x]
	if a.width() != rows {
		return fmt.Errorf("weights of %dx%d for %d values", rows, columns, a.width())
	}
	bytes, scales := quantizeWeights(w, rows, columns)
	mean, rounded := a.means(q.scales[x])
	shift := make([]float64, columns)
	for j := range columns {
		for i := range rows {
			shift[j] += mean[i]*float64(w[i*columns+j]) - rounded[i]*float64(scales[j])*float64(bytes[i*columns+j])
		}
	}
	return q.write(n, "Gemm", nil, rows, weights{bytes, []int64{int64(rows), int64(columns)}, 1, scales}, b, shift)
}

// biasOf returns a product's biases, zeros where it has none.
func (q *quantizer) biasOf(n *onnxpb.NodeProto, columns int) ([]float32, error) {
	if len(n.Input) < 3 || n.Input[2] == "" {
		return make([]float32, columns), nil
	}
	b, _, err := q.c.floats(n.Input[2], 1)
	if err == nil && len(b) != columns {
		err = fmt.Errorf("%d biases for %d columns", len(b), columns)
	}
	return b, err
}

// weights are a product's, as bytes with a scale for each place of an axis.
type weights struct {
	bytes  []int8
	shape  []int64
	axis   int64
	scales []float32
}

// write adds a product of depth terms, of bytes dequantised. shift is added to its biases.
func (q *quantizer) write(n *onnxpb.NodeProto, op string, attributes []*onnxpb.AttributeProto, depth int, w weights, b []float32, shift []float64) error {
	if depth > maxRows {
		return fmt.Errorf("sums of %d products may exceed 32 bits: at most %d are allowed", depth, maxRows)
	}
	x := n.Input[0]
	sx := float32(q.scales[x].Scale)
	columns := len(w.scales)
	biases, biasScales := make([]int32, columns), make([]float32, columns)
	for j := range columns {
		biasScales[j] = sx * w.scales[j]
		biases[j] = int32(math.RoundToEven(min(max((float64(b[j])+shift[j])/float64(biasScales[j]), -maxBias), maxBias)))
	}
	base := n.Output[0]
	matrix, bias := q.name(base, "weight"), q.name(base, "bias")
	add := func(name string, dtype onnxpb.TensorProto_DataType, shape []int64, data any) string {
		q.inits = append(q.inits, tensorOf(name, dtype, shape, data))
		return name
	}
	per := []int64{int64(columns)}
	q.nodes = append(q.nodes,
		nodeOf("DequantizeLinear", matrix, []string{
			add(matrix+"/bytes", onnxpb.TensorProto_INT8, w.shape, w.bytes),
			add(matrix+"/scale", onnxpb.TensorProto_FLOAT, per, w.scales), add(matrix+"/zero", onnxpb.TensorProto_INT8, per, make([]int8, columns)),
		}, integer("axis", w.axis)),
		nodeOf("DequantizeLinear", bias, []string{
			add(bias+"/bytes", onnxpb.TensorProto_INT32, per, biases),
			add(bias+"/scale", onnxpb.TensorProto_FLOAT, per, biasScales), add(bias+"/zero", onnxpb.TensorProto_INT32, per, make([]int32, columns)),
		}, integer("axis", 0)),
		nodeOf(op, base, []string{q.dequantize(x), matrix, bias}, attributes...),
	)
	return nil
}

func transpose[T float32 | int8](w []T, rows, columns int) []T {
	t := make([]T, len(w))
	for i := range rows {
		for j := range columns {
			t[j*rows+i] = w[i*columns+j]
		}
	}
	return t
}

// quantizeWeights rounds weights to whole numbers within ±63, with a scale for each column. It tries a few scales, from
// the one that holds the largest weight downwards, and takes the one with the least squared error.
func quantizeWeights(w []float32, rows, columns int) (bytes []int8, scales []float32) {
	bytes, scales = make([]int8, len(w)), make([]float32, columns)
	for j := range columns {
		most := 0.0
		for i := range rows {
			most = max(most, math.Abs(float64(w[i*columns+j])))
		}
		if most == 0 {
			scales[j] = 1
			continue
		}
		least := math.Inf(1)
		for _, share := range []float64{1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7} {
			scale := float32(share * most / weightMost)
			sum := 0.0
			for i := range rows {
				x := float64(w[i*columns+j])
				d := x - float64(scale)*float64(roundWeight(x, scale))
				sum += d * d
			}
			if sum < least {
				least, scales[j] = sum, scale
			}
		}
		for i := range rows {
			bytes[i*columns+j] = roundWeight(float64(w[i*columns+j]), scales[j])
		}
	}
	return bytes, scales
}

func roundWeight(x float64, scale float32) int8 {
	return int8(min(max(math.RoundToEven(x/float64(scale)), -weightMost), weightMost))
}
