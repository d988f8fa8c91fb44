package builder

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// A convolution on the tape machine: patches of one picture and group become the columns of a matrix (im2col), and one
// product does the rest. It is written to be right; the compiled engine has onnxruntime's.

// convolve computes op of its first operand and the rest into out, which is zero.
func convolve[T float](op convOp, first []T, rest []any, out []T) []T {
	var (
		second          = rest[0].([]T)
		table           = op.Window.table()
		channels, maps  = op.Channels / op.Groups, op.Maps / op.Groups
		size, kernel    = sizeOfAll(op.Window.Size), sizeOfAll(op.Window.Kernel)
		places          = sizeOfAll(op.Window.out())
		depth           = channels * kernel
		columns         = make([]T, depth*places)
		picture, result = channels * size, maps * places // of one group
		weights         = maps * depth
	)
	switch op.Role {
	case convForward:
		for i := range len(out) / result {
			group := i % op.Groups
			gather(columns, first[i*picture:][:picture], table, size)
			y := out[i*result:][:result]
			addBias(y, rest, group*maps, places)
			multiply(false, false, maps, places, depth, second[group*weights:][:weights], columns, y)
		}
	case convPicture:
		for i := range len(out) / picture {
			group := i % op.Groups
			clear(columns)
			multiply(true, false, depth, places, maps, second[group*weights:][:weights], first[i*result:][:result], columns)
			x := out[i*picture:][:picture]
			addBias(x, rest, group*channels, size)
			scatter(x, columns, table, size)
		}
	case convWeights:
		for i := range len(first) / picture {
			group := i % op.Groups
			gather(columns, first[i*picture:][:picture], table, size)
			multiply(false, true, maps, depth, places, second[i*result:][:result], columns, out[group*weights:][:weights])
		}
	}
	return out
}

// gather fills the columns from a picture of some channels; outside of it they are 0.
func gather[T float](columns, picture []T, table []int32, size int) {
	for c := range len(picture) / size {
		from, to := picture[c*size:][:size], columns[c*len(table):][:len(table)]
		for i, at := range table {
			to[i] = 0
			if at >= 0 {
				to[i] = from[at]
			}
		}
	}
}

// scatter adds the columns up where gather takes them from.
func scatter[T float](picture, columns []T, table []int32, size int) {
	for c := range len(picture) / size {
		to, from := picture[c*size:][:size], columns[c*len(table):][:len(table)]
		for i, at := range table {
			if at >= 0 {
				to[at] += from[i]
			}
		}
	}
}

// addBias adds to each channel of y its number, from the first on, where the operands hold a bias.
func addBias[T float](y []T, operands []any, first, size int) {
	if len(operands) < 2 {
		return
	}
	for c := range len(y) / size {
		row, b := y[c*size:][:size], operands[1].([]T)[first+c]
		for i := range row {
			row[i] += b
		}
	}
}

// multiply adds the product of a [m, k] and b [k, n], either of which may lie transposed, to c [m, n].
func multiply[T float](transA, transB bool, m, n, k int, a, b, c []T) {
	ta, tb, lda, ldb := blas.NoTrans, blas.NoTrans, k, n
	if transA {
		ta, lda = blas.Trans, m
	}
	if transB {
		tb, ldb = blas.Trans, k
	}
	var g gonum.Implementation
	switch a := any(a).(type) {
	case []float32:
		g.Sgemm(ta, tb, m, n, k, 1, a, lda, any(b).([]float32), ldb, 1, any(c).([]float32), n)
	case []float64:
		g.Dgemm(ta, tb, m, n, k, 1, a, lda, any(b).([]float64), ldb, 1, any(c).([]float64), n)
	}
}
