package export

import "fmt"

// lowerAt takes one element, along one axis after the other.
func lowerAt(e *emitter, n *node) (string, error) {
	place, err := n.numbers("coordinates")
	if err != nil {
		return "", err
	}
	if len(place) != len(n.in[0].shape) {
		return "", fmt.Errorf("export: %s: %d coordinates for %d dimensions", label(n.first), len(place), len(n.in[0].shape))
	}
	var start, end, axes []int64
	for axis, at := range place {
		if d := n.in[0].shape[axis]; at < 0 || !d.byBatch && int64(at) >= d.n {
			return "", fmt.Errorf("export: %s: there is no element %d along axis %d", label(n.first), at, axis)
		}
		start, end, axes = append(start, int64(at)), append(end, int64(at)+1), append(axes, int64(axis))
	}
	return e.Node("Squeeze", nil, e.Node("Slice", nil, e.in(n, 0), e.Ints(start...), e.Ints(end...), e.Ints(axes...)), e.Ints(axes...)), nil
}

// lowerDiagFlat: n zeros behind each of n elements, but the last, put each on the diagonal of n rows of n.
func lowerDiagFlat(e *emitter, n *node) (string, error) {
	count := n.shape[0]
	column, err := e.reshape(e.in(n, 0), []dim{count, {n: 1}})
	if err != nil {
		return "", err
	}
	rows, err := e.padAxis(column, 2, 1, dim{}, dim{}, count)
	if err != nil {
		return "", err
	}
	size, err := e.shapeValue([]dim{count})
	if err != nil {
		return "", err
	}
	flat := e.Node("Reshape", nil, rows, e.Ints(-1))
	cut := e.Node("Slice", nil, flat, e.Ints(0), e.Node("Mul", nil, size, size), e.Ints(0))
	return e.reshape(cut, n.shape)
}

// lowerByIndices: https://onnx.ai/onnx/operators/onnx__Gather.html
func lowerByIndices(e *emitter, n *node) (string, error) {
	axis, err := n.number("axis")
	if err != nil {
		return "", err
	}
	return e.Node("Gather", map[string]any{"axis": int64(axis)}, e.in(n, 0), e.in(n, 1)), nil
}

// lowerByIndicesDiff is the gradient of ByIndices along axis 0: each picked row's gradient is added to the row it was picked from, by a
// product with a matrix of zeros and ones.
func lowerByIndicesDiff(e *emitter, n *node) (string, error) {
	count, rest := n.shape[0], dim{n: 1}
	for _, d := range n.shape[1:] {
		rest = product(rest, d)
	}
	if count.byBatch || rest.n < 0 {
		return "", fmt.Errorf("export: %s: the gradient of ByIndices along the batch: %w: pick along another axis, with Mul and a matrix of zeros and ones", label(n.first), ErrUnsupportedOp)
	}
	all := make([]int64, count.n)
	for i := range all {
		all[i] = int64(i)
	}
	column := e.Node("Unsqueeze", nil, e.in(n, 2), e.Ints(1))
	picked := e.cast(e.Node("Equal", nil, column, e.Ints(all...)), onnxType(n.dtype()))
	rows, err := e.reshape(e.in(n, 1), []dim{n.in[1].shape[0], rest})
	if err != nil {
		return "", err
	}
	return e.reshape(e.Node("MatMul", nil, e.Node("Transpose", map[string]any{"perm": []int64{1, 0}}, picked), rows), n.shape)
}
