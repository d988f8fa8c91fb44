package export

import (
	"fmt"
	"math"
	"slices"
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

// A span is a slice's range along an axis. Its ends may be multiples of the batch.
type span struct {
	axis       int
	start, end dim
	step       int64
	one        bool // a single element, whose axis vanishes
}

// span reads a slice's range from its printed form, "T[:, 1:3:1...]": the range itself lies behind an interface. of is the shape
// that is sliced; all of it is no slice.
func (n *node) span(of []dim) (s span, all bool, err error) {
	if s.axis, err = n.number("along"); err != nil {
		return s, false, err
	}
	a, all, err := n.printed(n.op().String())
	if err != nil || all {
		return s, all, err
	}
	b, _, err := n.printed(n.second.Op().String())
	if err != nil {
		return s, false, err
	}
	var ok [2]bool
	s.start, ok[0] = fit(a[0], b[0])
	s.end, ok[1] = fit(a[1], b[1])
	if !ok[0] || !ok[1] || a[2] != b[2] {
		return s, false, fmt.Errorf("export: %s: the slice's bounds are %v at batch %d and %v at batch %d: use numbers, or multiples of the batch", label(n.first), a, firstBatch, b, secondBatch)
	}
	s.step, s.one = max(a[2], 1), a[1]-a[0] == 1
	whole := s.start == dim{} && s.end == of[s.axis] && s.step == 1 && !s.one
	if a[0] < 0 || a[1] > size(of[s.axis], firstBatch) || a[0] > math.MaxInt32 {
		return s, false, fmt.Errorf("export: %s: the slice %d:%d leaves its operand", label(n.first), a[0], a[1])
	}
	return s, whole, nil
}

// printed reads start, end and step.
func (n *node) printed(text string) (v [3]int64, all bool, err error) {
	last := text[strings.LastIndexAny(text, " [")+1:]
	last, _, _ = strings.Cut(last, "...")
	if last == ":" {
		return v, true, nil
	}
	parts := strings.Split(last, ":")
	for i := range v {
		if len(parts) != 3 {
			err = fmt.Errorf("%d parts", len(parts))
		} else if v[i], err = strconv.ParseInt(parts[i], 10, 64); err == nil {
			continue
		}
		return v, false, fmt.Errorf("export: %s: the slice %q cannot be read: %w", label(n.first), text, err)
	}
	return v, false, nil
}

// size is a dimension at a batch size.
func size(d dim, batch int64) int64 {
	if d.byBatch {
		return d.n * batch
	}
	return d.n
}

// lowerSlice: a range of one element drops its axis, as gorgonia does. A range that ends with its axis needs no size.
// https://onnx.ai/onnx/operators/onnx__Slice.html
func lowerSlice(e *emitter, n *node) (string, error) {
	s, all, err := n.span(n.in[0].shape)
	if err != nil || all {
		return e.in(n, 0), err
	}
	start, err := e.shapeValue([]dim{s.start})
	if err != nil {
		return "", err
	}
	end := e.Ints(math.MaxInt64)
	if s.end != n.in[0].shape[s.axis] {
		if end, err = e.shapeValue([]dim{s.end}); err != nil {
			return "", err
		}
	}
	x := e.Node("Slice", nil, e.in(n, 0), start, end, e.Ints(int64(s.axis)), e.Ints(s.step))
	if s.one {
		x = e.Node("Squeeze", nil, x, e.Ints(int64(s.axis)))
	}
	return x, nil
}

// lowerSliceIncr writes the gradient of a slice: the incoming gradient in its place, zeros around it.
func lowerSliceIncr(e *emitter, n *node) (string, error) {
	s, all, err := n.span(n.shape)
	if err != nil || all {
		return e.in(n, 1), err
	}
	g := e.in(n, 1)
	if s.one {
		g = e.Node("Unsqueeze", nil, g, e.Ints(int64(s.axis)))
	}
	if s.step != 1 {
		count := n.in[1].shape[s.axis]
		if s.start.byBatch || n.shape[s.axis].byBatch {
			return "", fmt.Errorf("export: %s: the gradient of a slice with step %d along the batch: %w: slice with step 1", label(n.first), s.step, ErrUnsupportedOp)
		}
		if g, err = e.spreadAxis(g, n.in[1].shape, s.axis, s.step); err != nil {
			return "", err
		}
		s.end = dim{n: s.start.n + count.n*s.step} // behind its axis, where the last zeros are cut off
	}
	return e.padAxis(g, len(n.shape), s.axis, s.start, s.end, n.shape[s.axis])
}

// spreadAxis puts step-1 zeros behind each element of an axis.
func (e *emitter) spreadAxis(x string, shape []dim, axis int, step int64) (string, error) {
	split := slices.Insert(slices.Clone(shape), axis+1, dim{n: 1})
	x, err := e.reshape(x, split)
	if err != nil {
		return "", err
	}
	pads := make([]int64, 2*len(split))
	pads[len(split)+axis+1] = step - 1
	to := slices.Clone(shape)
	to[axis].n *= step
	return e.reshape(e.Node("Pad", nil, x, e.Ints(pads...)), to)
}

// padAxis puts what stands at start to end of an axis there, and zeros around it.
func (e *emitter) padAxis(x string, rank, axis int, start, end, whole dim) (string, error) {
	if !start.byBatch && !end.byBatch && !whole.byBatch {
		pads := make([]int64, 2*rank)
		pads[axis], pads[rank+axis] = start.n, whole.n-end.n
		return e.Node("Pad", nil, x, e.Ints(pads...)), nil
	}
	before, err := e.shapeValue([]dim{start})
	if err != nil {
		return "", err
	}
	to, err := e.shapeValue([]dim{whole})
	if err != nil {
		return "", err
	}
	after, err := e.shapeValue([]dim{end})
	if err != nil {
		return "", err
	}
	none := func(n int) []string {
		if n == 0 {
			return nil
		}
		return []string{e.Ints(make([]int64, n)...)}
	}
	parts := append(append(none(axis), before), none(rank-1)...)
	parts = append(append(parts, e.Node("Sub", nil, to, after)), none(rank-1-axis)...)
	return e.Node("Pad", nil, x, e.Node("Concat", map[string]any{"axis": int64(0)}, parts...)), nil
}

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
