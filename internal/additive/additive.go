// Package additive quantises rows as sums of codewords, one of each codebook:
//
//	y = bias + Σ words[v, c_v]
//
// A code c has a category for each codebook. [Codebooks.Encode] finds one by a beam search, codebook after codebook, and then goes round
// the codebooks and chooses each again, given the others. [Fit] makes codebooks of rows by k-means of what the earlier ones leave
// (residual quantisation). It is what ONNX graphs of such encoders are compared with.
//
// Babenko and Lempitsky, "Additive quantization for extreme vector compression", CVPR 2014; Chen, Guan and Wang, "Approximate nearest neighbor
// search by residual vector quantization", Sensors 2010.
package additive

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Codebooks are the words of all variables, and the row that they are added to.
type Codebooks struct {
	Variables, Categories, Width int
	Words                        []float32 // [Variables, Categories, Width]
	Bias                         []float32 // [Width]
	// Norm is what the norm of decoded rows should be: see [Search].NormWeight.
	Norm float32
}

// A Search says how codes are found.
type Search struct {
	// Beam is how many unfinished codes are kept after each codebook, at least 1.
	Beam int
	// Sweeps is how often each codebook's word is chosen again, given the others.
	Sweeps int
	// NormWeight is λ of the cost that the choice at the beam's end and sweeps make least, for a row x decoded as y,
	//
	//	½ ‖x - y‖² + ½ λ (‖y‖ - Norm)²
	//
	// so that inner products with y order rows as cosines do. Beams search at λ = 0.
	NormWeight float64
}

// Check reports codebooks that are not whole.
func (c Codebooks) Check() error {
	if c.Variables < 1 || c.Categories < 1 || c.Width < 1 || len(c.Words) != c.Variables*c.Categories*c.Width || len(c.Bias) != c.Width {
		return fmt.Errorf("additive: %d codebooks of %d words of %d numbers: %d numbers, and %d of the bias", c.Variables, c.Categories, c.Width, len(c.Words), len(c.Bias))
	}
	return nil
}

// book returns the words of variable v, [Categories, Width].
func (c Codebooks) book(v int) []float32 {
	n := c.Categories * c.Width
	return c.Words[v*n:][:n]
}

// word returns word k of variable v.
func (c Codebooks) word(v, k int) []float32 { return c.book(v)[k*c.Width:][:c.Width] }

// Decode appends the decoded rows of codes, Variables categories each, to dst.
func (c Codebooks) Decode(dst []float32, codes []int) []float32 {
	for ; len(codes) >= c.Variables; codes = codes[c.Variables:] {
		at := len(dst)
		dst = append(dst, c.Bias...)
		for v, k := range codes[:c.Variables] {
			add(dst[at:], c.word(v, k))
		}
	}
	return dst
}

// Cost is what [Search] makes least of a row and its decoded row.
func (c Codebooks) Cost(row, decoded []float32, normWeight float64) float64 {
	square, norm := 0.0, 0.0
	for i, x := range row {
		y := float64(decoded[i])
		square += (float64(x) - y) * (float64(x) - y)
		norm += y * y
	}
	return square/2 + normCost(norm, c.Norm, normWeight)
}

// products writes the inner products of n rows x with m rows w, all of one width, to y [n, m].
func products(y, x, w []float32, width int) {
	n, m := len(x)/width, len(w)/width
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: n, Cols: width, Stride: width, Data: x}, blas32.General{Rows: m, Cols: width, Stride: width, Data: w},
		0, blas32.General{Rows: n, Cols: m, Stride: m, Data: y})
}

// halfSquares returns half of the squared norm of each row.
func halfSquares(rows []float32, width int) []float32 {
	h := make([]float32, len(rows)/width)
	for i := range h {
		x := rows[i*width:][:width]
		h[i] = dot(x, x) / 2
	}
	return h
}

func dot(x, y []float32) (sum float32) {
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

func add(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

func sub(dst, x []float32) {
	for i, v := range x {
		dst[i] -= v
	}
}
