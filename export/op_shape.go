package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// lowerReshape: the target comes from the node's shape, with -1 for the dimension that varies.
func lowerReshape(e *emitter, n *node) (string, error) { return e.reshape(e.in(n, 0), n.shape) }

func lowerTranspose(e *emitter, n *node) (string, error) {
	perm, err := n.numbers("pattern")
	if err != nil {
		return "", err
	}
	return e.Node("Transpose", map[string]any{"perm": int64s(perm)}, e.in(n, 0)), nil
}

func lowerConcat(e *emitter, n *node) (string, error) {
	axis, err := n.number("axis")
	if err != nil {
		return "", err
	}
	inputs := make([]string, len(n.in))
	for i := range n.in {
		inputs[i] = e.in(n, i)
	}
	return e.Node("Concat", map[string]any{"axis": int64(axis)}, inputs...), nil
}

// lowerSize writes the size of an operand's dimension as a scalar float: a number, or read off the operand's shape
// where it varies. As the count of a repeat it is never read, and dropped.
func lowerSize(e *emitter, n *node) (string, error) {
	axis, err := n.number("axis")
	if err != nil {
		return "", err
	}
	shape := n.in[0].shape
	if len(shape) == 0 {
		return e.Numbers([]float64{1}), nil
	}
	if axis >= len(shape) {
		return "", fmt.Errorf("export: %s: axis %d of a tensor of %d dimensions", label(n.first), axis, len(shape))
	}
	if d := shape[axis]; !d.byBatch {
		return e.Numbers([]float64{float64(d.n)}), nil
	}
	size := e.Node("Shape", map[string]any{"start": int64(axis), "end": int64(axis + 1)}, e.in(n, 0))
	return e.cast(e.Node("Squeeze", nil, size), onnxType(n.dtype())), nil
}

// lowerRepeat writes a repeat along one axis. Where the operand has size 1 there, as in every broadcast and gradient, it
// is an Expand, which a pass drops where ONNX broadcasts by itself. Elsewhere each element is repeated in its place:
// the axis is split in two, the second expanded, and both joined.
func lowerRepeat(e *emitter, n *node) (string, error) {
	axis, err := n.number("along")
	if err != nil {
		return "", err
	}
	from, x := n.in[0].shape, e.in(n, 0)
	if len(from) < len(n.shape) { // gorgonia repeats a vector along axis 1, and a scalar along axis 0
		for len(from) < len(n.shape) {
			from = append(from[:len(from):len(from)], dim{n: 1})
		}
		if x, err = e.reshape(x, from); err != nil {
			return "", err
		}
	}
	if from[axis] == (dim{n: 1}) {
		to, err := e.shapeValue(n.shape)
		if err != nil {
			return "", err
		}
		e.shapes[x] = from
		return e.Node("Expand", nil, x, to), nil
	}
	count, ok := times(from[axis], n.shape[axis])
	if !ok {
		return "", fmt.Errorf("export: %s: a repeat whose count and operand both vary with the batch cannot be written", label(n.first))
	}
	split := append(append(append([]dim{}, from[:axis+1]...), dim{n: 1}), from[axis+1:]...)
	if x, err = e.reshape(x, split); err != nil {
		return "", err
	}
	split[axis+1] = count
	to, err := e.shapeValue(split)
	if err != nil {
		return "", err
	}
	return e.reshape(e.Node("Expand", nil, x, to), n.shape)
}

// times returns the factor between two dimensions.
func times(from, to dim) (dim, bool) {
	if from.n == 0 || to.n%from.n != 0 || (from.byBatch && !to.byBatch) {
		return dim{}, false
	}
	return dim{n: to.n / from.n, byBatch: to.byBatch && !from.byBatch}, true
}

// bounds reads a slice's range from its printed form, "T[:, 1:3:1...]": the range itself lies behind an interface.
func (n *node) bounds() (start, end, step int64, all bool, err error) {
	text, other := n.op().String(), n.second.Op().String()
	if text != other {
		return 0, 0, 0, false, fmt.Errorf("export: %s: the slice %s varies with the batch: slice along another axis", label(n.first), text)
	}
	last := text[strings.LastIndexAny(text, " [")+1:]
	last, _, _ = strings.Cut(last, "...")
	if last == ":" {
		return 0, 0, 0, true, nil
	}
	var v [3]int64
	parts := strings.Split(last, ":")
	for i := range v {
		if len(parts) != 3 {
			err = fmt.Errorf("%d parts", len(parts))
		} else if v[i], err = strconv.ParseInt(parts[i], 10, 64); err == nil {
			continue
		}
		return 0, 0, 0, false, fmt.Errorf("export: %s: the slice %q cannot be read: %w", label(n.first), text, err)
	}
	return v[0], v[1], max(v[2], 1), false, nil
}

// lowerSlice: a range of one element drops its axis, as gorgonia does.
// https://onnx.ai/onnx/operators/onnx__Slice.html
func lowerSlice(e *emitter, n *node) (string, error) {
	start, end, step, all, err := n.bounds()
	if err != nil || all {
		return e.in(n, 0), err
	}
	axis, err := n.number("along")
	if err != nil {
		return "", err
	}
	x := e.Node("Slice", nil, e.in(n, 0), e.Ints(start), e.Ints(end), e.Ints(int64(axis)), e.Ints(step))
	if len(n.shape) < len(n.in[0].shape) {
		x = e.Node("Squeeze", nil, x, e.Ints(int64(axis)))
	}
	return x, nil
}

// lowerSliceIncr writes the gradient of a slice: the incoming gradient in its place, zeros around it.
func lowerSliceIncr(e *emitter, n *node) (string, error) {
	start, end, step, all, err := n.bounds()
	if err != nil || all {
		return e.in(n, 1), err
	}
	if step != 1 {
		return "", fmt.Errorf("export: %s: the gradient of a slice with step %d: %w: slice with step 1", label(n.first), step, ErrUnsupportedOp)
	}
	axis, err := n.number("along")
	if err != nil {
		return "", err
	}
	size := n.shape[axis]
	after := size.n - end
	if size.byBatch {
		return "", fmt.Errorf("export: %s: the gradient of a slice along the batch: %w", label(n.first), ErrUnsupportedOp)
	}
	g := e.in(n, 1)
	if len(n.in[1].shape) < len(n.shape) {
		g = e.Node("Unsqueeze", nil, g, e.Ints(int64(axis)))
	}
	pads := make([]int64, 2*len(n.shape))
	pads[axis], pads[len(n.shape)+axis] = start, after
	if start < 0 || after < 0 || start > math.MaxInt32 {
		return "", fmt.Errorf("export: %s: the slice %d:%d leaves its operand", label(n.first), start, end)
	}
	return e.Node("Pad", nil, g, e.Ints(pads...)), nil
}
