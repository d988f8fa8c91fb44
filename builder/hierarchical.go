package builder

import (
	"fmt"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// hierarchicalFamily is the row of variables in two layers. What it does to logits, noise and codes that are there is what mixed
// variables do; what one layer says of the other is in the file's other functions.
func hierarchicalFamily(l Latent, row func(kind string) family) family {
	f := mixedFamily(l, row)
	f.kl = func(b *Graph, _, _ *G.Node) *G.Node {
		return b.fail("the divergence of %s variables follows from the layers: it is part of the objective", dist.Hierarchical)
	}
	return f
}

// layered reports whether the variables are in layers.
func (l Latent) layered() bool { return l.Dist().Layered() }

// checkHidden reports networks between layers where there are none.
func (l Latent) checkHidden() error {
	if len(l.Hidden) > 0 && !l.layered() {
		return fmt.Errorf("latent.hidden is %v, and latent.kind %q: only %s variables have networks between layers: leave latent.hidden out", l.Hidden, l.Kind, dist.Hierarchical)
	}
	if !l.layered() {
		return nil
	}
	return l.between().Check("latent")
}

// between is the network between two layers, in either direction.
func (l Latent) between() MLP { return MLP{Hidden: l.Hidden} }

// layer returns the model whose latent variables are those of one layer: of layer 0 its networks are the model's own.
func (m Model) layer(i int) Model {
	l, g := m.Latent, m.Latent.Groups[i]
	m.Latent = Latent{Kind: g.Kind, Variables: g.Variables, Categories: g.Categories, Prior: PriorUniform, Norm: l.Norm, Signs: l.Signs}
	if i == len(l.Groups)-1 || l.conditional() {
		m.Latent.Prior = l.Prior
	}
	return m
}

// decodedLayer is the layer that the decoder takes: the one next to the row, which with a conditional prior is the last of x -> z1 -> z2 -> y.
func (m Model) decodedLayer() int {
	if m.Latent.conditional() {
		return len(m.Latent.Groups) - 1
	}
	return 0
}

// layerOf takes a layer's numbers out of a code [batch, bits].
func (m Model) layerOf(b *Graph, code *G.Node, i int) *G.Node {
	p := m.Latent.Dist().Parts()[i]
	return b.group(code, p.CodeFrom, p.CodeShape())
}

// above returns the logits of q(z2|z1), of the second layer's LatentShape, for a sample or a code of the first.
func (m Model) above(b *Graph, z1 *G.Node) *G.Node {
	return b.In("layers", func() *G.Node { return b.In("posterior", func() *G.Node { return m.through(b, z1, m.layer(1), true) }) })
}

// below returns the logits of p(z1|z2), of the first layer's LatentShape, for a sample or a code of the second.
func (m Model) below(b *Graph, z2 *G.Node) *G.Node {
	return b.In("layers", func() *G.Node { return b.In("prior", func() *G.Node { return m.through(b, z2, m.layer(0), false) }) })
}

// through returns the logits of a layer for a sample of the other; those of a posterior are normalised where the model does that.
func (m Model) through(b *Graph, z *G.Node, to Model, posterior bool) *G.Node {
	batch := b.batch(z)
	if b.err != nil {
		return nil
	}
	logits := b.network(m.Latent.between(), to.entering(b, b.flat(z)), m.betweenSpec(to))
	if posterior {
		logits = to.normalised(b, logits)
	}
	return b.Reshape(logits, to.LatentShape(batch)...)
}

// betweenSpec is what the model asks of the network that leads to a layer.
func (m Model) betweenSpec(to Model) NetworkSpec {
	return NetworkSpec{Out: to.Latent.Dist().Logits(), Activation: m.Activation, Each: 1}
}

// encodeLayers returns the logits of q(z1|x), then those of q(z2|z1) for the hard z1, [batch, logits].
func (m Model) encodeLayers(b *Graph, x *G.Node) *G.Node {
	first := m.layer(0)
	logits := first.Encode(b, x)
	z1 := b.In("layers", func() *G.Node { return first.Harden(b, logits, nil) })
	return b.Concat(1, b.flat(logits), b.flat(m.above(b, z1)))
}

// Layers returns what the layers of a code [batch, bits] say of each other: the logits of q(z2|z1) and those of p(z1|z2), each flat,
// [batch, logits of the layer]. Only hierarchical variables have them. With a conditional prior there is no p(z1|z2): prior is nil.
func (m Model) Layers(b *Graph, code *G.Node) (posterior, prior *G.Node) {
	if b.err != nil {
		return nil, nil
	}
	if !m.Latent.layered() {
		b.fail("%s variables have no layers", m.Latent.Kind)
		return nil, nil
	}
	posterior = b.flat(m.above(b, m.layerOf(b, code, 0)))
	if m.Latent.conditional() {
		return posterior, nil
	}
	return posterior, b.flat(m.below(b, m.layerOf(b, code, 1)))
}

// layers is the objective of hierarchical variables, with one sample of each layer that gradients pass through, z1 of the rows and z2 of z1:
//
//	mean(-ln p(x|z1)) + weight · mean(-H(q(z1|x)) - ln p(z1|z2) + KL(q(z2|z1) ‖ p(z2)))
//
// Its mean is the negative ELBO. The entropy of the first layer and the divergence of the second are analytic; the divergence of the first
// from p(z1|z2) is not, since z2 depends on z1. With a conditional prior the layers are those of x -> z1 -> z2 -> y, and the objective is
// mean(-ln p(y|z2)).
func (p *Parts) layers(noise, weight *G.Node, draw draw) Objective {
	s := p.newLayers()
	s.add(noise, draw)
	o := p.NegativeELBO(s.logPs[0], s.kls[0], weight)
	o.Logits = s.logits(p.Graph)
	return o
}

// hardLayers returns k hard samples of both layers, through which no gradient passes.
func (p *Parts) hardLayers(k int) *layerSamples {
	s := p.newLayers()
	for i := range k {
		s.add(p.NoiseOf(i), func(m Model, logits, u *G.Node) *G.Node { return m.Sample(p.Graph, logits, u) })
	}
	return s
}

// layerSamples are samples of two layers, and what each says of a row, [batch]: ln p(x|z1), the divergence as the objective has it, ln q(z1|x)
// q(z2|z1) and ln p(z1|z2) p(z2) of hard ones. With a conditional prior these are ln p(y|z2), 0, and twice ln p(z1|x) p(z2|z1).
type layerSamples struct {
	all, lower, upper            *Parts  // of the model, and of each layer
	first, second                *G.Node // logits of q(z1|x), and of q(z2|z1) of the first sample
	logPs, kls, logQs, logPriors []*G.Node
}

func (p *Parts) newLayers() *layerSamples {
	lower, upper := *p, *p
	lower.Model, upper.Model = p.Model.layer(0), p.Model.layer(1)
	return &layerSamples{all: p, lower: &lower, upper: &upper, first: lower.Encode()}
}

// add draws one sample more. Noise, which may be nil, has the numbers of the first layer, then those of the second.
func (s *layerSamples) add(noise *G.Node, draw draw) {
	b, m, first, second := s.all.Graph, s.all.Model, s.lower.Model, s.upper.Model
	noiseOf := func(i int) *G.Node {
		if noise == nil {
			return nil
		}
		p := m.Latent.Dist().Parts()[i]
		return b.group(noise, p.LogitsFrom, p.LogitsShape())
	}
	again := func(f func(b *Graph, z *G.Node) *G.Node, z *G.Node) *G.Node { // with the weights of the first sample
		return b.again(len(s.logPs) > 0, func() *G.Node { return f(b, z) })
	}
	z1 := draw(first, s.first, noiseOf(0))
	above := again(m.above, z1)
	z2 := b.In("layers", func() *G.Node { return draw(second, above, noiseOf(1)) }) // whose constants have names of their own
	if s.second == nil {
		s.second = above
	}
	logQ := func() *G.Node { return b.Add(first.LogQ(b, z1, s.first), second.LogQ(b, z2, above)) }
	if m.Latent.conditional() {
		q := logQ()
		s.kls, s.logQs, s.logPriors, s.logPs = append(s.kls, b.none(above)), append(s.logQs, q), append(s.logPriors, q), append(s.logPs, s.upper.LogP(z2))
		return
	}
	below, prior := first.LogQ(b, z1, again(m.below, z2)), s.all.PriorLogits()
	negativeEntropy := b.Sub(first.KL(b, s.first, nil), b.Number(first.MaxKL()))
	s.kls = append(s.kls, b.Add(b.Sub(negativeEntropy, below), second.KL(b, above, prior)))
	s.logQs = append(s.logQs, logQ())
	s.logPriors = append(s.logPriors, b.Add(below, s.upper.LogPrior(z2, prior)))
	s.logPs = append(s.logPs, s.lower.LogP(z1))
}

// logits returns the logits of both layers, flat.
func (s *layerSamples) logits(b *Graph) *G.Node {
	return b.Concat(1, b.flat(s.first), b.flat(s.second))
}

// planLayers adds the lines of the networks between the layers, and returns their weights: those of q(z2|z1) follow the encoder's, those
// of p(z1|z2) come before the decoder's.
func (m Model) planLayers(encoder, decoder *[]Layer) (weights int, err error) {
	plan := func(name string, from, to Model) ([]Layer, error) {
		lines, err := m.Latent.between().Plan(from.Latent.Dist().CodeShape(), m.betweenSpec(to))
		if err != nil {
			return nil, fmt.Errorf("latent.%w", err)
		}
		n, err := checkPlan(lines)
		if err != nil {
			return nil, fmt.Errorf("latent.%w", err)
		}
		weights += n
		for i := range lines {
			lines[i].Name = name + " " + lines[i].Name
		}
		return lines, nil
	}
	above, err := plan("q(z2|z1)", m.layer(0), m.layer(1))
	if err != nil {
		return 0, err
	}
	var below []Layer
	if !m.Latent.conditional() {
		if below, err = plan("p(z1|z2)", m.layer(1), m.layer(0)); err != nil {
			return 0, err
		}
	}
	if len(*encoder) > 0 { // else an imported graph, whose layers are not listed
		*encoder = append(*encoder, above...)
	}
	if len(*decoder) > 0 {
		*decoder = append(below, *decoder...)
	}
	return weights, nil
}
