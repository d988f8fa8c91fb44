package builder

import (
	"cmp"
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Contrast says how much of the objective compares codes of two views of a row with codes of other rows.
type Contrast struct {
	Weight      float64 `json:"weight" doc:"of the contrast between two views of a row: their codes are to be more alike than those of different rows" when:"1 with objective.detached, or 20 beside a reconstruction, where codes are for search; views differ by data.augment" range:"[0,1e6]"`
	Temperature float64 `json:"temperature,omitempty" doc:"of the contrast; left out or 0: 0.3" when:"lower, 0.1, to separate near neighbours; higher for smoother codes" range:"[0,1e6]"`
}

// contrastTemperature is T where the configuration leaves it out.
const contrastTemperature = 0.3

func (c Contrast) check() error {
	if !(c.Temperature >= 0 && c.Temperature <= 1e6) {
		return fmt.Errorf("objective.contrast.temperature is %g: use a number above 0, up to 1e6", c.Temperature)
	}
	return nil
}

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
	of := func(x, y *G.Node) *G.Node {
		across := p.Mul(scale, p.MatMulTransposed(x, y))
		within := p.Add(p.Mul(scale, p.MatMulTransposed(x, x)), itself)
		logP := p.LogSoftmax(p.Concat(1, across, within))
		return p.Sum(p.Mul(p.Slice(logP, 1, 0, 1, n), same), 1)
	}
	return p.Neg(p.mean(p.Mul(p.Number(0.5), p.Add(of(first, second), of(second, first)))))
}

// unit returns rows of length 1. A row of zeros stays one.
func (p *Parts) unit(x *G.Node) *G.Node {
	length := p.Sqrt(p.Add(p.Sum(p.Square(x), 1), p.Number(1e-12)))
	return p.Div(x, p.ExpandLike(length, x, 1))
}
