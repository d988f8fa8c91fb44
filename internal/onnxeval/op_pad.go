package onnxeval

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
)

// Pad: more elements, or fewer, at the ends of axes.

// pad plans pads[i] more elements before axis i and pads[n+i] after it; negative ones cut, before anything is added. The mode says what they are: "constant", one
// number (0 by default); "edge", the nearest element; "reflect", mirrored at the edge, which is not repeated; "wrap" (from opset 19), from
// the other end. Pads and number are attributes before opset 11, operands since; operand 4 (from 18) names the axes.
// https://onnx.ai/onnx/operators/onnx__Pad.html
func pad(c *call) error {
	x := c.in[0]
	rank := len(x.shape)
	pads, fill, err := c.pads()
	if err != nil {
		return err
	}
	which := make([]int, rank)
	for i := range which {
		which[i] = i
	}
	if c.operand(3) != nil {
		if which, err = c.ints(3); err != nil {
			return err
		}
	}
	if len(pads) != 2*len(which) {
		return fmt.Errorf("pads %v for %d axes: %w", pads, len(which), ErrShape)
	}
	mode := c.node.Text("mode", "constant")
	shape := append([]int{}, x.shape...)
	before := make([]int, rank)
	first, after := make([]int, rank), slices.Clone(x.shape) // what is left of the operand
	padded := make([]bool, rank)
	for i, a := range which {
		if a, err = axis(a, rank); err != nil {
			return err
		}
		head, tail := pads[i], pads[i+len(which)]
		if head < -maxSize || head > maxSize || tail < -maxSize || tail > maxSize || x.shape[a]+head+tail < 0 || padded[a] {
			return fmt.Errorf("pads %v of shape %v: %w", pads, x.shape, ErrShape)
		}
		before[a], padded[a] = head, true
		first[a], after[a] = max(0, -head), x.shape[a]-max(0, -tail)
		if room := after[a] - first[a] - 1; mode == "reflect" && (head > room || tail > room) {
			return fmt.Errorf("pads %v of shape %v, more than there is to mirror: %w", pads, x.shape, ErrShape)
		}
		shape[a] += head + tail
	}
	y, err := c.result(x.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	sources := make([][]int32, rank) // by axis and place in the result: the place in the operand, -1 for the number
	for a := range sources {
		if !padded[a] {
			continue
		}
		if err := c.takes(shape[a]); err != nil {
			return err
		}
		sources[a] = make([]int32, shape[a])
		for k := range sources[a] {
			from, err := padSource(mode, k-before[a], first[a], after[a])
			if err != nil {
				return err
			}
			sources[a][k] = int32(from)
		}
	}
	if rank == 0 {
		return c.do(func() { copyData(y, x) })
	}
	// Each row of the result is put together element by element: where it comes from along every axis, or the number.
	own, move := strides(x.shape), x.mover()
	n, length := rows(shape)
	return c.share(n, max(1, cheap/length), func(from, to int) {
		for r := from; r < to; r++ {
			base, rest := 0, r
			for a := rank - 2; a >= 0; a-- {
				k := rest % shape[a]
				rest /= shape[a]
				if base = placed(base, sources[a], k, own[a]); base < 0 {
					break
				}
			}
			for k := range length {
				if at := placed(base, sources[rank-1], k, 1); at >= 0 {
					move(y, r*length+k, x, at, 1)
				} else {
					move(y, r*length+k, fill, 0, 1)
				}
			}
		}
	})
}

// placed adds where place k of an axis comes from; -1 where it comes from nowhere.
func placed(base int, sources []int32, k, stride int) int {
	if base < 0 {
		return -1
	}
	if sources != nil {
		if k = int(sources[k]); k < 0 {
			return -1
		}
	}
	return base + k*stride
}

// padSource returns the place of an axis from which place i is taken, which may lie outside of what is left of it, [first, after).
func padSource(mode string, i, first, after int) (int, error) {
	if i >= first && i < after {
		return i, nil
	}
	d := after - first
	if mode != "constant" && d <= 0 {
		return 0, fmt.Errorf("an axis of nothing to pad with: %w", ErrShape)
	}
	switch mode {
	case "constant":
		return -1, nil
	case "edge":
		return min(max(i, first), after-1), nil
	case "wrap":
		return first + (((i-first)%d)+d)%d, nil
	case "reflect":
		period := 2 * (d - 1) // not 0: there is something to mirror
		i = (((i - first) % period) + period) % period
		return first + min(i, period-i), nil
	}
	return 0, fmt.Errorf("the mode %q: %w", mode, ErrUnsupported)
}

// pads returns the counts and the number that is filled in: attributes before opset 11, operands since.
func (c *call) pads() (pads []int, fill *value, err error) {
	d := c.in[0].dtype
	fill, err = knownValue(onnxgraph.Tensor{DType: d, Data: allocate(d, 1)})
	if err != nil || fill.data == nil {
		return nil, nil, c.unsupportedType(0)
	}
	if c.plan.opset < 11 {
		x := c.node.Float("value", 0)
		switch d := fill.data.(type) {
		case []float32:
			d[0] = x
		case []float64:
			d[0] = float64(x)
		case []onnxgraph.Float16:
			d[0] = fromFloat32(x)
		}
		return toInts(c.node.Ints("pads")), fill, nil
	}
	if c.operand(1) == nil {
		return nil, nil, fmt.Errorf("the pads are missing: %w", ErrShape)
	}
	if v := c.operand(2); v != nil {
		if v.dtype != d || v.size != 1 {
			return nil, nil, fmt.Errorf("the number to pad with is no scalar of the operand's type: %w", ErrShape)
		}
		fill = v
	}
	pads, err = c.ints(1)
	return pads, fill, err
}
