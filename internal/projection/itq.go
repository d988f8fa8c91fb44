package projection

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Iterations is how often [Data.ITQ] turns its rotation: 50, as in the paper.
const Iterations = 50

// turned is by how many rows the rotation is found, evenly taken: all of [MostRows] up to 128 bits. Time grows with the square of the bits, and
// so fewer do for more bits, but never fewer than 16 for each: FAISS takes 10 for each by default (ITQTransform,
// https://github.com/facebookresearch/faiss/blob/main/faiss/VectorTransform.cpp). On MNIST, 64 bits, 2,048 rows cost 0.01 of mAP.
func turned(bits int) int { return max(16*bits, MostRows*128*128/(bits*bits)) }

// ITQ returns the map of iterative quantisation: the rows' principal components V, turned by the R that makes them most like their own
// signs,
//
//	min ‖B - V R‖²,   B = sign(V R),   R Rᵀ = 1
//
// B for a fixed R and R for a fixed B in turn; the second is Procrustes' problem: with the singular value decomposition BᵀV = S Ω Uᵀ it
// is R = U Sᵀ. Gong and Lazebnik, "Iterative quantization", CVPR 2011, section 2.2. R begins as random orthonormal rows.
//
// With more bits than values R is wide: a tight frame, whose rows are orthonormal and which has more directions than the rows have. The
// problem and its solution stay the same. Time grows with the third power of the bits: 64 take a second or two, 512 a minute.
func (d *Data) ITQ(ctx context.Context, bits int) (Map, error) {
	if bits < 1 {
		return Map{}, fmt.Errorf("projection: itq for %d bits: use 1 or more", bits)
	}
	kept := min(bits, d.rows.Width)
	directions, err := d.components(ctx, kept)
	if err != nil {
		return Map{}, fmt.Errorf("projection: itq: %w", err)
	}
	x := d.x
	if n := turned(bits); n < d.rows.Count {
		x = mat.NewDense(n, d.rows.Width, nil)
		for i := range n {
			x.SetRow(i, d.x.RawRowView(i*d.rows.Count/n))
		}
	}
	v := mat.NewDense(x.RawMatrix().Rows, kept, nil)
	v.Mul(x, directions)
	r, err := rotation(ctx, v, bits, d.normal)
	if err != nil {
		return Map{}, fmt.Errorf("projection: itq: %w", err)
	}
	weight := mat.NewDense(d.rows.Width, bits, nil)
	weight.Mul(directions, r)
	return through(weight, d.mean), nil
}

// rotation returns R [kept, bits], with orthonormal rows.
func rotation(ctx context.Context, v *mat.Dense, bits int, normal Normal) (*mat.Dense, error) {
	rows, kept := v.Dims()
	start := make([]float64, bits*kept)
	normal(start, 2)
	tall := mat.NewDense(bits, kept, start)
	orthonormalise(tall)
	r := mat.DenseCopyOf(tall.T())
	signs, product := mat.NewDense(rows, bits, nil), mat.NewDense(bits, kept, nil)
	for range Iterations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		signs.Mul(v, r)
		for i := range rows {
			row := signs.RawRowView(i)
			for j, y := range row {
				if row[j] = -1; y > 0 {
					row[j] = 1
				}
			}
		}
		product.Mul(signs.T(), v)
		var svd mat.SVD
		if !svd.Factorize(product, mat.SVDThin) {
			return nil, fmt.Errorf("the rotation cannot be decomposed: are there infinities among the values?")
		}
		var s, u mat.Dense
		svd.UTo(&s)
		svd.VTo(&u)
		r.Mul(&u, s.T())
	}
	return r, nil
}
