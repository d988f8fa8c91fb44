package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/bundle"
)

// gatherBy plans a result of the given shape whose element at index i is the operand's at offset + Σ i[k]·by[k].
func (c *call) gatherBy(x *value, shape []int, offset int, by []int) error {
	y, err := c.result(x.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	if len(shape) == 0 {
		return c.do(func() { moveElements(y, 0, x, offset, 1) })
	}
	w := walker{shape: shape, strides: [][]int{by}}
	n, length := rows(shape)
	along := by[len(by)-1]
	return c.share(n, max(1, cheap/length), func(from, to int) {
		w.walk(from, to, func(at int, others []int) {
			if along == 1 {
				moveElements(y, at, x, offset+others[0], length)
				return
			}
			for i := range length {
				moveElements(y, at+i, x, offset+others[0]+i*along, 1)
			}
		})
	})
}

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
		a, err := axis(order[i], rank)
		if err != nil {
			return err
		}
		if seen[a] {
			return fmt.Errorf("perm %v names an axis twice: %w", order, ErrShape)
		}
		seen[a] = true
		by[i], shape[i] = s[a], x.shape[a]
	}
	return c.gatherBy(x, shape, 0, by)
}

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

// slice takes starts, ends, axes and steps as operands since opset 10, as attributes before.
func slice(c *call) error {
	x := c.in[0]
	var list [4][]int
	if c.opset >= 10 {
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
	own := strides(x.shape)
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
	if step > 0 {
		from = clamp(start, 0, d)
		end = clamp(end, 0, d)
		n = (end - from + min(step, d+1) - 1) / min(step, d+1)
		return from, max(n, 0), nil
	}
	from = clamp(start, -1, d-1)
	end = clamp(end, -1, d-1)
	step = -max(step, -(d + 1))
	return max(from, 0), max((from-end+step-1)/step, 0), nil
}

func concat(c *call) error {
	a := int(c.node.Int("axis", 1))
	first := c.in[0]
	a, err := axis(a, len(first.shape))
	if err != nil {
		return err
	}
	shape := append([]int{}, first.shape...)
	shape[a] = 0
	for i, v := range c.in {
		if v == nil || v.dtype != first.dtype || len(v.shape) != len(shape) {
			return fmt.Errorf("operand %d does not fit the first: %w", i+1, ErrShape)
		}
		for k, d := range v.shape {
			if k != a && d != shape[k] {
				return fmt.Errorf("operand %d of shape %v does not fit the first: %w", i+1, v.shape, ErrShape)
			}
		}
		shape[a] += v.shape[a]
	}
	y, err := c.result(first.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	outer, inner := around(shape, a)
	in := c.in
	return c.share(outer, max(1, cheap/(inner*shape[a])), func(from, to int) {
		for o := from; o < to; o++ {
			at := o * shape[a] * inner
			for _, v := range in {
				n := v.shape[a] * inner
				moveElements(y, at, v, o*n, n)
				at += n
			}
		}
	})
}

// around returns the products of the dimensions before and behind an axis.
func around(shape []int, a int) (outer, inner int) {
	outer, inner = 1, 1
	for i, d := range shape {
		if i < a {
			outer *= d
		} else if i > a {
			inner *= d
		}
	}
	return outer, inner
}

// split cuts an axis: into the parts given, or into as many equal ones as there are results, the last of which may be smaller.
func split(c *call) error {
	x := c.in[0]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil {
		return err
	}
	parts := toInts(c.node.Ints("split"))
	if c.operand(1) != nil {
		if parts, err = c.ints(1); err != nil {
			return err
		}
	}
	d := x.shape[a]
	if len(parts) == 0 {
		n := len(c.node.Outputs)
		each := (d + n - 1) / n
		for i := range n {
			parts = append(parts, max(0, min(each, d-i*each)))
		}
	}
	sum := 0
	for _, n := range parts {
		if n < 0 || n > d {
			return fmt.Errorf("parts %v of %d: %w", parts, d, ErrShape)
		}
		sum += n
	}
	if sum != d {
		return fmt.Errorf("parts %v of %d: %w", parts, d, ErrShape)
	}
	outer, inner := around(x.shape, a)
	for _, n := range parts {
		shape := append([]int{}, x.shape...)
		shape[a] = n
		if _, err := c.result(x.dtype, shape); err != nil {
			return err
		}
	}
	out := c.out
	return c.do(func() {
		for o := range outer {
			at := o * d * inner
			for i, n := range parts {
				moveElements(out[i], o*n*inner, x, at, n*inner)
				at += n * inner
			}
		}
	})
}

// gather picks slices of an axis by indexes, negative from the end. Indexes out of range are an error where they are known
// beforehand and are clamped elsewhere.
func gather(c *call) error {
	x, index := c.in[0], c.in[1]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil {
		return err
	}
	if index.dtype != bundle.Int64 && index.dtype != bundle.Int32 {
		return c.unsupportedType(1)
	}
	d := x.shape[a]
	if index.known {
		list, err := c.ints(1)
		if err != nil {
			return err
		}
		for _, i := range list {
			if i < -d || i >= d {
				return fmt.Errorf("index %d of %d: %w", i, d, ErrShape)
			}
		}
	}
	shape := append(append(append([]int{}, x.shape[:a]...), index.shape...), x.shape[a+1:]...)
	y, err := c.result(x.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	if d == 0 {
		return fmt.Errorf("an axis of nothing to choose from: %w", ErrShape)
	}
	outer, inner := around(x.shape, a)
	at := func(i int) int {
		var n int
		if index.dtype == bundle.Int32 {
			n = int(of[int32](index)[i])
		} else {
			n = int(of[int64](index)[i])
		}
		if n < 0 {
			n += d
		}
		return min(max(n, 0), d-1)
	}
	return c.do(func() {
		for o := range outer {
			for i := range index.size {
				moveElements(y, (o*index.size+i)*inner, x, (o*d+at(i))*inner, inner)
			}
		}
	})
}

// oneHot writes on where the axis has the index, off elsewhere and for indexes out of range.
func oneHot(c *call) error {
	index, depthOf, values := c.in[0], c.in[1], c.in[2]
	if !depthOf.known {
		return ErrUnknown
	}
	depth, err := asInt(depthOf)
	if err != nil || values.size != 2 || depth < 0 || depth > maxSize {
		return fmt.Errorf("depth of shape %v, values of shape %v: %w", depthOf.shape, values.shape, ErrShape)
	}
	a, err := axis(int(c.node.Int("axis", -1)), len(index.shape)+1)
	if err != nil {
		return err
	}
	shape := append(append(append([]int{}, index.shape[:a]...), depth), index.shape[a:]...)
	y, err := c.result(values.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	outer, inner := around(shape, a)
	read, err := reader64(index)
	if err != nil {
		return err
	}
	return c.share(outer, max(1, cheap/(inner*depth)), func(from, to int) {
		for o := from; o < to; o++ {
			for i := range inner {
				n := read(o*inner + i)
				if n < 0 {
					n += depth
				}
				for k := range depth {
					which := 0
					if k == n {
						which = 1
					}
					moveElements(y, (o*depth+k)*inner+i, values, which, 1)
				}
			}
		}
	})
}

// asInt returns the one number of a known value.
func asInt(v *value) (int, error) {
	read, err := reader64(v)
	if err != nil || v.size != 1 {
		return 0, fmt.Errorf("a number is wanted, not shape %v of type %s: %w", v.shape, v.dtype, ErrShape)
	}
	return read(0), nil
}

// reader64 reads elements of any number's type as integers.
func reader64(v *value) (func(i int) int, error) {
	switch v.dtype {
	case bundle.Int64:
		return func(i int) int { return int(of[int64](v)[i]) }, nil
	case bundle.Int32:
		return func(i int) int { return int(of[int32](v)[i]) }, nil
	case bundle.Uint8:
		return func(i int) int { return int(of[uint8](v)[i]) }, nil
	case bundle.Float32:
		return func(i int) int { return int(of[float32](v)[i]) }, nil
	case bundle.Float64:
		return func(i int) int { return int(of[float64](v)[i]) }, nil
	}
	return nil, fmt.Errorf("indexes of type %s: %w", v.dtype, ErrUnsupported)
}
