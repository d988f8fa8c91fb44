package onnxeval

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// topK plans the k largest (smallest) elements along an axis, the last by default, and their places, int64: the largest (smallest) first, and of
// equal ones the first, whatever sorted says. k is known before a run. Where a NaN comes is
// left open.
// https://onnx.ai/onnx/operators/onnx__TopK.html
func topK(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return topOf[float32](c)
	case onnxtensor.Float64:
		return topOf[float64](c)
	case onnxtensor.Int32:
		return topOf[int32](c)
	case onnxtensor.Int64:
		return topOf[int64](c)
	case onnxtensor.Uint8:
		return topOf[uint8](c)
	case onnxgraph.Uint64:
		return topOf[uint64](c)
	}
	return c.unsupportedType(0)
}

// fewTop is up to how many elements are kept in order while the others pass by: more are sorted with all others.
const fewTop = 64

// topOf plans topK for elements T.
func topOf[T number](c *call) error {
	x := c.in[0]
	a, err := axis(int(c.node.Int("axis", -1)), len(x.shape))
	if err != nil {
		return err
	}
	k, err := asInt(c.in[1])
	if err != nil {
		return err
	}
	d := x.shape[a]
	if k < 0 || k > d {
		return fmt.Errorf("the first %d of %d: %w", k, d, ErrShape)
	}
	shape := slices.Clone(x.shape)
	shape[a] = k
	values, err := c.result(x.dtype, shape)
	if err != nil {
		return err
	}
	places, err := c.result(onnxtensor.Int64, shape)
	if err != nil || places.size == 0 {
		return err
	}
	before := func(p, q T) bool { return p > q }
	if c.node.Int("largest", 1) == 0 {
		before = func(p, q T) bool { return p < q }
	}
	outer, inner := around(x.shape, a)
	return c.share(outer*inner, max(1, cheap/d), func(from, to int) {
		x, values, places := of[T](x), of[T](values), of[int64](places)
		best := make([]int, 0, min(k, fewTop))
		for i := from; i < to; i++ {
			o, n := i/inner, i%inner
			at := func(j int) T { return x[(o*d+j)*inner+n] }
			for j, place := range first(best[:0], d, k, at, before) {
				to := (o*k+j)*inner + n
				values[to], places[to] = at(place), int64(place)
			}
		}
	})
}

// first appends to best which k of d elements come before the others, in order.
func first[T number](best []int, d, k int, at func(int) T, before func(p, q T) bool) []int {
	if k > fewTop {
		for j := range d {
			best = append(best, j)
		}
		slices.SortStableFunc(best, func(p, q int) int {
			switch x, y := at(p), at(q); {
			case before(x, y):
				return -1
			case before(y, x):
				return 1
			}
			return 0
		})
		return best[:k]
	}
	for j := range d {
		v := at(j)
		if len(best) == k {
			if k == 0 || !before(v, at(best[k-1])) {
				continue
			}
			best = best[:k-1]
		}
		place := len(best)
		for place > 0 && before(v, at(best[place-1])) {
			place--
		}
		best = slices.Insert(best, place, j)
	}
	return best
}
