package variant

import (
	"context"
	"fmt"
	"math"

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
		c: constantsOf(g), seen: seen, chosen: map[string]bundle.Quantization{in.Name: pixels},
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
	switch n.GetOpType() {
	case "Reshape":
		if twin, ok := q.bytes[n.Input[0]]; ok { // bytes are reshaped as bytes
			out := n.Output[0]
			q.bytes[out] = q.name(out, "bytes")
			q.scales[out] = q.scales[n.Input[0]]
			q.nodes = append(q.nodes, nodeOf("Reshape", q.bytes[out], []string{twin, n.Input[1]}))
			return nil
		}
	case "Conv", "ConvTranspose":
		return fmt.Errorf("only Gemm and MatMul with constant weights are quantised")
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

// quantized returns the bytes of a product's operand, and makes them where there are none.
func (q *quantizer) quantized(tensor string) {
	if _, ok := q.bytes[tensor]; ok {
		return
	}
	q.scales[tensor] = choose(q.seen[tensor].values)
	q.chosen[tensor] = q.scales[tensor]
	scale, zero := q.scale(tensor)
	q.bytes[tensor] = q.name(tensor, "bytes")
	q.nodes = append(q.nodes, nodeOf("QuantizeLinear", q.bytes[tensor], []string{tensor, scale, zero}))
}

// isProduct reports a node that is quantised: a product with constants, which [quantizer.product] checks.
func isProduct(n *onnxpb.NodeProto) bool {
	return (n.GetOpType() == "Gemm" || n.GetOpType() == "MatMul") && len(n.Input) > 0
}

// plainGemm reports a Gemm that is x·W + b, or x·Wᵀ + b.
func plainGemm(n *onnxpb.NodeProto) bool {
	return len(n.Input) == 3 && attribute(n, "alpha", 1) == 1 && attribute(n, "beta", 1) == 1 && attribute(n, "transA", 0) == 0
}

// product rewrites Gemm and MatMul: y = x·W + b becomes
//
//	y = s_x·(x_q - z)·s_w·W_q + s_x·s_w·b_q
//
// with a scale s_w for each column of W. b also corrects the mean error of y on the calibration rows: mean(x)·W -
// mean(x̂)·Ŵ, where x̂ and Ŵ are the values of the bytes.
func (q *quantizer) product(n *onnxpb.NodeProto) error {
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
	b := make([]float32, columns) // MatMul has none
	if len(n.Input) == 3 {
		if b, _, err = q.c.floats(n.Input[2], 1); err != nil {
			return err
		}
	}
	x := n.Input[0]
	q.quantized(x)
	a := q.seen[x]
	if rows > maxRows {
		return fmt.Errorf("sums of %d products may exceed 32 bits: at most %d are allowed", rows, maxRows)
	}
	if a.width != rows || len(b) != columns {
		return fmt.Errorf("weights of %dx%d and %d biases for %d values", rows, columns, len(b), a.width)
	}
	bytes, scales := quantizeWeights(w, rows, columns)
	mean, rounded := a.means(q.scales[x])
	sx := float32(q.scales[x].Scale)
	biases, biasScales := make([]int32, columns), make([]float32, columns)
	for j := range columns {
		shift := 0.0
		for i := range rows {
			shift += mean[i]*float64(w[i*columns+j]) - rounded[i]*float64(scales[j])*float64(bytes[i*columns+j])
		}
		biasScales[j] = sx * scales[j]
		biases[j] = int32(math.RoundToEven(min(max((float64(b[j])+shift)/float64(biasScales[j]), -maxBias), maxBias)))
	}
	base := n.Output[0]
	weights, bias := q.name(base, "weight"), q.name(base, "bias")
	add := func(name string, dtype onnxpb.TensorProto_DataType, shape []int64, data any) string {
		q.inits = append(q.inits, tensorOf(name, dtype, shape, data))
		return name
	}
	per := []int64{int64(columns)}
	q.nodes = append(q.nodes,
		nodeOf("DequantizeLinear", weights, []string{
			add(weights+"/bytes", onnxpb.TensorProto_INT8, []int64{int64(rows), int64(columns)}, bytes),
			add(weights+"/scale", onnxpb.TensorProto_FLOAT, per, scales), add(weights+"/zero", onnxpb.TensorProto_INT8, per, make([]int8, columns)),
		}, integer("axis", 1)),
		nodeOf("DequantizeLinear", bias, []string{
			add(bias+"/bytes", onnxpb.TensorProto_INT32, per, biases),
			add(bias+"/scale", onnxpb.TensorProto_FLOAT, per, biasScales), add(bias+"/zero", onnxpb.TensorProto_INT32, per, make([]int32, columns)),
		}, integer("axis", 0)),
		nodeOf("Gemm", base, []string{q.dequantize(x), weights, bias}),
	)
	return nil
}

func transpose(w []float32, rows, columns int) []float32 {
	t := make([]float32, len(w))
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
