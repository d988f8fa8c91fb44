package export

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

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
		steps := slices.Repeat([]int64{1}, len(n.shape))
		steps[s.axis] = s.step
		if g, err = e.spread(g, n.in[1].shape, steps...); err != nil {
			return "", err
		}
		s.end = dim{n: s.start.n + count.n*s.step} // behind its axis, where the last zeros are cut off
	}
	return e.padAxis(g, len(n.shape), s.axis, s.start, s.end, n.shape[s.axis])
}

// spread puts zeros behind each element of each axis: one less than the axis's step.
func (e *emitter) spread(x string, shape []dim, steps ...int64) (string, error) {
	var split []dim
	var behind []int64
	to := slices.Clone(shape)
	for i, d := range shape {
		split, behind = append(split, d), append(behind, 0)
		if steps[i] > 1 {
			split, behind = append(split, dim{n: 1}), append(behind, steps[i]-1)
			to[i].n *= steps[i]
		}
	}
	x, err := e.reshape(x, split)
	if err != nil {
		return "", err
	}
	return e.reshape(e.Node("Pad", nil, x, e.Ints(append(make([]int64, len(behind)), behind...)...)), to)
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
