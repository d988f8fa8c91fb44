package variant

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// largest16 is the largest number of float16.
const largest16 = 65504

// toFloat16 computes an encoder in float16: its constants are rounded, casts stand behind its input and before its output,
// which stay float32.
func toFloat16(g *onnxpb.GraphProto, input string) error {
	for i, t := range g.Initializer {
		if t.GetDataType() != int32(onnxpb.TensorProto_FLOAT) {
			continue
		}
		values, _, err := constantsOf(g).floats(t.GetName(), len(t.Dims))
		if err != nil {
			return fmt.Errorf("variant: %s: %w: %w", bundle.VariantFloat16, ErrUnsupported, err)
		}
		half := make([]uint16, len(values))
		for j, x := range values {
			if !(math.Abs(float64(x)) <= largest16) {
				return fmt.Errorf("variant: %s: %w: %s holds %g, float16 ends at %d", bundle.VariantFloat16, ErrUnsupported, t.GetName(), x, largest16)
			}
			half[j] = float16(x)
		}
		g.Initializer[i] = tensorOf(t.GetName(), onnxpb.TensorProto_FLOAT16, t.Dims, half)
	}
	const prefix = bundle.VariantFloat16 + "/"
	rename := map[string]string{input: prefix + input, bundle.LatentLogits: prefix + bundle.LatentLogits}
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
	}
	first := nodeOf("Cast", rename[input], []string{input}, integer("to", int64(onnxpb.TensorProto_FLOAT16)))
	last := nodeOf("Cast", bundle.LatentLogits, []string{rename[bundle.LatentLogits]}, integer("to", int64(onnxpb.TensorProto_FLOAT)))
	g.Node = append(append([]*onnxpb.NodeProto{first}, g.Node...), last)
	return nil
}

// float16 rounds to the nearest float16, ties to even, and returns its bits. |x| is at most largest16. IEEE 754-2019, 3.4.
func float16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	a := math.Abs(float64(x))
	if a < 0x1p-14 { // subnormal: multiples of 2^-24
		return sign | uint16(math.RoundToEven(a*0x1p24))
	}
	magnitude := bits & 0x7fffffff
	rounded := magnitude + 0xfff + magnitude>>13&1 // to 10 bits of fraction, even on ties
	return sign | uint16((rounded>>13)-(127-15)<<10)
}
