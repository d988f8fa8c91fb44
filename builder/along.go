package builder

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
)

// Slice returns count elements along an axis of a row: x[start], x[start+step] and so on; step may be negative, not 0.
func (b *Graph) Slice(x *G.Node, axis, start, step, count int) *G.Node {
	n, ok := b.extent(x, axis)
	if !ok {
		return nil
	}
	last := start + (count-1)*step
	if count < 1 || count > n || step == 0 || start < 0 || start >= n || last < 0 || last >= n {
		return b.fail("a slice of %d elements from %d in steps of %d, of an axis of %d: it must lie within the axis", count, start, step, n)
	}
	if start == 0 && step == 1 && count == n {
		return x
	}
	return b.along(x, axis, sliceMap{n, start, step, count})
}

// Take returns the elements of an axis of a row at the given places, in their order; a place may be named several times.
func (b *Graph) Take(x *G.Node, axis int, places ...int) *G.Node {
	n, ok := b.extent(x, axis)
	if !ok {
		return nil
	}
	for _, p := range places {
		if p < 0 || p >= n {
			return b.fail("place %d of an axis of %d elements", p, n)
		}
	}
	return b.along(x, axis, takeMap{n, slices.Clone(places)})
}

// Pad puts zeros before and behind the elements of an axis of a row.
func (b *Graph) Pad(x *G.Node, axis, before, behind int) *G.Node {
	n, ok := b.extent(x, axis)
	if !ok {
		return nil
	}
	if before < 0 || behind < 0 || before > maxSize || behind > maxSize {
		return b.fail("padding by %d and %d: both must be from 0 to %d", before, behind, maxSize)
	}
	if before == 0 && behind == 0 {
		return x
	}
	return b.along(x, axis, padMap{n, before, behind})
}

// Repeat repeats the one element of an axis of a row: [batch, 1, 4] along axis 1 becomes [batch, count, 4].
func (b *Graph) Repeat(x *G.Node, axis, count int) *G.Node {
	n, ok := b.extent(x, axis)
	if !ok {
		return nil
	}
	if n != 1 {
		return b.fail("repeat along axis %d of shape %v: it must have one element", axis, x.Shape())
	}
	if count == 1 {
		return x
	}
	return b.along(x, axis, repeatMap{count})
}

// Interpolate makes elements along an axis of a row of weighted sums: element i of the result is the sum over taps[i]. It is how pictures
// are brought to another size: one call an axis.
func (b *Graph) Interpolate(x *G.Node, axis int, taps [][]Tap) *G.Node {
	n, ok := b.extent(x, axis)
	if !ok {
		return nil
	}
	for i, list := range taps {
		for _, t := range list {
			if t.At < 0 || t.At >= n || math.IsNaN(t.Weight) || math.IsInf(t.Weight, 0) {
				return b.fail("element %d is made of %g times element %d of an axis of %d", i, t.Weight, t.At, n)
			}
		}
	}
	return b.along(x, axis, sumMap{n, taps})
}

// extent returns how many elements an axis has.
func (b *Graph) extent(x *G.Node, axis int) (n int, ok bool) {
	switch {
	case b.err != nil:
		return 0, false
	case x == nil:
		b.fail("along axis %d: %w", axis, errNil)
		return 0, false
	case axis < 1 || axis >= x.Dims():
		b.fail("axis %d of shape %v: axes are those of a row, from 1 to %d", axis, x.Shape(), x.Dims()-1)
		return 0, false
	}
	return x.Shape()[axis], true
}

type sliceMap struct{ from, start, step, count int }

func (m sliceMap) String() string {
	return fmt.Sprintf("Slice %d of %d from %d by %d", m.count, m.from, m.start, m.step)
}
func (m sliceMap) sizes() (from, to int) { return m.from, m.count }
func (m sliceMap) taps(i int) []Tap      { return []Tap{{m.start + i*m.step, 1}} }
func (m sliceMap) onnx(w ONNXWriter, x string, axis, _ int) string {
	end := int64(m.start + m.count*m.step)
	if end < 0 { // backwards to the first element
		end = math.MinInt64
	}
	return w.Node("Slice", nil, x, w.Ints(int64(m.start)), w.Ints(end), w.Ints(int64(axis)), w.Ints(int64(m.step)))
}
func (m sliceMap) onnxAdjoint(w ONNXWriter, x string, axis, dims int) string {
	if m.step != 1 {
		return ""
	}
	return onnxPad(w, x, axis, dims, m.start, m.from-m.start-m.count)
}

func onnxPad(w ONNXWriter, x string, axis, dims, before, behind int) string {
	pads := make([]int64, 2*dims)
	pads[axis], pads[dims+axis] = int64(before), int64(behind)
	return w.Node("Pad", nil, x, w.Ints(pads...))
}

type padMap struct{ from, before, behind int }

func (m padMap) String() string {
	return fmt.Sprintf("Pad %d by %d and %d", m.from, m.before, m.behind)
}
func (m padMap) sizes() (from, to int) { return m.from, m.before + m.from + m.behind }
func (m padMap) taps(i int) []Tap {
	if i < m.before || i >= m.before+m.from {
		return nil
	}
	return []Tap{{i - m.before, 1}}
}
func (m padMap) onnx(w ONNXWriter, x string, axis, dims int) string {
	return onnxPad(w, x, axis, dims, m.before, m.behind)
}
func (m padMap) onnxAdjoint(w ONNXWriter, x string, axis, dims int) string {
	return sliceMap{m.before + m.from + m.behind, m.before, 1, m.from}.onnx(w, x, axis, dims)
}

type takeMap struct {
	from   int
	places []int
}

func (m takeMap) String() string                                  { return fmt.Sprintf("Take %v of %d", m.places, m.from) }
func (m takeMap) sizes() (from, to int)                           { return m.from, len(m.places) }
func (m takeMap) taps(i int) []Tap                                { return []Tap{{m.places[i], 1}} }
func (m takeMap) onnxAdjoint(ONNXWriter, string, int, int) string { return "" }
func (m takeMap) onnx(w ONNXWriter, x string, axis, _ int) string {
	return w.Node("Gather", map[string]any{"axis": int64(axis)}, x, w.Ints(int64s(m.places)...))
}

type repeatMap struct{ count int }

func (m repeatMap) String() string        { return fmt.Sprintf("Repeat %d times", m.count) }
func (m repeatMap) sizes() (from, to int) { return 1, m.count }
func (m repeatMap) taps(int) []Tap        { return []Tap{{0, 1}} }
func (m repeatMap) onnx(w ONNXWriter, x string, axis, dims int) string {
	shape := make([]int64, dims)
	for i := range shape {
		shape[i] = 1
	}
	shape[axis] = int64(m.count)
	return w.Node("Expand", nil, x, w.Ints(shape...))
}
func (m repeatMap) onnxAdjoint(w ONNXWriter, x string, axis, _ int) string {
	return w.Node("ReduceSum", map[string]any{"keepdims": int64(1)}, x, w.Ints(int64(axis)))
}

type sumMap struct {
	from int
	list [][]Tap
}

func (m sumMap) String() string                                  { return fmt.Sprintf("Sums of %d: %v", m.from, m.list) }
func (m sumMap) sizes() (from, to int)                           { return m.from, len(m.list) }
func (m sumMap) taps(i int) []Tap                                { return m.list[i] }
func (m sumMap) onnx(ONNXWriter, string, int, int) string        { return "" }
func (m sumMap) onnxAdjoint(ONNXWriter, string, int, int) string { return "" }
