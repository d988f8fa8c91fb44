package onnxeval

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxtensor"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Gemm and MatMul, by gonum's products of float32 and float64 matrices.

// matrix is a matrix in row-major order, or its transpose.
type matrix[T float] struct {
	data       []T
	rows, cols int // as they are in memory
	transposed bool
}

// The tile in which products are handed to gonum: it starts goroutines of its own, and allocates, from 4 blocks of 64 x 64 on. Of
// tiles of 64 rows, 64 x 192 was the fastest for 784-400-200 (36 GFLOP/s of rows with 80 % zeros, which gonum leaves out, 13 of
// dense ones; 64 x 64: 20 and 10; the whole width: 31 and 10).
const (
	tileRows  = 64
	tileInner = 64
	tileCols  = 192
)

// product adds alpha · a · b to rows [from, to) of c, which has n columns. The sum of an element runs in the order of the
// inner dimension, wherever the rows are cut: a row's numbers are the same to the bit in any batch, on any number of goroutines.
func product[T float](alpha T, a, b matrix[T], c []T, n, from, to int) {
	k := a.cols
	if a.transposed {
		k = a.rows
	}
	for l := 0; l < k; l += tileInner {
		depth := min(tileInner, k-l)
		for j := 0; j < n; j += tileCols {
			width := min(tileCols, n-j)
			for i := from; i < to; i += tileRows {
				multiply(alpha, a, b, i, l, j, min(tileRows, to-i), depth, width, c[i*n+j:], n)
			}
		}
	}
}

// multiply hands one tile to gonum.
func multiply[T float](alpha T, a, b matrix[T], i, l, j, height, depth, width int, c []T, n int) {
	ta, tb := blas.NoTrans, blas.NoTrans
	// Where the tile begins in memory: at row i and column l of a, which is row l and column i of what a transposed one is stored as.
	atA, atB := i*a.cols+l, l*b.cols+j
	if a.transposed {
		ta, atA = blas.Trans, l*a.cols+i
	}
	if b.transposed {
		tb, atB = blas.Trans, j*b.cols+l
	}
	var g gonum.Implementation
	switch x := any(a.data[atA:]).(type) {
	case []float32:
		g.Sgemm(ta, tb, height, width, depth, float32(alpha), x, a.cols, any(b.data[atB:]).([]float32), b.cols, 1, any(c).([]float32), n)
	case []float64:
		g.Dgemm(ta, tb, height, width, depth, float64(alpha), x, a.cols, any(b.data[atB:]).([]float64), b.cols, 1, any(c).([]float64), n)
	}
}

// gemm plans y = alpha · A · B + beta · C: A is [m, k], or [k, m] with transA; B is [k, n], or [n, k] with transB; C is stretched to
// [m, n], and may be missing (an error before opset 11 in ONNX, not here). Without C, or with beta = 0, C is not read.
// https://onnx.ai/onnx/operators/onnx__Gemm.html. Integers are not supported.
func gemm(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return gemmOf[float32](c)
	case onnxtensor.Float64:
		return gemmOf[float64](c)
	}
	return c.unsupportedType(0)
}

// gemmOf sets rows to beta · C and adds the product. Rows are shared out in tiles, so that no row's sum depends on how many there are.
func gemmOf[T float](c *call) error {
	a, b, bias := c.in[0], c.in[1], c.operand(2)
	if len(a.shape) != 2 || len(b.shape) != 2 || b.dtype != a.dtype || bias != nil && bias.dtype != a.dtype {
		return fmt.Errorf("matrices of one type are wanted: %w", ErrShape)
	}
	ta, tb := c.node.Int("transA", 0) != 0, c.node.Int("transB", 0) != 0
	m, k := turned(a.shape, ta)
	k2, n := turned(b.shape, tb)
	if k != k2 {
		return fmt.Errorf("inner dimensions %d and %d: %w", k, k2, ErrShape)
	}
	shape := []int{m, n}
	y, err := c.result(a.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	alpha, beta := T(c.node.Float("alpha", 1)), T(c.node.Float("beta", 1))
	// The bias is read by strides: 0 along an axis that it is stretched over.
	var w walker
	along := 0
	if bias != nil {
		if s, err := broadcast(bias.shape, shape); err != nil || s[0] != m || s[1] != n || len(s) != 2 {
			return fmt.Errorf("a bias of shape %v for a result of shape %v: %w", bias.shape, shape, ErrShape)
		}
		w = walker{shape: shape, strides: [][]int{stretched(bias.shape, shape)}}
		along = w.strides[0][1]
	}
	return c.share(m, tileRows, func(from, to int) {
		y := of[T](y)
		if bias == nil || beta == 0 {
			clear(y[from*n : to*n])
		} else {
			bias := of[T](bias)
			for i := from; i < to; i++ {
				fill(y[i*n:][:n], bias[i*w.strides[0][0]:], along, beta)
			}
		}
		if k > 0 {
			product(alpha, matrix[T]{of[T](a), a.shape[0], a.shape[1], ta}, matrix[T]{of[T](b), b.shape[0], b.shape[1], tb}, y, n, from, to)
		}
	})
}

// fill sets a row to beta times another, whose elements are along apart.
func fill[T float](row, by []T, along int, beta T) {
	if along == 1 && beta == 1 {
		copy(row, by)
		return
	}
	for i := range row {
		row[i] = beta * by[i*along]
	}
}

// turned returns the rows and columns of a matrix, or of its transpose.
func turned(shape []int, transposed bool) (rows, cols int) {
	if transposed {
		return shape[1], shape[0]
	}
	return shape[0], shape[1]
}

// matMul plans products of matrices as numpy.matmul has them: [..., m, k] · [..., k, n] = [..., m, n], where leading dimensions are
// stretched; a vector is a row on the left and a column on the right, and that dimension is not in the result.
// https://onnx.ai/onnx/operators/onnx__MatMul.html. Integers are not supported.
func matMul(c *call) error {
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return matMulOf[float32](c)
	case onnxtensor.Float64:
		return matMulOf[float64](c)
	}
	return c.unsupportedType(0)
}

// matMulOf does one product where the right side is one matrix, whatever leading dimensions the left has: all its rows are one matrix
// then. Else it does a product for each leading index.
func matMulOf[T float](c *call) error {
	a, b := c.in[0], c.in[1]
	if len(a.shape) == 0 || len(b.shape) == 0 || a.dtype != b.dtype {
		return fmt.Errorf("matrices of one type are wanted: %w", ErrShape)
	}
	as, bs := a.shape, b.shape
	if len(as) == 1 {
		as = []int{1, as[0]}
	}
	if len(bs) == 1 {
		bs = []int{bs[0], 1}
	}
	m, k := as[len(as)-2], as[len(as)-1]
	k2, n := bs[len(bs)-2], bs[len(bs)-1]
	if k != k2 {
		return fmt.Errorf("inner dimensions %d and %d: %w", k, k2, ErrShape)
	}
	batch, err := broadcast(as[:len(as)-2], bs[:len(bs)-2])
	if err != nil {
		return err
	}
	shape := append([]int{}, batch...)
	if len(a.shape) > 1 {
		shape = append(shape, m)
	}
	if len(b.shape) > 1 {
		shape = append(shape, n)
	}
	y, err := c.result(a.dtype, shape)
	if err != nil || y.size == 0 {
		return err
	}
	shared := 1 // a plain matrix on the right: all rows on the left are one matrix
	for _, d := range bs[:len(bs)-2] {
		shared *= d
	}
	if shared == 1 {
		height := y.size / n
		return c.share(height, tileRows, func(from, to int) {
			y := of[T](y)
			clear(y[from*n : to*n])
			if k > 0 {
				product(1, matrix[T]{of[T](a), height, k, false}, matrix[T]{of[T](b), k, n, false}, y, n, from, to)
			}
		})
	}
	// A stack of matrices on the right: the walker says, for each product, where its two matrices begin. Leading dimensions have strides
	// in matrices, not in numbers.
	batch = append(batch, 1) // of walkers: a row of one
	w := walker{shape: batch, strides: [][]int{
		stretched(append(append([]int{}, as[:len(as)-2]...), 1), batch), stretched(append(append([]int{}, bs[:len(bs)-2]...), 1), batch),
	}}
	count, _ := rows(batch)
	return c.share(count, 1, func(from, to int) {
		y := of[T](y)
		clear(y[from*m*n : to*m*n])
		if k == 0 {
			return
		}
		w.walk(from, to, func(at int, others []int) {
			product(1, matrix[T]{of[T](a)[others[0]*m*k:], m, k, false}, matrix[T]{of[T](b)[others[1]*k*n:], k, n, false}, y[at*m*n:][:m*n], n, 0, m)
		})
	})
}
