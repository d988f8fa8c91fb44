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
//
// first is the value that is cast: the input, or what the graph makes of it in float32 by the nodes of before.
func toFloat16(g *onnxpb.GraphProto, first string, before []*onnxpb.NodeProto) error {
	if err := roundConstants(g, wideConstants(g, before)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	const prefix = bundle.VariantFloat16 + "/"
	rename := map[string]string{first: prefix + first, bundle.LatentLogits: prefix + bundle.LatentLogits}
	nodes := append(slices.Clone(before), nodeOf("Cast", rename[first], []string{first}, integer("to", int64(onnxpb.TensorProto_FLOAT16))))
	for _, n := range g.Node[len(before):] {
		for i, name := range n.Input {
			if to, ok := rename[name]; ok {
				n.Input[i] = to
			}
		}
		for i, name := range n.Output {
			if to, ok := rename[name]; ok {
				n.Output[i] = to
				n.Name = proto.String(n.Output[0])
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

// standardising returns the nodes at the beginning of a graph that standardise rows, and what they make: nodes of constants and of what such
// nodes make. Means and deviations of real numbers may be far larger than what is left of a row without them.
func standardising(g *onnxpb.GraphProto, input string) (before []*onnxpb.NodeProto, made string) {
	c := constantsOf(g)
	made = input
	for i, n := range g.Node {
		if isProduct(n) || len(n.Output) != 1 {
			break
		}
		// A chain: each node takes what the one before it makes, and nobody else does.
		reads := 0
		for _, in := range n.Input {
			if in == made {
				reads++
			} else if c[in] == nil {
				return before, made
			}
		}
		if reads == 0 || slices.ContainsFunc(g.Node[i+1:], func(later *onnxpb.NodeProto) bool { return slices.Contains(later.Input, made) }) {
			break
		}
		before, made = g.Node[:i+1:i+1], n.Output[0]
	}
	return before, made
}

// preparing returns the nodes at the beginning of a graph that prepare vectors, and what they make: as many nodes as there are before the first
// product of which one value alone is read later. The square of a length may be far out of the range of float16.
func preparing(g *onnxpb.GraphProto, input string) (before []*onnxpb.NodeProto, made string) {
	made = input
	read := map[string]int{} // the last node that reads a value
	for i, n := range g.Node {
		for _, in := range n.Input {
			read[in] = i
		}
	}
	open := []string{input}
	for i, n := range g.Node {
		if isProduct(n) {
			break
		}
		open = slices.DeleteFunc(append(open, n.Output...), func(v string) bool { return read[v] <= i })
		if len(open) == 1 && slices.Contains(n.Output, open[0]) {
			before, made = g.Node[:i+1:i+1], open[0]
		}
	}
	return before, made
}

// wideConstants are those that stay float32: of the nodes before the cast, and the scales of Resize, which ONNX has in float32 only. One that other
// nodes read too is copied for these.
func wideConstants(g *onnxpb.GraphProto, before []*onnxpb.NodeProto) map[string]bool {
	wide := map[string]bool{}
	for i, n := range g.Node {
		for k, in := range n.Input {
			if i < len(before) || n.GetOpType() == "Resize" && k > 0 {
				wide[in] = true
			}
		}
	}
	c := constantsOf(g)
	copied := map[string]string{}
	for i, n := range g.Node {
		for k, in := range n.Input {
			if c[in] == nil || !wide[in] || i < len(before) || n.GetOpType() == "Resize" && k > 0 {
				continue
			}
			if copied[in] == "" {
				t := proto.Clone(c[in]).(*onnxpb.TensorProto)
				copied[in] = bundle.VariantFloat16 + "/" + in
				t.Name = proto.String(copied[in])
				g.Initializer = append(g.Initializer, t)
			}
			n.Input[k] = copied[in]
		}
	}
	return wide
}

// roundConstants makes a graph's float32 constants float16, except those that stay wide.
func roundConstants(g *onnxpb.GraphProto, wide map[string]bool) error {
	for i, t := range g.Initializer {
		if t.GetDataType() != int32(onnxpb.TensorProto_FLOAT) || wide[t.GetName()] {
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
