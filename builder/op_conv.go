package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convOp is one of three maps that a convolution y = w ∗ x is made of. Each is linear in both operands, and each is a
// gradient of the others, so that they can be differentiated any number of times:
//
//	forward   (x, w) → y   [batch, channels, size...] and [maps, channels/groups, kernel...] to [batch, maps, places...]
//	picture   (y, w) → x   the gradient by the picture, which is the transposed convolution
//	weights   (x, y) → w   the gradient by the weights
//
// With a bias, which forward and picture may have as a third operand, a number is added for each channel of the result.
// The batch is not in the op. One implementation serves all numbers of spatial axes.
type convOp struct {
	opBase
	Role                   convRole
	Window                 window
	Channels, Maps, Groups int // of the picture; of what the convolution makes of it
	Bias                   bool
}

// A convRole is the name of one of the three maps.
type convRole string

const (
	convForward convRole = "Conv"
	convPicture convRole = "Conv gradient by the picture"
	convWeights convRole = "Conv gradient by the weights"
)

var _ G.SDOp = convOp{}

// check reports a convolution that cannot be.
func (op convOp) check() error {
	if err := op.Window.check(op.Channels / op.Groups); err != nil {
		return err
	}
	for _, shape := range [][]int{op.weightShape(), append([]int{op.Channels}, op.Window.Size...), append([]int{op.Maps}, op.Window.out()...)} {
		if _, err := sizeOf(shape); err != nil {
			return err
		}
	}
	return nil
}

func (op convOp) weightShape() []int {
	return append([]int{op.Maps, op.Channels / op.Groups}, op.Window.Kernel...)
}

// resultShape returns the shape of the result for a batch.
func (op convOp) resultShape(batch int) []int {
	switch op.Role {
	case convForward:
		return append([]int{batch, op.Maps}, op.Window.out()...)
	case convPicture:
		return append([]int{batch, op.Channels}, op.Window.Size...)
	}
	return op.weightShape()
}

// as returns another of the three maps, without a bias.
func (op convOp) as(role convRole) convOp {
	op.Role, op.Bias = role, false
	return op
}

func (op convOp) Arity() int {
	if op.Bias {
		return 3
	}
	return 2
}

func (op convOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	t := typeOf(len(op.Window.Size)+2, a)
	if op.Bias {
		return hm.NewFnType(t, t, typeOf(1, a), t)
	}
	return hm.NewFnType(t, t, t)
}

func (op convOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	batch := 0
	for i, want := range op.operandShapes() {
		got, ok := in[i].(tensor.Shape)
		if ok && want[0] == 0 && len(got) > 0 {
			if batch == 0 {
				batch = got[0]
			}
			want[0] = batch
		}
		if !ok || !slices.Equal(got, want) {
			return nil, fmt.Errorf("builder: %v: operand %d has shape %v, want %v", op, i, got, want)
		}
	}
	return op.resultShape(batch), nil
}

// operandShapes returns the operands' shapes with 0 for the batch.
func (op convOp) operandShapes() []tensor.Shape {
	x, y := op.as(convPicture).resultShape(0), op.as(convForward).resultShape(0)
	shapes := map[convRole][]tensor.Shape{convForward: {x, op.weightShape()}, convPicture: {y, op.weightShape()}, convWeights: {x, y}}[op.Role]
	if op.Bias {
		shapes = append(shapes, op.resultShape(0)[1:2])
	}
	return shapes
}

// String names every field: ops are told apart by it.
func (op convOp) String() string {
	return fmt.Sprintf("%s %v channels %d maps %d groups %d bias %t", op.Role, op.Window, op.Channels, op.Maps, op.Groups, op.Bias)
}
func (op convOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op convOp) Hashcode() uint32      { return hashcode(op) }
func (op convOp) DiffWRT(n int) []bool  { return slices.Repeat([]bool{true}, n) }

// SymDiff: each of the three maps is linear in both operands, and its gradients are the other two. The bias's gradient is
// the sum over everything but the channels.
func (op convOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	var grads G.Nodes
	add := func(role convRole, a, b *G.Node) error {
		n, err := G.ApplyOp(op.as(role), a, b)
		grads = append(grads, n)
		return err
	}
	var first, second error
	switch op.Role {
	case convForward:
		first, second = add(convPicture, grad, in[1]), add(convWeights, in[0], grad)
	case convPicture:
		first, second = add(convForward, grad, in[1]), add(convWeights, grad, in[0])
	case convWeights:
		first, second = add(convPicture, in[1], grad), add(convForward, in[0], grad)
	}
	if first != nil {
		return nil, first
	}
	if second != nil || !op.Bias {
		return grads, second
	}
	n, err := G.ApplyOp(sumOp{From: grad.Shape(), Axes: allBut(1, grad.Dims())}, grad)
	return append(grads, n), err
}

// allBut returns the axes 0 to dims-1 without one.
func allBut(axis, dims int) []int {
	var axes []int
	for i := range dims {
		if i != axis {
			axes = append(axes, i)
		}
	}
	return axes
}

func (op convOp) Do(in ...G.Value) (G.Value, error) {
	sizes := make([]G.DimSizer, len(in))
	for i, v := range in {
		sizes[i] = v.Shape()
	}
	to, err := op.InferShape(sizes...)
	if err != nil {
		return nil, err
	}
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch first := data[0].(type) {
	case []float32:
		return valueOf(convolve(op, first, data[1:], make([]float32, to.TotalSize())), to), nil
	case []float64:
		return valueOf(convolve(op, first, data[1:], make([]float64, to.TotalSize())), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}
