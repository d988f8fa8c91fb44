package train

import (
	"math"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// The constants of Adam (Kingma and Ba 1412.6980, section 2).
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// adam is Adam's update as nodes of the training graph, so that every engine runs the same update. For a gradient g at
// step t (from 1):
//
//	m' = β1 m + (1-β1) g        v' = β2 v + (1-β2) g²
//	w' = w - rate · m' / (√v' + eps),   rate = lr √(1-β2ᵗ) / (1-β1ᵗ),   eps = ε √(1-β2ᵗ)
//
// which is the paper's rule with the two corrections taken out of the square root: rate and eps are scalars, computed
// in float64 for each step, and the update passes over memory less often. 1-β is rounded once, not subtracted in
// float32.
type adam struct {
	rate, eps *G.Node // scalar inputs
}

// The names of the optimiser's scalar inputs.
const (
	rateInput    = "learning_rate"
	epsilonInput = "epsilon"
)

// scalars returns the two numbers that step t (from 1) needs.
func (o Optimizer) scalars(t int) (rate, eps float64) {
	correction := math.Sqrt(1 - math.Pow(beta2, float64(t)))
	return o.LearningRate * correction / (1 - math.Pow(beta1, float64(t))), epsilon * correction
}

// update returns the new weight and moments.
func (a adam) update(b *builder.Graph, w, g, m, v *G.Node) (w1, m1, v1 *G.Node) {
	m1 = b.Add(b.Mul(m, b.Number(beta1)), b.Mul(g, b.Number(1-beta1)))
	v1 = b.Add(b.Mul(v, b.Number(beta2)), b.Mul(b.Square(g), b.Number(1-beta2)))
	w1 = b.Sub(w, b.Mul(b.Div(m1, b.Add(b.Sqrt(v1), a.eps)), a.rate))
	return w1, m1, v1
}

// clipByNorm scales gradients so that their joint norm is at most limit:
//
//	g' = g · limit / max(‖g‖, limit)
func clipByNorm(b *builder.Graph, grads []*G.Node, limit float64) []*G.Node {
	if limit == 0 {
		return grads
	}
	var total *G.Node
	for _, g := range grads {
		square := b.Sum(b.Square(g))
		if total == nil {
			total = square
		} else {
			total = b.Add(total, square)
		}
	}
	most := b.Number(limit)
	above := b.Activate(builder.ReLU, b.Sub(b.Sqrt(total), most)) // max(x, c) = c + ReLU(x-c)
	factor := b.Div(most, b.Add(above, most))
	clipped := make([]*G.Node, len(grads))
	for i, g := range grads {
		clipped[i] = b.Mul(g, factor)
	}
	return clipped
}
