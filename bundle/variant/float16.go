package variant

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/x448/float16"
	"google.golang.org/protobuf/proto"
)

// largest16 is the largest number of float16.
const largest16 = 65504

// toFloat16 computes an encoder in float16: its constants are rounded; casts follow its input and precede its output,
// which stay float32.
//
// A Gemm, x·W + b, becomes x·W - (-b), which is the same number. onnxruntime fuses a product and a sum to a Gemm again,
// and on a CPU its Gemm of float16 takes 50 times as long as the product, which it computes in float32. CUDA computes
// both in the same way: a product with float32 sums, and then b in a separate step.
func toFloat16(g *onnxpb.GraphProto, input string) error {
	if err := roundConstants(g); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	const prefix = bundle.VariantFloat16 + "/"
	rename := map[string]string{input: prefix + input, bundle.LatentLogits: prefix + bundle.LatentLogits}
	nodes := []*onnxpb.NodeProto{nodeOf("Cast", rename[input], []string{input}, integer("to", int64(onnxpb.TensorProto_FLOAT16)))}
	for _, n := range g.Node {
		for i, name := range n.Input {
			if to, ok := rename[name]; ok {
				n.Input[i] = to
			}
		}
		for i, name := range n.Output {
			if to, ok := rename[name]; ok {
				n.Output[i] = to
			}
		}
		for _, a := range n.Attribute {
			if n.GetOpType() == "Cast" && a.GetName() == "to" && a.GetI() == int64(onnxpb.TensorProto_FLOAT) {
				a.I = proto.Int64(int64(onnxpb.TensorProto_FLOAT16))
			}
		}
		nodes = append(nodes, productAndSum(g, n, prefix)...)
	}
	last := nodeOf("Cast", bundle.LatentLogits, []string{rename[bundle.LatentLogits]}, integer("to", int64(onnxpb.TensorProto_FLOAT)))
	g.Node = append(nodes, last)
	onnxcompose.DropDead(g) // biases that were replaced by their negatives
	return nil
}

// productAndSum takes a Gemm of constants apart. Other nodes stay as they are.
func productAndSum(g *onnxpb.GraphProto, n *onnxpb.NodeProto, prefix string) []*onnxpb.NodeProto {
	i := slices.IndexFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return len(n.Input) == 3 && t.GetName() == n.Input[2] })
	if n.GetOpType() != "Gemm" || i < 0 || g.Initializer[i].GetDataType() != int32(onnxpb.TensorProto_FLOAT16) || !plainGemm(n) || attribute(n, "transB", 0) != 0 {
		return []*onnxpb.NodeProto{n}
	}
	bias := g.Initializer[i]
	negative := bytes.Clone(bias.RawData)
	for at := 1; at < len(negative); at += 2 { // the sign is the highest bit of each little-endian pair
		negative[at] ^= 0x80
	}
	name, product := prefix+n.Input[2]+"/negative", prefix+strings.TrimPrefix(n.Output[0], prefix)+"/product"
	if !slices.ContainsFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == name }) {
		g.Initializer = append(g.Initializer, &onnxpb.TensorProto{Name: &name, DataType: bias.DataType, Dims: bias.Dims, RawData: negative})
	}
	sum := nodeOf("Sub", n.Output[0], []string{product, name})
	sum.Name = n.Name
	return []*onnxpb.NodeProto{nodeOf("MatMul", product, n.Input[:2]), sum}
}

// roundConstants makes a graph's float32 constants float16.
func roundConstants(g *onnxpb.GraphProto) error {
	for i, t := range g.Initializer {
		if t.GetDataType() != int32(onnxpb.TensorProto_FLOAT) {
			continue
		}
		values, _, err := constantsOf(g).floats(t.GetName(), len(t.Dims))
		if err != nil {
			return err
		}
		half := make([]uint16, len(values))
		for j, x := range values {
			if !(math.Abs(float64(x)) <= largest16) {
				return fmt.Errorf("%s holds %g, float16 ends at %d", t.GetName(), x, largest16)
			}
			half[j] = float16.Fromfloat32(x).Bits()
		}
		g.Initializer[i] = tensorOf(t.GetName(), onnxpb.TensorProto_FLOAT16, t.Dims, half)
	}
	return nil
}

// checkRange16 reports a tensor of the float32 encoder that float16 cannot hold on the calibration rows.
func checkRange16(seen activations) error {
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		for _, x := range seen[name].values {
			if !(math.Abs(float64(x)) <= largest16) {
				return fmt.Errorf("%w: %s holds %g on the calibration rows, float16 ends at %d", ErrUnsupported, name, x, largest16)
			}
		}
	}
	return nil
}
