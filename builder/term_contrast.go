package builder

import (
	"cmp"
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// Contrast says how much of the objective compares codes of two views of a row with codes of other rows.
type Contrast struct {
	Weight      float64 `json:"weight" doc:"of the contrast between two views of a row: their codes are to be more alike than those of different rows" when:"1 with objective.detached, or 20 beside a reconstruction, where codes are for search; views differ by data.augment" range:"[0,1e6]"`
	Alike       float64 `json:"alike,omitempty" doc:"the share of other rows that are of a row's own kind, such as 0.1 where there are ten kinds equally often: so much of the repulsion is taken back. Left out or 0: every other row is unlike" when:"where rows fall into few kinds that are to stay together" range:"[0,0.9]"`
	Temperature float64 `json:"temperature,omitempty" doc:"of the contrast; left out or 0: 0.3" when:"lower, 0.1, to separate near neighbours; higher for smoother codes" range:"[0,1e6]"`
}

// contrastTemperature is T where the configuration leaves it out.
const contrastTemperature = 0.3

func (c Contrast) check() error {
	if !(c.Temperature >= 0 && c.Temperature <= 1e6) {
		return fmt.Errorf("objective.contrast.temperature is %g: use a number above 0, up to 1e6", c.Temperature)
	}
	if !(c.Alike >= 0 && c.Alike <= 0.9) {
		return fmt.Errorf("objective.contrast.alike is %g: use a share from 0 to 0.9", c.Alike)
	}
	if c.Alike > 0 && c.Temperature > 0 && c.Temperature < leastDebiased {
		return fmt.Errorf("objective.contrast.temperature is %g, and objective.contrast.alike %g: use a temperature from %g on, or leave alike out", c.Temperature, c.Alike, leastDebiased)
	}
	return nil
}

// leastDebiased is the lowest temperature at which exp(-2/T) is far from the least float32.
const leastDebiased = 0.05

// contrast is the normalised cross-entropy between two views of a batch of n rows, in nats: of each of the 2n codes c, that of the same row's other
// view is to be found among the 2n-1 others.
//
//	mean of -ln exp(s(c, c')/T) / Σ exp(s(c, d)/T) over d ≠ c,   s the cosine
//
// The codes are relaxed samples of temperature 1, less the mean of the uniform distribution: of bits 2z - 1, whose cosine says how many
// are equal. Chen et al. 2002.05709, equation (1); for bits Qiu et al. 2105.06138 (CIBHash), equation (4).
func contrast(p *Parts, logits *G.Node) *G.Node {
	t := cmp.Or(p.Model.Terms.Contrast.Temperature, contrastTemperature)
	first := p.unit(p.centred(logits, "contrast/1"))
	second := p.unit(p.centred(p.viewLogits(), "contrast/2"))
	if p.Err() != nil {
		return nil
	}
	n := p.batch
	eye, far := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		eye[i*n+i], far[i*n+i] = 1, -1e9 // no code is its own neighbour
	}
	same := p.Constant("contrast/same", eye, n, n)
	itself := p.Constant("contrast/itself", far, n, n)
	scale := p.Number(1 / t)
	alike := p.Model.Terms.Contrast.Alike
	of := func(x, y *G.Node) *G.Node {
		if alike > 0 {
			return p.debiased(p.MatMulTransposed(x, y), p.MatMulTransposed(x, x), same, alike, t)
		}
		across := p.Mul(scale, p.MatMulTransposed(x, y))
		within := p.Add(p.Mul(scale, p.MatMulTransposed(x, x)), itself)
		logP := p.LogSoftmax(p.Concat(1, across, within))
		return p.Sum(p.Mul(p.Slice(logP, 1, 0, 1, n), same), 1)
	}
	return p.Neg(p.mean(p.Mul(p.Number(0.5), p.Add(of(first, second), of(second, first)))))
}

// debiased is the logarithm of the same fraction with another sum over unlike codes: N = 2n-2 times
//
//	max((mean of exp(s(c, d)/T) over the N codes d of other rows - τ exp(s(c, c')/T)) / (1-τ), exp(-1/T))
//
// which estimates the mean over rows of other kinds, where τ is the share of rows of the same kind. Chuang et al. 2007.00224, equation (8) with one
// positive. across and within are s [n, n], with the code c' of the same row on across's diagonal, and c itself on within's; same is 1
// on the diagonal. Everything is divided by exp(1/T).
func (p *Parts) debiased(across, within, same *G.Node, alike, t float64) *G.Node {
	if p.Err() != nil {
		return nil
	}
	one, scale, others := p.Number(1), p.Number(1/t), float64(2*p.batch-2)
	exps := func(x *G.Node) *G.Node { return p.Exp(p.Mul(scale, p.Sub(x, one))) }
	positive := p.Sum(p.Mul(exps(across), same), 1)
	mean := p.Mul(p.Number(1/max(others, 1)), p.Sum(p.Mul(p.Add(exps(across), exps(within)), p.Sub(one, same)), 1))
	unlike := p.Mul(p.Number(1/(1-alike)), p.Sub(mean, p.Mul(p.Number(alike), positive)))
	least := p.Number(math.Exp(-2 / t))
	unlike = p.Add(p.Activate(ReLU, p.Sub(unlike, least)), least)
	whole := p.Add(positive, p.Mul(p.Number(others), unlike))
	return p.Sub(p.Mul(scale, p.Sub(p.Sum(p.Mul(across, same), 1), one)), p.Log(whole))
}

// unit returns rows of length 1. A row of zeros stays one.
func (p *Parts) unit(x *G.Node) *G.Node {
	length := p.Sqrt(p.Add(p.Sum(p.Square(x), 1), p.Number(1e-12)))
	return p.Div(x, p.ExpandLike(length, x, 1))
}
