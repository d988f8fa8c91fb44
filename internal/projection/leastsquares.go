package projection

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// ridge is the penalty of [LeastSquares] on squared weights, as a share of the mean variance of what they weigh: it only matters where
// bits are the same in all rows, or repeat others.
const ridge = 1e-6

// LeastSquares returns the map from rows x to rows y with the least squared error, Σ ‖y - x·Weight - Bias‖², and the mean square that is
// left of it, over all values:
//
//	Weight = (Xᵀ X + λ)⁻¹ Xᵀ Y,   Bias = mean of y - mean of x · Weight,   X and Y less their means
func LeastSquares(x, y Rows) (m Map, left float64, err error) {
	if err := check(x); err != nil {
		return Map{}, 0, fmt.Errorf("least squares: %w", err)
	}
	if x.Count != y.Count {
		return Map{}, 0, fmt.Errorf("least squares: %d rows in, %d rows out", x.Count, y.Count)
	}
	meanX, meanY := x.means(), y.means()
	X, Y := x.centred(meanX), y.centred(meanY)
	gram := mat.NewSymDense(x.Width, nil)
	gram.SymOuterK(1, X.T())
	penalty := ridge * (mat.Trace(gram)/float64(x.Width) + 1)
	for i := range x.Width {
		gram.SetSym(i, i, gram.At(i, i)+penalty)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(gram) {
		return Map{}, 0, fmt.Errorf("least squares: the rows cannot be decomposed: are there infinities among the values?")
	}
	cross, weight := mat.NewDense(x.Width, y.Width, nil), mat.NewDense(x.Width, y.Width, nil)
	cross.Mul(X.T(), Y)
	if err := cholesky.SolveTo(weight, cross); err != nil {
		return Map{}, 0, fmt.Errorf("least squares: %w", err)
	}
	m = through(weight, meanX)
	for j := range m.Bias {
		m.Bias[j] += meanY[j]
	}
	var fitted mat.Dense
	fitted.Mul(X, weight)
	fitted.Sub(Y, &fitted)
	norm := mat.Norm(&fitted, 2)
	return m, norm * norm / float64(y.Count*y.Width), nil
}
