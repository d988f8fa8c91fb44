package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// Operators that move elements: along axes of a row, by places that are known while the graph is built.

// ints returns whole numbers that an attribute holds, or a known operand; nil where neither is there.
func (c *call) ints(attribute string, i int) ([]int64, error) {
	if !c.has(i) {
		return c.node.Ints(attribute), nil
	}
	o := c.in[i]
	if o.known != nil {
		switch d := o.known.Data.(type) {
		case []int64:
			return d, nil
		case []int32:
			list := make([]int64, len(d))
			for i, v := range d {
				list[i] = int64(v)
			}
			return list, nil
		}
	}
	return nil, fmt.Errorf("operand %d is no list of known whole numbers: %w", i+1, ErrUnsupported)
}

// concat puts operands behind each other. Known ones of a row for each of the batch's, all alike, are one row that is repeated: a
// constant does not vary with the batch.
func concat(c *call) (operand, error) {
	axis, err := rowAxis(c.node.Int("axis", 1), len(c.in[0].shape()))
	if err != nil {
		return operand{}, err
	}
	like := c.in[slices.IndexFunc(c.in, func(o operand) bool { return o.node != nil })].node
	var nodes []*G.Node
	for i, o := range c.in {
		n, row := (*G.Node)(nil), firstRow(o.known)
		if row != nil && len(o.known.Shape) == like.Dims() && o.known.Shape[0] == like.Shape()[0] {
			if n, err = c.constant(row); err == nil {
				each := c.b.Repeat(c.b.Slice(like, axis, 0, 1, 1), axis, o.known.Shape[axis])
				n, err = c.stretch(n, each)
			}
		} else {
			n, err = c.whole(i)
		}
		if err != nil {
			return operand{}, err
		}
		nodes = append(nodes, n)
	}
	return of(c.b.Concat(axis, nodes...))
}

// firstRow returns the first row of a tensor of which all rows are alike, nil for another one.
func firstRow(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	if t == nil || len(t.Shape) < 2 || t.Shape[0] < 1 {
		return nil
	}
	values, ok := t.Data.([]float32)
	if !ok || len(values) == 0 {
		return nil
	}
	width := len(values) / t.Shape[0]
	for i, v := range values {
		if v != values[i%width] {
			return nil
		}
	}
	return &onnxgraph.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape[1:], Data: values[:width]}
}

// expand builds Expand, which also keeps larger dimensions of its operand.
func expand(c *call) (operand, error) {
	x, err := c.whole(0)
	if err != nil {
		return operand{}, err
	}
	list, err := c.ints("", 1)
	if err != nil {
		return operand{}, err
	}
	to, err := fits(list)
	if err != nil {
		return operand{}, err
	}
	shape, err := broadcast(x.Shape(), to)
	if err != nil {
		return operand{}, err
	}
	if len(shape) != x.Dims() || len(shape) == 0 || shape[0] != x.Shape()[0] {
		return operand{}, fmt.Errorf("of shape %v to %v, along the batch: %w", x.Shape(), to, ErrUnsupported)
	}
	return of(c.widen(x, shape))
}

// mostElements bounds the numbers of a shape, so that none overflows.
const mostElements = math.MaxInt32

func fits(list []int64) ([]int, error) {
	var shape []int
	for _, v := range list {
		if v < 0 || v > mostElements {
			return nil, fmt.Errorf("a dimension of %d: %w", v, ErrGraph)
		}
		shape = append(shape, int(v))
	}
	return shape, nil
}

// gather builds Gather with known places: of an axis of a row.
func gather(c *call) (operand, error) {
	x, err := c.whole(0)
	if err != nil {
		return operand{}, err
	}
	if c.in[1].known == nil {
		return operand{}, fmt.Errorf("at places that depend on the rows: %w", ErrUnsupported)
	}
	axis, err := rowAxis(c.node.Int("axis", 0), x.Dims())
	if err != nil {
		return operand{}, err
	}
	list, err := c.ints("", 1)
	if err != nil {
		return operand{}, err
	}
	n := int64(x.Shape()[axis])
	places := make([]int, len(list))
	for i, p := range list {
		if p < 0 {
			p += n
		}
		if p < 0 || p >= n {
			return operand{}, fmt.Errorf("place %d of %d: %w", list[i], n, ErrGraph)
		}
		places[i] = int(p)
	}
	if len(places) == 0 {
		return operand{}, fmt.Errorf("of no places: %w", ErrUnsupported)
	}
	y := c.b.Take(x, axis, places...)
	return of(c.b.Reshape(y, slices.Concat(x.Shape()[:axis], c.in[1].shape(), x.Shape()[axis+1:])...))
}

// slice builds Slice: attributes before opset 10, operands since.
func slice(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if lists[i], err = c.ints(name, i+1); err != nil {
			return operand{}, err
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int64{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		return operand{}, fmt.Errorf("%d starts, %d ends, %d axes and %d steps: %w", len(starts), len(ends), len(axes), len(steps), ErrGraph)
	}
	for i := range starts {
		axis := axes[i]
		if axis < 0 {
			axis += int64(x.Dims())
		}
		if axis < 0 || axis >= int64(x.Dims()) {
			return operand{}, fmt.Errorf("axis %d of rank %d: %w", axes[i], x.Dims(), ErrGraph)
		}
		n := int64(x.Shape()[axis])
		start, step, count := span(starts[i], ends[i], steps[i], n)
		switch {
		case count < 1:
			return operand{}, fmt.Errorf("no element of axis %d: %w", axis, ErrUnsupported)
		case axis == 0 && (start != 0 || step != 1 || count != n):
			return operand{}, fmt.Errorf("some rows of the batch: %w", ErrUnsupported)
		case axis == 0:
			continue
		}
		if x = c.b.Slice(x, int(axis), int(start), int(step), int(count)); c.b.Err() != nil {
			return operand{}, nil
		}
	}
	return of(x)
}

// span brings the bounds of a slice of n elements into the axis, as ONNX clamps them.
func span(start, end, step, n int64) (first, by, count int64) {
	if step == 0 || step == math.MinInt64 {
		return 0, 1, 0
	}
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	place := func(p int64) int64 {
		if p < 0 {
			p += n
		}
		return min(max(p, low), high)
	}
	start, end = min(max(place(start), 0), max(high, 0)), place(end)
	if step > 0 {
		step = min(step, max(n, 1))
		return start, step, (end - start + step - 1) / step
	}
	step = max(step, -max(n, 1))
	return start, step, (end - start + step + 1) / step
}

// split builds Split into parts of given sizes, or of one size.
func split(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	axis, err := rowAxis(c.node.Int("axis", 0), x.Dims())
	if err != nil {
		return operand{}, err
	}
	sizes, err := c.ints("split", 1)
	if err != nil {
		return operand{}, err
	}
	n, parts := int64(x.Shape()[axis]), int64(len(c.node.Outputs))
	if sizes == nil {
		if many := c.node.Int("num_outputs", parts); many != parts || parts == 0 {
			return operand{}, fmt.Errorf("%d results of %d parts: %w", parts, many, ErrGraph)
		}
		each := (n + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, min(each, n-i*each))
		}
	}
	var first *G.Node
	at := int64(0)
	for i, size := range sizes {
		if int64(i) >= parts || size < 1 || size > n-at {
			return operand{}, fmt.Errorf("parts of %v elements of an axis of %d, for %d results: %w", sizes, n, parts, ErrGraph)
		}
		y := c.b.Slice(x, axis, int(at), 1, int(size))
		if i == 0 {
			first = y
		}
		c.values[c.node.Outputs[i]] = operand{node: y}
		at += size
	}
	if at != n {
		return operand{}, fmt.Errorf("parts of %v elements of an axis of %d: %w", sizes, n, ErrGraph)
	}
	return of(first)
}

// mostTiles bounds the operands of a concatenation that repeats one.
const mostTiles = 64

// tile repeats the elements of axes of a row.
func tile(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	list, err := c.ints("", 1)
	if err != nil {
		return operand{}, err
	}
	times, err := fits(list)
	if err != nil {
		return operand{}, err
	}
	if len(times) != x.Dims() || times[0] != 1 {
		return operand{}, fmt.Errorf("%v times of shape %v, which repeats the batch: %w", times, x.Shape(), ErrUnsupported)
	}
	for axis, many := range times[1:] {
		if c.b.Err() != nil {
			break
		}
		switch {
		case x.Shape()[axis+1] == 1 && many > 0:
			x = c.b.Repeat(x, axis+1, many)
		case many < 1 || many > mostTiles:
			return operand{}, fmt.Errorf("%d times along axis %d, use 1 to %d: %w", many, axis+1, mostTiles, ErrUnsupported)
		default:
			x = c.b.Concat(axis+1, slices.Repeat([]*G.Node{x}, many)...)
		}
	}
	return of(x)
}

// transpose orders axes anew.
func transpose(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	order, err := fits(c.node.Ints("perm"))
	if err != nil {
		return operand{}, err
	}
	if order == nil {
		for i := range x.Dims() {
			order = append(order, x.Dims()-1-i)
		}
	}
	return of(c.b.Transpose(x, order...))
}

// depthToSpace makes a block of a picture's places of each group of channels.
func depthToSpace(c *call) (operand, error) {
	x, n, err := c.blocks()
	if err != nil {
		return operand{}, err
	}
	s := x.Shape()
	if s[1]%(n*n) != 0 {
		return operand{}, fmt.Errorf("%d channels in blocks of %d by %d: %w", s[1], n, n, ErrGraph)
	}
	b, channels := c.b, s[1]/(n*n)
	var y *G.Node
	switch mode := c.node.Text("mode", "DCR"); mode {
	case "DCR":
		y = b.Transpose(b.Reshape(x, s[0], n, n, channels, s[2], s[3]), 0, 3, 4, 1, 5, 2)
	case "CRD":
		y = b.Transpose(b.Reshape(x, s[0], channels, n, n, s[2], s[3]), 0, 1, 4, 2, 5, 3)
	default:
		return operand{}, fmt.Errorf("the mode %q: %w", mode, ErrUnsupported)
	}
	return of(b.Reshape(y, s[0], channels, s[2]*n, s[3]*n))
}

// spaceToDepth makes channels of each block of a picture's places.
func spaceToDepth(c *call) (operand, error) {
	x, n, err := c.blocks()
	if err != nil {
		return operand{}, err
	}
	s, b := x.Shape(), c.b
	if s[2]%n != 0 || s[3]%n != 0 {
		return operand{}, fmt.Errorf("pictures of %d by %d in blocks of %d: %w", s[2], s[3], n, ErrGraph)
	}
	order := []int{0, 3, 5, 1, 2, 4}
	switch mode := c.node.Text("mode", "DCR"); mode {
	case "DCR":
	case "CRD":
		order = []int{0, 1, 3, 5, 2, 4}
	default:
		return operand{}, fmt.Errorf("the mode %q: %w", mode, ErrUnsupported)
	}
	y := b.Transpose(b.Reshape(x, s[0], s[1], s[2]/n, n, s[3]/n, n), order...)
	return of(b.Reshape(y, s[0], s[1]*n*n, s[2]/n, s[3]/n))
}

// blocks returns pictures and the side of the blocks that they are cut into.
func (c *call) blocks() (x *G.Node, side int, err error) {
	if x, err = c.tensorAt(0); err != nil {
		return nil, 0, err
	}
	n := c.node.Int("blocksize", 0)
	if x.Dims() != 4 || n < 1 || n > 1<<15 {
		return nil, 0, fmt.Errorf("blocks of %d, of shape %v: %w", n, x.Shape(), ErrGraph)
	}
	return x, int(n), nil
}
