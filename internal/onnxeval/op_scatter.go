package onnxeval

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Elements chosen, and written, at indexes along one axis or several. Negative indexes count from the end; one out of range is an error,
// when the graph is loaded where it is known then, else when it runs.

// places finds, for each of n chosen pieces, where it begins in a tensor of a shape. index holds, for each piece, its indexes along some
// axes (limits and their strides); base is where the piece would begin if they were 0.
type places struct {
	index          *value
	n              int
	limits, stride []int
	base           func(i int) int
}

// prepare returns the function from a piece to its place, and sets the step's check of indexes.
func (p places) prepare(c *call) (func(i int) int, error) {
	if p.index.dtype != onnxtensor.Int64 && p.index.dtype != onnxtensor.Int32 {
		return nil, c.unsupportedType(1)
	}
	read, err := reader64(p.index)
	if err != nil {
		return nil, err
	}
	k := len(p.limits)
	check := func() error {
		for i := range p.n * k {
			if n, d := read(i), p.limits[i%k]; n < -d || n >= d {
				return fmt.Errorf("onnxeval: %v: index %d of %d: %w", c.node, n, d, ErrShape)
			}
		}
		return nil
	}
	if !p.index.known {
		c.step.check = check
	} else if err := check(); err != nil {
		return nil, err
	}
	return func(i int) int {
		at := p.base(i)
		for j, d := range p.limits {
			n := read(i*k + j)
			if n < 0 {
				n += d
			}
			at += n * p.stride[j]
		}
		return at
	}, nil
}

// alongAxis returns the places of single elements: where the index's own place is, except for its index along the axis.
func (c *call) alongAxis() (places, error) {
	x, index := c.in[0], c.in[1]
	a, err := axis(int(c.node.Int("axis", 0)), len(x.shape))
	if err != nil || len(index.shape) != len(x.shape) {
		return places{}, fmt.Errorf("an index of shape %v for axis %d of shape %v: %w", index.shape, c.node.Int("axis", 0), x.shape, ErrShape)
	}
	own := strides(x.shape)
	for i, d := range index.shape {
		if i != a && d > x.shape[i] {
			return places{}, fmt.Errorf("an index of shape %v for shape %v: %w", index.shape, x.shape, ErrShape)
		}
	}
	base := func(i int) int {
		at := 0
		for k, d := range slices.Backward(index.shape) {
			if k != a {
				at += i % d * own[k]
			}
			i /= d
		}
		return at
	}
	return places{index, index.size, x.shape[a : a+1], own[a : a+1], base}, nil
}

// alongFirst returns the places of pieces: each of the index's last dimension holds the indexes along the first axes of x, after batch axes
// that index and x share. piece is how many elements a piece has, and rest its shape.
func (c *call) alongFirst(batch int) (p places, rest []int, err error) {
	x, index := c.in[0], c.in[1]
	if len(index.shape) < batch+1 || batch < 0 || len(x.shape) < batch || !slices.Equal(index.shape[:batch], x.shape[:batch]) {
		return p, nil, fmt.Errorf("an index of shape %v with %d batch axes for shape %v: %w", index.shape, batch, x.shape, ErrShape)
	}
	last := len(index.shape) - 1
	k := index.shape[last]
	if k < 1 || k > len(x.shape)-batch {
		return p, nil, fmt.Errorf("an index of shape %v for shape %v: %w", index.shape, x.shape, ErrShape)
	}
	own := strides(x.shape)
	pictures, each := 1, x.size
	for _, d := range x.shape[:batch] {
		pictures *= d
	}
	n := index.size / k
	if pictures > 0 {
		each = x.size / pictures
	}
	perPicture := max(1, n/max(1, pictures))
	base := func(i int) int { return i / perPicture * each }
	if batch == 0 {
		base = func(int) int { return 0 }
	}
	return places{index, n, x.shape[batch : batch+k], own[batch : batch+k], base}, x.shape[batch+k:], nil
}

// gatherElements plans y[i] = x[i, with the index along the axis being index[i]], for an index of x's rank.
// https://onnx.ai/onnx/operators/onnx__GatherElements.html
func gatherElements(c *call) error {
	p, err := c.alongAxis()
	if err != nil {
		return err
	}
	return c.gatherPlaces(p, c.in[1].shape, 1)
}

// gatherND plans y[b, i] = x[b, index[b, i]], where index[b, i] is a list of indexes along the axes that follow batch_dims ones.
// https://onnx.ai/onnx/operators/onnx__GatherND.html
func gatherND(c *call) error {
	p, rest, err := c.alongFirst(int(c.node.Int("batch_dims", 0)))
	if err != nil {
		return err
	}
	piece, err := sizeOf(rest)
	if err != nil {
		return err
	}
	index := c.in[1].shape
	return c.gatherPlaces(p, append(slices.Clone(index[:len(index)-1]), rest...), piece)
}

// gatherPlaces plans a result of pieces, one after the other.
func (c *call) gatherPlaces(p places, shape []int, piece int) error {
	x := c.in[0]
	y, err := c.result(x.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	at, err := p.prepare(c)
	if err != nil {
		return err
	}
	move := x.mover()
	return c.share(p.n, max(1, dear/piece), func(from, to int) {
		for i := from; i < to; i++ {
			move(y, i*piece, x, at(i), piece)
		}
	})
}

// scatterElements plans y = x, with update[i] written at i, with the index along the axis being index[i]. reduction says what becomes of what
// is there: none (it is overwritten, by the last), add, mul, max, min. https://onnx.ai/onnx/operators/onnx__ScatterElements.html
func scatterElements(c *call) error {
	p, err := c.alongAxis()
	if err != nil {
		return err
	}
	if !slices.Equal(c.in[2].shape, c.in[1].shape) {
		return fmt.Errorf("updates of another shape than the index: %w", ErrShape)
	}
	return c.scatter(p, 1)
}

// scatterND plans y = x, with the piece update[i] written at index[i], which is a list of indexes along the first axes; reduction as in
// scatterElements. https://onnx.ai/onnx/operators/onnx__ScatterND.html
func scatterND(c *call) error {
	p, rest, err := c.alongFirst(0)
	if err != nil {
		return err
	}
	index := c.in[1].shape
	if !slices.Equal(c.in[2].shape, append(slices.Clone(index[:len(index)-1]), rest...)) {
		return fmt.Errorf("updates that do not fit the index: %w", ErrShape)
	}
	piece, err := sizeOf(rest)
	if err != nil {
		return err
	}
	return c.scatter(p, piece)
}

// scatter picks the kernel of a type and a reduction.
func (c *call) scatter(p places, piece int) error {
	if c.in[2].dtype != c.in[0].dtype {
		return c.unsupportedType(2)
	}
	how := c.node.Text("reduction", "none")
	if how == "none" {
		move, update := c.in[0].mover(), c.in[2]
		return c.scatterPieces(p, piece, func(y *value, to, from int) { move(y, to, update, from, piece) })
	}
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return scatterOf[float32](c, p, piece, how)
	case onnxtensor.Float64:
		return scatterOf[float64](c, p, piece, how)
	case onnxtensor.Int32:
		return scatterOf[int32](c, p, piece, how)
	case onnxtensor.Int64:
		return scatterOf[int64](c, p, piece, how)
	}
	return c.unsupportedType(0)
}

// scatterOf plans scatter with a reduction.
func scatterOf[T float32 | float64 | int32 | int64](c *call, p places, piece int, how string) error {
	f := map[string]func(x, y T) T{
		"add": func(x, y T) T { return x + y }, "mul": func(x, y T) T { return x * y },
		"max": func(x, y T) T { return max(x, y) }, "min": func(x, y T) T { return min(x, y) },
	}[how]
	if f == nil {
		return fmt.Errorf("the reduction %q: %w", how, ErrUnsupported)
	}
	update := c.in[2]
	return c.scatterPieces(p, piece, func(y *value, to, from int) {
		row := of[T](y)[to:][:piece]
		for i, v := range of[T](update)[from:][:piece] {
			row[i] = f(row[i], v)
		}
	})
}

// scatterPieces plans a copy of x into which each piece is written, in order.
func (c *call) scatterPieces(p places, piece int, write func(y *value, to, from int)) error {
	x := c.in[0]
	y, err := c.result(x.dtype, x.shape)
	if err != nil || y.size == 0 {
		return err
	}
	at, err := p.prepare(c)
	if err != nil {
		return err
	}
	return c.do(func() {
		copyData(y, x)
		for i := range p.n {
			write(y, at(i), i*piece)
		}
	})
}
