package builder

import (
	"cmp"
	"fmt"

	G "gorgonia.org/gorgonia"
)

// terms are what an objective may have beside the bound, in the order in which they are added: one row each.
var terms = []term{
	{"objective.contrast", func(t Terms) float64 { return t.Contrast.Weight }, contrast},
	{"objective.redundancy", func(t Terms) float64 { return t.Redundancy.Weight }, redundancy},
	{"objective.similarity", func(t Terms) float64 { return t.Similarity.Weight }, similarity},
}

// A term is a scalar that is added to the loss with its weight.
type term struct {
	key    string
	weight func(t Terms) float64
	build  func(p *Parts, logits *G.Node) *G.Node
}

// Terms are what a model's objective has beside the bound. The zero value is the bound alone.
type Terms struct {
	// Detached stops the reconstruction's gradient at the code: the decoder learns to read codes that the other terms shape.
	Detached bool `json:"detached,omitempty" doc:"true: the reconstruction trains the decoder alone, and the other terms shape the codes" when:"true with objective.contrast or objective.redundancy, where codes are for search and nothing else"`
	// FreeBits is λ: the divergence of a variable, averaged over the batch, costs nothing below it.
	FreeBits float64 `json:"free_bits,omitempty" doc:"nats of divergence of each variable, averaged over the batch, that cost nothing; a bit has at most 0.69" when:"0.05 to 0.3 where variables die" range:"[0,1000]"`
	// Rate is the divergence, in nats a row, to which a controller brings the model by way of the divergence's weight.
	Rate float64 `json:"rate,omitempty" doc:"nats a row of divergence that training is to reach: a controller moves the divergence's weight from kl_weight on, up where the divergence is above and down where it is below. Left out or 0: the weight is kl_weight's" when:"where codes are to carry a known amount of information" range:"[0,1e9]"`

	Contrast   Contrast   `json:"contrast,omitzero"`
	Redundancy Redundancy `json:"redundancy,omitzero"`
	Similarity Similarity `json:"similarity,omitzero"`
}

// check reports the first thing wrong with the terms of a model, by its key.
func (m Model) checkTerms() error {
	t := m.Terms
	discrete := m.Latent.Dist().Discrete()
	for _, row := range terms {
		switch w := row.weight(t); {
		case !(w >= 0 && w <= 1e6):
			return fmt.Errorf("%s.weight is %g: use a number from 0 to 1e6", row.key, w)
		case w > 0 && !discrete:
			return fmt.Errorf("%s.weight is %g, and latent.kind %q: only codes of discrete variables are compared: leave it out", row.key, w, m.Latent.Kind)
		}
	}
	switch {
	case !(t.FreeBits >= 0 && t.FreeBits <= 1000):
		return fmt.Errorf("objective.free_bits is %g: use nats a variable from 0 to 1000", t.FreeBits)
	case t.FreeBits > 0 && !discrete:
		return fmt.Errorf("objective.free_bits is %g, and latent.kind %q: only discrete variables have them: leave it out", t.FreeBits, m.Latent.Kind)
	case t.FreeBits > 0 && m.Latent.layered():
		return fmt.Errorf("objective.free_bits is %g, and latent.kind %q: the divergence of a variable in layers is none of its own: leave it out, or use objective.kl_warmup", t.FreeBits, m.Latent.Kind)
	case !(t.Rate >= 0 && t.Rate <= 1e9):
		return fmt.Errorf("objective.rate is %g: use nats a row from 0 to 1e9", t.Rate)
	case t.Rate > m.MaxKL():
		return fmt.Errorf("objective.rate is %g nats a row, and the variables carry at most %.4g: use a smaller rate, or more variables", t.Rate, m.MaxKL())
	}
	if err := t.Contrast.check(); err != nil {
		return err
	}
	return cmp.Or(t.Redundancy.check(m), t.Similarity.check(m))
}

// with adds the model's terms to an objective.
func (p *Parts) with(o Objective) Objective {
	o = p.spared(p.steered(o))
	for _, row := range terms {
		w := row.weight(p.Model.Terms)
		if w == 0 || p.Err() != nil {
			continue
		}
		if !p.says(o, row.key) {
			return o
		}
		o.Loss = p.Add(o.Loss, p.Mul(p.Number(w), row.build(p, o.Logits)))
	}
	return o
}

// says reports whether the estimator gave its logits, which a term needs.
func (p *Parts) says(o Objective, key string) bool {
	if p.Err() == nil && o.Logits == nil {
		p.fail("the estimator %s does not say which logits %s is of", p.Model.EstimatorName(), key)
	}
	return p.Err() == nil
}

// viewLogits returns the latent logits of the second view of the rows. The weights are those of the first.
func (p *Parts) viewLogits() *G.Node {
	view := p.View()
	if p.viewed == nil {
		p.viewed = p.again(true, func() *G.Node { return p.Model.Encode(p.Graph, view) })
	}
	return p.viewed
}

// centred returns relaxed samples at temperature 1 less the mean of the uniform distribution, [batch, numbers]: of bits half of 2z - 1.
func (p *Parts) centred(logits *G.Node, noise string) *G.Node {
	z := p.Relax(logits, p.Noise(noise), p.Number(1))
	even := p.Probabilities(p.zerosLike(logits))
	return p.flat(p.Sub(z, even))
}
