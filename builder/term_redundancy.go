package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Redundancy says how much of the objective makes bits of two views agree, and different bits independent.
type Redundancy struct {
	Weight float64 `json:"weight" doc:"of redundancy reduction: each bit is to be equal in two views of a row, and to be uncorrelated with the other bits of its group" when:"in place of objective.contrast, or beside it, where bits repeat each other" range:"[0,1e6]"`
	Groups int     `json:"groups,omitempty" doc:"into how many groups of equal size the numbers of the code are divided; left out or 0: one" when:"more, so that a group has 16 bits or so: between groups bits may then repeat" range:"[0,1048576]"`
}

// offDiagonal is λ, the weight of correlations between different bits: that of the paper.
const offDiagonal = 0.005

func (r Redundancy) check(m Model) error {
	numbers := m.Latent.Dist().Logits()
	if r.Groups < 0 || r.Groups > 1 && numbers%r.Groups != 0 {
		return fmt.Errorf("objective.redundancy.groups is %d, and a code has %d numbers: use a divisor", r.Groups, numbers)
	}
	return nil
}

// redundancy is the sum over the groups of
//
//	Σ (1 - Cᵢᵢ)² + λ Σ Cᵢⱼ² over j ≠ i,   λ = 0.005
//
// where C is the correlation, over the batch, of the probabilities of one view with those of the other. Zbontar et al. 2103.03230, equation (1).
func redundancy(p *Parts, logits *G.Node) *G.Node {
	first, second := p.standardised(logits), p.standardised(p.viewLogits())
	if p.Err() != nil {
		return nil
	}
	groups := max(p.Model.Terms.Redundancy.Groups, 1)
	k := first.Shape()[1] / groups
	target, weight := make([]float64, k*k), make([]float64, k*k)
	for i := range k * k {
		weight[i] = offDiagonal
	}
	for i := range k {
		target[i*k+i], weight[i*k+i] = 1, 1
	}
	want, weights := p.Constant("redundancy/want", target, k, k), p.Constant("redundancy/weights", weight, k, k)
	var sum *G.Node
	for g := range groups {
		x, y := p.Slice(first, 1, g*k, 1, k), p.Slice(second, 1, g*k, 1, k)
		c := p.Mul(p.MatMul(p.Transpose(x, 1, 0), y), p.Number(1/float64(p.batch)))
		sum = p.plus(sum, p.Sum(p.Mul(weights, p.Square(p.Sub(c, want)))))
	}
	return sum
}

// standardised returns the probabilities [batch, numbers], each number with the mean 0 and the deviation 1 over the batch.
func (p *Parts) standardised(logits *G.Node) *G.Node {
	q := p.flat(p.Probabilities(logits))
	mean, variance := p.moments(q, []int{0})
	return p.normalize(q, mean, variance, []int{0})
}
