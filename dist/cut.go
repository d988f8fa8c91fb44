package dist

import "fmt"

// A Cut divides a row in two: what the encoder sees, and what is predicted from it, the row's last Lines. Lines lie along the first axis
// of a row, or along the one behind the channels where it has three axes or more: they are the values of a flat row, and the lines of
// pixels of a picture, whether it is [height, width] or [channels, height, width]. The zero value leaves a row whole: the encoder sees all
// of it, and the decoder gives it back.
type Cut struct {
	Lines int // at the end of a row; 0 for none
}

// IsZero reports the cut that leaves a row whole.
func (c Cut) IsZero() bool { return c.Lines == 0 }

// Check reports a cut that rows of a shape cannot have.
func (c Cut) Check(shape []int) error {
	if c.Lines == 0 {
		return nil
	}
	if len(shape) == 0 {
		return fmt.Errorf("rows without a shape have no lines to predict")
	}
	if n := shape[cutAxis(shape)]; c.Lines < 0 || c.Lines >= n {
		return fmt.Errorf("the last %d lines are to be predicted, and rows of shape %v have %d: predict 1 to %d", c.Lines, shape, n, n-1)
	}
	return nil
}

// cutAxis is the axis along which lines lie.
func cutAxis(shape []int) int {
	if len(shape) > 2 {
		return 1
	}
	return 0
}

// Seen returns the shape of what the encoder sees of rows of a shape.
func (c Cut) Seen(shape []int) []int {
	if c.Lines == 0 || len(shape) == 0 {
		return shape
	}
	return withLines(shape, shape[cutAxis(shape)]-c.Lines)
}

// Target returns the shape of what the decoder gives.
func (c Cut) Target(shape []int) []int {
	if c.Lines == 0 || len(shape) == 0 {
		return shape
	}
	return withLines(shape, c.Lines)
}

func withLines(shape []int, n int) []int {
	cut := append([]int(nil), shape...)
	cut[cutAxis(shape)] = n
	return cut
}

// Blocks returns how a row of a shape lies in memory: so many blocks, one for each channel, of so many values, the first of which are
// seen and the others predicted.
func (c Cut) Blocks(shape []int) (blocks, size, seen int) {
	axis := cutAxis(shape)
	size = product(shape[axis:])
	return product(shape[:axis]), size, size / shape[axis] * (shape[axis] - c.Lines)
}

// AppendTarget appends what is predicted of a row, of any values, to dst; AppendSeen what is seen. Both give the whole row where nothing is cut.
func AppendTarget[T any](c Cut, dst, row []T, shape []int) []T {
	if c.Lines == 0 {
		return append(dst, row...)
	}
	blocks, size, seen := c.Blocks(shape)
	for i := range blocks {
		dst = append(dst, row[i*size+seen:][:size-seen]...)
	}
	return dst
}

// AppendSeen appends what the encoder sees of a row to dst: see [AppendTarget].
func AppendSeen[T any](c Cut, dst, row []T, shape []int) []T {
	if c.Lines == 0 {
		return append(dst, row...)
	}
	blocks, size, seen := c.Blocks(shape)
	for i := range blocks {
		dst = append(dst, row[i*size:][:seen]...)
	}
	return dst
}

// PutTarget writes what is predicted of a row into the row: the inverse of [AppendTarget].
func PutTarget[T any](c Cut, row, target []T, shape []int) {
	if c.Lines == 0 {
		copy(row, target)
		return
	}
	blocks, size, seen := c.Blocks(shape)
	for i := range blocks {
		copy(row[i*size+seen:][:size-seen], target[i*(size-seen):])
	}
}

// TargetOf returns the standard of what is predicted of rows of a shape.
func (s Standard) TargetOf(c Cut, shape []int) Standard {
	if c.Lines > 0 && len(s.Mean) > 1 {
		s.Mean, s.Deviation = AppendTarget(c, nil, s.Mean, shape), AppendTarget(c, nil, s.Deviation, shape)
	}
	return s
}
