package onnxeval

import (
	"fmt"
	"slices"
)

// broadcast returns the shape to which shapes are stretched, as numpy has it:
// https://onnx.ai/onnx/repo-docs/Broadcasting.html.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			at := rank - len(s) + i
			switch {
			case d == out[at] || d == 1:
			case out[at] == 1:
				out[at] = d
			default:
				return nil, fmt.Errorf("shapes %v do not fit each other: %w", shapes, ErrShape)
			}
		}
	}
	return out, nil
}

// strides returns how far apart elements are along each axis.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	at := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = at
		at *= shape[i]
	}
	return s
}

// stretched returns the strides by which a tensor of the given shape is read as one of shape to: 0 along stretched axes.
func stretched(shape, to []int) []int {
	s := make([]int, len(to))
	for i, stride := range strides(shape) {
		if shape[i] > 1 {
			s[len(to)-len(shape)+i] = stride
		}
	}
	return s
}

// walker goes through a tensor of some shape in row-major order, and at the same time through others by their own strides.
type walker struct {
	shape   []int
	strides [][]int // of the others
}

// reader is how one operand is read while the result is written in its order.
type reader int

const (
	inStep    reader = iota // element i for result i: the shapes are equal
	oneNumber               // always the one element
	sameRow                 // from the beginning again and again: its shape is the end of the result's
	byStrides               // any other stretching
)

// readerOf returns how an operand of a shape is read for a result of shape to.
func readerOf(shape, to []int) reader {
	size := 1
	for _, d := range shape {
		size *= d
	}
	// Leading dimensions of 1 change nothing: [1, 3] is read as [3].
	trimmed := shape
	for len(trimmed) > 0 && trimmed[0] == 1 {
		trimmed = trimmed[1:]
	}
	switch {
	case slices.Equal(shape, to):
		return inStep
	case size == 1:
		return oneNumber
	case len(trimmed) <= len(to) && slices.Equal(trimmed, to[len(to)-len(trimmed):]):
		return sameRow
	}
	return byStrides
}

// walk calls f for every element of rows [from, to) of the walker's shape, where a row is its last axis: with the place of the
// row's first element, those of the others, and their strides along the row.
func (w walker) walk(from, to int, f func(at int, others []int)) {
	rank := len(w.shape)
	index := make([]int, rank)
	others := make([]int, len(w.strides))
	row := w.shape[rank-1]
	rest := from
	// Where row number "from" begins: its index along each axis, and the others' places there.
	for i := rank - 2; i >= 0; i-- {
		index[i] = rest % w.shape[i]
		rest /= w.shape[i]
		for k, s := range w.strides {
			others[k] += index[i] * s[i]
		}
	}
	for r := from; r < to; r++ {
		f(r*row, others)
		// The next row: as an odometer, the last axis but one first. An axis that is through goes back to its beginning.
		for i := rank - 2; i >= 0; i-- {
			index[i]++
			for k, s := range w.strides {
				others[k] += s[i]
			}
			if index[i] < w.shape[i] {
				break
			}
			index[i] = 0
			for k, s := range w.strides {
				others[k] -= s[i] * w.shape[i]
			}
		}
	}
}

// rows returns the number of rows of a shape and their length, for walkers; a scalar is one row of one.
func rows(shape []int) (n, length int) {
	n = 1
	for _, d := range shape[:len(shape)-1] {
		n *= d
	}
	return n, shape[len(shape)-1]
}
