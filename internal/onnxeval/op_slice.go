package onnxeval

import (
	"fmt"
)

// Elements moved by strides: Transpose, Expand, Slice, Tile, DepthToSpace and SpaceToDepth are each one call of gatherBy or gatherAs.

// gatherBy plans a result of the given shape whose element at index i is the operand's at offset + Σ i[k]·by[k].
func (c *call) gatherBy(x *value, shape []int, offset int, by []int) error {
	return c.gatherAs(x, shape, shape, offset, by)
}

// gatherAs is gatherBy for a result that has another shape, of the same elements in the same order.
func (c *call) gatherAs(x *value, as, shape []int, offset int, by []int) error {
	y, err := c.result(x.dtype, as)
	if err != nil || y.size == 0 {
		return err
	}
	move := x.mover()
	if len(shape) == 0 {
		return c.do(func() { move(y, 0, x, offset, 1) })
	}
	w := walker{shape: shape, strides: [][]int{by}}
	n, length := rows(shape)
	along := by[len(by)-1]
	return c.share(n, max(1, cheap/length), func(from, to int) {
		w.walk(from, to, func(at int, others []int) {
			if along == 1 {
				move(y, at, x, offset+others[0], length)
				return
			}
			for i := range length {
				move(y, at+i, x, offset+others[0]+i*along, 1)
			}
		})
	})
}

// transpose plans y whose axis i is x's axis perm[i]; without perm the axes are reversed.
// https://onnx.ai/onnx/operators/onnx__Transpose.html
func transpose(c *call) error {
	x := c.in[0]
	rank := len(x.shape)
	order := toInts(c.node.Ints("perm"))
	if len(order) == 0 {
		for i := range rank {
			order = append(order, rank-1-i)
		}
	}
	if len(order) != rank {
		return fmt.Errorf("perm %v of rank %d: %w", order, rank, ErrShape)
	}
	by, shape, seen := make([]int, rank), make([]int, rank), map[int]bool{}
	for i, s := 0, strides(x.shape); i < rank; i++ {
		a := order[i]
		if a < 0 || a >= rank || seen[a] { // here, negative ones do not count from the end
			return fmt.Errorf("perm %v does not name each of %d axes: %w", order, rank, ErrShape)
		}
		seen[a] = true
		by[i], shape[i] = s[a], x.shape[a]
	}
	return c.gatherBy(x, shape, 0, by)
}

// expand stretches x to the shape that both it and operand 2 are stretched to: 1 there keeps x's dimension.
// https://onnx.ai/onnx/operators/onnx__Expand.html
func expand(c *call) error {
	to, err := c.ints(1)
	if err != nil {
		return err
	}
	x := c.in[0]
	shape, err := broadcast(x.shape, to)
	if err != nil {
		return err
	}
	return c.gatherBy(x, shape, 0, stretched(x.shape, shape))
}

// tile plans x, repeated along each axis as often as operand 2 says. https://onnx.ai/onnx/operators/onnx__Tile.html (from opset 6)
func tile(c *call) error {
	times, err := c.ints(1)
	if err != nil {
		return err
	}
	x := c.in[0]
	if len(times) != len(x.shape) {
		return fmt.Errorf("repeats %v of shape %v: %w", times, x.shape, ErrShape)
	}
	var as, shape, by []int
	for i, s := range strides(x.shape) {
		if times[i] < 0 || times[i] > maxSize {
			return fmt.Errorf("repeats %v: %w", times, ErrShape)
		}
		both, err := sizeOf([]int{times[i], x.shape[i]})
		if err != nil {
			return err
		}
		as, shape, by = append(as, both), append(shape, times[i], x.shape[i]), append(by, 0, s)
	}
	return c.gatherAs(x, as, shape, 0, by)
}

// depthToSpace plans pictures whose channels have become blocks of places, of blocksize along each of two spatial axes: channel
// (i·blocksize + j)·channels + c goes to place (i, j) of a block, or with mode CRD (c·blocksize + i)·blocksize + j.
// https://onnx.ai/onnx/operators/onnx__DepthToSpace.html
func depthToSpace(c *call) error {
	x, n, err := c.blocks()
	if err != nil || x.shape[1]%(n*n) != 0 {
		return fmt.Errorf("blocks of %d for shape %v: %w", n, x.shape, ErrShape)
	}
	channels, h, w := x.shape[1]/(n*n), x.shape[2], x.shape[3]
	s := strides(x.shape)
	i, j, ch := n*channels*s[1], channels*s[1], s[1]
	switch mode := c.node.Text("mode", "DCR"); mode {
	case "DCR":
	case "CRD":
		ch, i, j = n*n*s[1], n*s[1], s[1]
	default:
		return fmt.Errorf("mode %q: %w", mode, ErrUnsupported)
	}
	return c.gatherAs(x, []int{x.shape[0], channels, h * n, w * n}, []int{x.shape[0], channels, h, n, w, n}, 0, []int{s[0], ch, s[2], i, s[3], j})
}

// spaceToDepth is depthToSpace the other way round, in the order of its mode DCR, or CRD.
// https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html
func spaceToDepth(c *call) error {
	x, n, err := c.blocks()
	if err != nil || x.shape[2]%n != 0 || x.shape[3]%n != 0 {
		return fmt.Errorf("blocks of %d for shape %v: %w", n, x.shape, ErrShape)
	}
	b, channels, h, w := x.shape[0], x.shape[1], x.shape[2]/n, x.shape[3]/n
	s := strides(x.shape)
	as := []int{b, channels * n * n, h, w}
	switch mode := c.node.Text("mode", "DCR"); mode {
	case "DCR":
		return c.gatherAs(x, as, []int{b, n, n, channels, h, w}, 0, []int{s[0], s[2], s[3], s[1], n * s[2], n * s[3]})
	case "CRD":
		return c.gatherAs(x, as, []int{b, channels, n, n, h, w}, 0, []int{s[0], s[1], s[2], s[3], n * s[2], n * s[3]})
	default:
		return fmt.Errorf("mode %q: %w", mode, ErrUnsupported)
	}
}

// blocks reads pictures [batch, channels, height, width] and the size of blocks.
func (c *call) blocks() (x *value, n int, err error) {
	x, n = c.in[0], int(c.node.Int("blocksize", 0))
	if len(x.shape) != 4 || n < 1 || n > maxRank*maxRank {
		err = ErrShape
	}
	return x, n, err
}

// slice plans x[start:end:step] along some axes (all by default), with Python's rules: negative bounds count from the end, bounds are
// clamped, a negative step goes backwards. starts, ends, axes and steps are operands since opset 10; attributes, without steps, before.
// https://onnx.ai/onnx/operators/onnx__Slice.html
func slice(c *call) error {
	x := c.in[0]
	var list [4][]int
	if c.plan.opset >= 10 {
		for k := range list {
			if c.operand(k+1) == nil {
				continue
			}
			var err error
			if list[k], err = c.ints(k + 1); err != nil {
				return err
			}
		}
	} else {
		list[0], list[1], list[2] = toInts(c.node.Ints("starts")), toInts(c.node.Ints("ends")), toInts(c.node.Ints("axes"))
	}
	starts, ends, which, steps := list[0], list[1], list[2], list[3]
	if len(starts) != len(ends) || which != nil && len(which) != len(starts) || steps != nil && len(steps) != len(starts) || len(starts) > len(x.shape) {
		return fmt.Errorf("starts %v, ends %v, axes %v, steps %v of rank %d: %w", starts, ends, which, steps, len(x.shape), ErrShape)
	}
	by, shape, offset := strides(x.shape), append([]int{}, x.shape...), 0
	own, cut := strides(x.shape), map[int]bool{}
	for i := range starts {
		a, step := i, 1
		if which != nil {
			a = which[i]
		}
		if steps != nil {
			step = steps[i]
		}
		a, err := axis(a, len(x.shape))
		if err != nil {
			return err
		}
		if cut[a] {
			return fmt.Errorf("axes %v name one twice: %w", which, ErrShape)
		}
		cut[a] = true
		from, n, err := span(starts[i], ends[i], step, x.shape[a])
		if err != nil {
			return err
		}
		offset += from * own[a]
		by[a], shape[a] = step*own[a], n
	}
	return c.gatherBy(x, shape, offset, by)
}

// span returns where a slice of an axis of d elements begins and how many it has.
func span(start, end, step, d int) (from, n int, err error) {
	if step == 0 {
		return 0, 0, fmt.Errorf("a step of 0: %w", ErrShape)
	}
	clamp := func(x, least, most int) int {
		if x < 0 {
			x += d
		}
		return min(max(x, least), most)
	}
	// Forwards. min keeps the sum below from overflowing for huge steps, which take one element anyway.
	if step > 0 {
		from = clamp(start, 0, d)
		end = clamp(end, 0, d)
		n = (end - from + min(step, d+1) - 1) / min(step, d+1)
		return from, max(n, 0), nil
	}
	from = clamp(start, -1, d-1)
	end = clamp(end, -1, d-1)
	// Backwards: from counts down to end, which is before the first element where it is -1. A step beyond the axis takes one.
	step = -max(step, -(d + 1))
	return max(from, 0), max((from-end+step-1)/step, 0), nil
}
