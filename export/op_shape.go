package export

import "fmt"

// lowerReshape: the target comes from the node's shape, with -1 for the dimension that varies.
func lowerReshape(e *emitter, n *node) (string, error) { return e.reshape(e.in(n, 0), n.shape) }

func lowerTranspose(e *emitter, n *node) (string, error) {
	if y, ok, err := e.conv(n); ok || err != nil {
		return y, err
	}
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
