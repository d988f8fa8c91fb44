package builder

import (
	"cmp"
	"fmt"
	"math"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// Similarity says how much of the objective makes codes as alike as their rows are.
type Similarity struct {
	Weight      float64 `json:"weight" doc:"of similarity: which rows of a batch are near a row, by the cosine, is to be told from the codes" when:"1 with objective.detached, for embeddings and other rows whose cosine means something; no moved view is needed" range:"[0,1e6]"`
	Temperature float64 `json:"temperature,omitempty" doc:"of the similarity: lower looks at the nearest rows alone; left out or 0: 0.03" when:"higher, 0.1, where cosines differ much, or where the far rows count too" range:"[0,1e6]"`
	Query       float64 `json:"query,omitempty" doc:"weight, within the similarity, of the same for queries that stay floats while the rows become bits; left out or 0: only codes are compared with codes" when:"1 where catvae search or another program scores float queries against bits, which finds more than the Hamming distance" range:"[0,1e6]"`
	Near        int     `json:"near,omitempty" doc:"how many rows of a batch come with each row drawn: rows near it, so that a batch has near rows to tell apart; left out or 0: 7" when:"more where codes should order the nearest rows, fewer where they should order the far ones" range:"[0,1024]"`
}

const (
	// similarityTemperature and similarNear are what the configuration leaves out.
	similarityTemperature = 0.03
	similarNear           = 7

	// codeTemperature is by how much the temperature of codes is above that of rows: products of codes spread wider than cosines, as each
	// bit is its own rounding. Trained as a number of its own on embeddings of 384 and of 100 values it came to 1.3 to 1.6.
	codeTemperature = 1.5
)

// Canonical fills in what is left out.
func (s Similarity) Canonical() Similarity {
	s.Temperature = cmp.Or(s.Temperature, similarityTemperature)
	s.Near = cmp.Or(s.Near, similarNear)
	return s
}

func (s Similarity) check(m Model) error {
	switch {
	case !(s.Temperature >= 0 && s.Temperature <= 1e6):
		return fmt.Errorf("objective.similarity.temperature is %g: use a number above 0, up to 1e6", s.Temperature)
	case !(s.Query >= 0 && s.Query <= 1e6):
		return fmt.Errorf("objective.similarity.query is %g: use a number from 0 to 1e6", s.Query)
	case s.Near < 0:
		return fmt.Errorf("objective.similarity.near is %d: use a number of rows", s.Near)
	case s.Weight > 0 && m.Latent.Kind != dist.Bernoulli:
		return fmt.Errorf("objective.similarity.weight is %g, and latent.kind %q: only bits are compared so: set latent.kind=%s, or leave it out", s.Weight, m.Latent.Kind, dist.Bernoulli)
	}
	if n, ok := m.Encoder.(ITQ); ok && n.Query && s.Weight*s.Query == 0 {
		return fmt.Errorf("encoder.query is true, and objective.similarity trains no queries: set objective.similarity.weight and objective.similarity.query, or leave it out")
	}
	return nil
}

// similarity is the cross-entropy between which rows of a batch are near a row, and which of their codes are near its code, in nats:
//
//	mean over i of -Σ pᵢⱼ ln qᵢⱼ over j ≠ i,   p = softmax(cos(xᵢ, xⱼ) / T),   q = softmax(bᵢ·bⱼ / (K·1.5 T))
//
// for rows x as they are and codes b of K bits, each -1 or 1. Codes are the hard ones, as a bundle gives them; the gradient is that of
// tanh(l) of the logits l. With a weight for queries the same is added with aᵢ in place of bᵢ, where a = l √K/‖l‖ stays a float: the score of a
// float query against bits. An encoder that gives queries of its own gives l there.
//
// Hinton and Roweis 2002, "Stochastic neighbor embedding", of codes in place of points, with the cross-entropy that their divergence differs from by
// what no code changes.
func similarity(p *Parts, logits *G.Node) *G.Node {
	s := p.Model.Terms.Similarity.Canonical()
	l := p.flat(logits)
	rows := p.unit(p.flat(p.Rows))
	if p.Err() != nil {
		return nil
	}
	n, bits := p.batch, l.Shape()[1]
	far := make([]float64, n*n)
	for i := range n {
		far[i*n+i] = -1e9 // no row is its own neighbour
	}
	itself := p.Constant("similarity/itself", far, n, n)
	near := p.Exp(p.LogSoftmax(p.Add(p.Mul(p.Number(1/s.Temperature), p.MatMulTransposed(rows, rows)), itself)))

	two, one := p.Number(2), p.Number(1)
	signs := func(b *G.Node) *G.Node { return p.Sub(p.Mul(two, b), one) }
	soft := signs(p.Sigmoid(p.Mul(two, l))) // tanh
	code := p.WithGradientOf(signs(p.Greater(l, p.Number(0))), soft)
	scale := p.Number(1 / (float64(bits) * codeTemperature * s.Temperature))
	of := func(x *G.Node) *G.Node {
		logQ := p.LogSoftmax(p.Add(p.Mul(scale, p.MatMulTransposed(x, code)), itself))
		return p.Neg(p.mean(p.Sum(p.Mul(near, logQ), 1)))
	}
	loss := of(code)
	if s.Query > 0 {
		root := p.Number(math.Sqrt(float64(bits)))
		query := l
		if p.query != nil {
			query = p.flat(p.query)
		}
		loss = p.Add(loss, p.Mul(p.Number(s.Query), of(p.Mul(root, p.unit(query)))))
	}
	return loss
}
