package projection

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// PCA returns the map onto the directions in which the rows vary most, seen from their mean: its bits are the signs of the principal
// components. The first has the most variance, and is a poor bit for all that: a plane through the middle of the most varied direction
// parts near rows as often as far ones. More bits than values are an error.
func (d *Data) PCA(ctx context.Context, bits int) (Map, error) {
	if bits < 1 || bits > d.rows.Width {
		return Map{}, fmt.Errorf("projection: pca for %d bits of rows of %d values: use 1 to %d, as there are so many components, or hyperplanes or itq, which have no such limit", bits, d.rows.Width, d.rows.Width)
	}
	directions, err := d.components(ctx, bits)
	if err != nil {
		return Map{}, fmt.Errorf("projection: pca: %w", err)
	}
	return through(directions, d.mean), nil
}

const (
	// exactWidth is up to how many values the covariance is decomposed whole: 1,024 take some seconds, and time grows with the third power.
	exactWidth = 1024

	// oversampled and powers are of the approximate decomposition: Halko, Martinsson and Tropp 0909.4061, section 4.5, where 5 to 10
	// further directions and one or two powers suffice. Rows of pictures have spectra that fall slowly, hence more.
	oversampled = 16
	powers      = 3
)

// components returns the k directions in which the rows vary most, as orthonormal columns [width, k], the most first. The sign of each is
// such that its largest part is positive, the first of several.
func (d *Data) components(ctx context.Context, k int) (v *mat.Dense, err error) {
	if d.directions != nil && d.directions.RawMatrix().Cols == k {
		return d.directions, nil
	}
	width := d.rows.Width
	if width > exactWidth && k+oversampled < width {
		v, err = powerComponents(ctx, d.x, k, d.normal)
	} else {
		v, err = exactComponents(ctx, d.x, k)
	}
	if err != nil {
		return nil, err
	}
	for j := range k {
		largest := 0.0
		for i := range width {
			if math.Abs(v.At(i, j)) > math.Abs(largest) {
				largest = v.At(i, j)
			}
		}
		for i := 0; largest < 0 && i < width; i++ {
			v.Set(i, j, -v.At(i, j))
		}
	}
	d.directions = v
	return v, nil
}

// exactComponents takes the eigenvectors of xᵀx.
func exactComponents(ctx context.Context, x *mat.Dense, k int) (*mat.Dense, error) {
	_, width := x.Dims()
	scatter := mat.NewSymDense(width, nil)
	scatter.SymOuterK(1, x.T())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return eigenvectors(scatter, k)
}

// eigenvectors returns those of the k largest eigenvalues, the largest first.
func eigenvectors(a *mat.SymDense, k int) (*mat.Dense, error) {
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		return nil, fmt.Errorf("the covariance of the rows cannot be decomposed: are there infinities among the values?")
	}
	var all mat.Dense
	e.VectorsTo(&all)
	n := a.SymmetricDim()
	top := mat.NewDense(n, k, nil)
	for i := range n {
		for j := range k { // eigenvalues come in ascending order
			top.Set(i, j, all.At(i, n-1-j))
		}
	}
	return top, nil
}

// powerComponents finds the same directions by powers of xᵀx on a random block, each orthonormalised: Halko, Martinsson and Tropp
// 0909.4061, algorithm 4.4.
func powerComponents(ctx context.Context, x *mat.Dense, k int, normal Normal) (*mat.Dense, error) {
	rows, width := x.Dims()
	block := k + oversampled
	start := make([]float64, width*block)
	normal(start, 1)
	q := mat.NewDense(width, block, start)
	y := mat.NewDense(rows, block, nil)
	for range powers + 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		y.Mul(x, q)
		q.Mul(x.T(), y)
		orthonormalise(q)
	}
	y.Mul(x, q)
	small := mat.NewSymDense(block, nil)
	small.SymOuterK(1, y.T())
	v, err := eigenvectors(small, k)
	if err != nil {
		return nil, err
	}
	top := mat.NewDense(width, k, nil)
	top.Mul(q, v)
	return top, nil
}

// orthonormalise replaces the columns of q [n, k], n ≥ k, by orthonormal ones that span the same space.
func orthonormalise(q *mat.Dense) {
	a := q.RawMatrix()
	tau, ask := make([]float64, a.Cols), make([]float64, 1)
	lapack64.Geqrf(a, tau, ask, -1) // asks how much memory the blocked algorithm wants
	work := make([]float64, int(ask[0]))
	lapack64.Geqrf(a, tau, work, len(work))
	lapack64.Orgqr(a, tau, ask, -1)
	work = make([]float64, int(ask[0]))
	lapack64.Orgqr(a, tau, work, len(work))
}
