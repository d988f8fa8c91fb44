package main

import (
	"math"
	"slices"
)

// An array is a tensor in row-major order, for the plain loops that say what a function's result is.
type array struct {
	shape []int
	data  []float64
}

func zeros(shape ...int) array { return array{slices.Clone(shape), make([]float64, size(shape))} }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// place returns where an index lies; an axis of size 1 is read at 0, so that small arrays repeat along it.
func (a array) place(index []int) int {
	at := 0
	for i, d := range a.shape {
		at *= d
		if d > 1 {
			at += index[i]
		}
	}
	return at
}

func (a array) at(index ...int) float64 { return a.data[a.place(index)] }

func (a array) clone() array { return array{slices.Clone(a.shape), slices.Clone(a.data)} }

// fill sets every element to what f says of its index.
func fill(shape []int, f func(index []int) float64) array {
	out, index := zeros(shape...), make([]int, len(shape))
	for i := range out.data {
		out.data[i] = f(index)
		for k := len(index) - 1; k >= 0; k-- {
			if index[k]++; index[k] < shape[k] {
				break
			}
			index[k] = 0
		}
	}
	return out
}

// each applies f to every element.
func (a array) each(f func(float64) float64) array {
	return fill(a.shape, func(i []int) float64 { return f(a.at(i...)) })
}

// combine applies f to two arrays of one rank, or one of which is a scalar. Axes of size 1 repeat.
func combine(a, b array, f func(x, y float64) float64) array {
	shape := slices.Clone(a.shape)
	if len(shape) == 0 {
		shape = slices.Clone(b.shape)
	}
	for i := range shape {
		if len(b.shape) > 0 {
			shape[i] = max(shape[i], b.shape[i])
		}
	}
	return fill(shape, func(i []int) float64 { return f(a.at(i...), b.at(i...)) })
}

// reduce folds an array over axes, which vanish.
func (a array) reduce(start float64, f func(sum, x float64) float64, axes ...int) array {
	var shape, kept []int
	for i, d := range a.shape {
		if len(axes) > 0 && !slices.Contains(axes, i) {
			shape, kept = append(shape, d), append(kept, i)
		}
	}
	out := zeros(shape...)
	for i := range out.data {
		out.data[i] = start
	}
	fill(a.shape, func(index []int) float64 {
		at := 0
		for _, k := range kept {
			at = at*a.shape[k] + index[k]
		}
		out.data[at] = f(out.data[at], a.at(index...))
		return 0
	})
	return out
}

func plus(x, y float64) float64  { return x + y }
func times(x, y float64) float64 { return x * y }

func (a array) sum(axes ...int) array { return a.reduce(0, plus, axes...) }

func (a array) max(axes ...int) array { return a.reduce(math.Inf(-1), math.Max, axes...) }

func (a array) reshape(shape ...int) array { return array{shape, a.data} }

// insert gives an array an axis of size 1.
func (a array) insert(axis int) array {
	return array{slices.Insert(slices.Clone(a.shape), axis, 1), a.data}
}

// transpose reorders the axes: axis i of the result is axis order[i] of a.
func (a array) transpose(order ...int) array {
	shape := make([]int, len(order))
	for i, o := range order {
		shape[i] = a.shape[o]
	}
	return fill(shape, func(index []int) float64 {
		from := make([]int, len(index))
		for i, o := range order {
			from[o] = index[i]
		}
		return a.at(from...)
	})
}

// slice takes the elements from:to:step along an axis.
func (a array) slice(axis, from, to, step int) array {
	shape := slices.Clone(a.shape)
	shape[axis] = (to - from + step - 1) / step
	return fill(shape, func(index []int) float64 {
		at := slices.Clone(index)
		at[axis] = from + step*index[axis]
		return a.data[a.exact(at)]
	})
}

// exact is place for an index that repeats nothing.
func (a array) exact(index []int) int {
	at := 0
	for i, d := range a.shape {
		at = at*d + index[i]
	}
	return at
}

// drop removes an axis of size 1.
func (a array) drop(axis int) array {
	return array{slices.Delete(slices.Clone(a.shape), axis, axis+1), a.data}
}

func concat(axis int, parts ...array) array {
	shape := slices.Clone(parts[0].shape)
	shape[axis] = 0
	for _, p := range parts {
		shape[axis] += p.shape[axis]
	}
	return fill(shape, func(index []int) float64 {
		at := slices.Clone(index)
		for _, p := range parts {
			if at[axis] < p.shape[axis] {
				return p.data[p.exact(at)]
			}
			at[axis] -= p.shape[axis]
		}
		return math.NaN()
	})
}

// matmul multiplies matrices, in each place of the leading axes.
func matmul(a, b array) array {
	n := len(a.shape)
	shape := append(slices.Clone(a.shape[:n-1]), b.shape[n-1])
	return fill(shape, func(index []int) float64 {
		s := 0.0
		for k := range a.shape[n-1] {
			i, j := slices.Clone(index), slices.Clone(index)
			i[n-1], j[n-2] = k, k
			s += a.at(i...) * b.at(j...)
		}
		return s
	})
}

func exps(a array, axis int) array {
	top := a.max(axis).insert(axis)
	return combine(a, top, func(x, m float64) float64 { return math.Exp(x - m) })
}

func softmax(a array, axis int) array {
	e := exps(a, axis)
	return combine(e, e.sum(axis).insert(axis), func(x, s float64) float64 { return x / s })
}

// window is a pooling or a convolution's patches over [batch, channels, height, width].
type window struct{ kernel, pad, stride, dilation [2]int }

// output returns how many places the window takes along height and width.
func (w window) output(shape []int) [2]int {
	var out [2]int
	for i := range out {
		out[i] = (shape[2+i]+2*w.pad[i]-w.dilation[i]*(w.kernel[i]-1)-1)/w.stride[i] + 1
	}
	return out
}

// patch lists the values in the window at a place, nil for those outside the picture.
func (w window) patch(x array, n, c, i, j int, f func(ki, kj int, value *float64)) {
	for ki := range w.kernel[0] {
		for kj := range w.kernel[1] {
			y := i*w.stride[0] - w.pad[0] + ki*w.dilation[0]
			z := j*w.stride[1] - w.pad[1] + kj*w.dilation[1]
			if y < 0 || z < 0 || y >= x.shape[2] || z >= x.shape[3] {
				f(ki, kj, nil)
			} else {
				f(ki, kj, &x.data[x.exact([]int{n, c, y, z})])
			}
		}
	}
}

func (w window) pool(x array, f func(values []float64) float64) array {
	out := w.output(x.shape)
	return fill([]int{x.shape[0], x.shape[1], out[0], out[1]}, func(at []int) float64 {
		var values []float64
		w.patch(x, at[0], at[1], at[2], at[3], func(_, _ int, v *float64) {
			if v != nil {
				values = append(values, *v)
			}
		})
		return f(values)
	})
}

func (w window) conv(x, filter array) array {
	out := w.output(x.shape)
	return fill([]int{x.shape[0], filter.shape[0], out[0], out[1]}, func(at []int) float64 {
		s := 0.0
		for c := range x.shape[1] {
			w.patch(x, at[0], c, at[2], at[3], func(ki, kj int, v *float64) {
				if v != nil {
					s += *v * filter.data[filter.exact([]int{at[1], c, ki, kj})]
				}
			})
		}
		return s
	})
}

// columns lays the patches out as rows: [batch, height, width, channels·kernel].
func (w window) columns(x array) array {
	out := w.output(x.shape)
	k := w.kernel[0] * w.kernel[1]
	cols := zeros(x.shape[0], out[0], out[1], x.shape[1]*k)
	for n := range x.shape[0] {
		for c := range x.shape[1] {
			for i := range out[0] {
				for j := range out[1] {
					w.patch(x, n, c, i, j, func(ki, kj int, v *float64) {
						if v != nil {
							cols.data[cols.exact([]int{n, i, j, c*k + ki*w.kernel[1] + kj})] = *v
						}
					})
				}
			}
		}
	}
	return cols
}

// standardize gives every group of elements the mean 0 and the variance 1; group says to which an index belongs.
func standardize(x array, epsilon float64, group func(index []int) int) array {
	sums, squares, counts := map[int]float64{}, map[int]float64{}, map[int]float64{}
	x.visit(func(index []int, v float64) {
		g := group(index)
		sums[g], counts[g] = sums[g]+v, counts[g]+1
	})
	x.visit(func(index []int, v float64) {
		g := group(index)
		d := v - sums[g]/counts[g]
		squares[g] += d * d
	})
	return fill(x.shape, func(index []int) float64 {
		g := group(index)
		return (x.at(index...) - sums[g]/counts[g]) / math.Sqrt(squares[g]/counts[g]+epsilon)
	})
}

func (a array) visit(f func(index []int, v float64)) {
	fill(a.shape, func(index []int) float64 {
		f(index, a.at(index...))
		return 0
	})
}
