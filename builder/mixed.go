package builder

import (
	"strconv"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// mixedFamily is the row of variables in groups: each group is taken out of the flat logits, treated as its own family, and put back in
// its place. Divergences and logarithms add up.
func mixedFamily(l Latent, row func(kind string) family) family {
	m := mixture{parts: l.Dist().Parts()}
	for _, g := range l.Groups {
		m.rows = append(m.rows, row(g.Kind))
	}
	return family{
		relax: m.relax, kl: m.kl, logQ: m.logQ, harden: m.harden, sample: m.sample, klEach: m.klEach, apart: m.apart, density: m.density, couple: m.couple,
		probabilities: m.of(func(f family) func(b *Graph, x *G.Node) *G.Node { return f.probabilities }),
		logits:        m.of(func(f family) func(b *Graph, x *G.Node) *G.Node { return f.logits }),
	}
}

// A mixture is groups of variables with the rows of their families.
type mixture struct {
	parts []dist.Part
	rows  []family
}

// of returns the function that does to each group what its family's does.
func (m mixture) of(get func(f family) func(b *Graph, x *G.Node) *G.Node) func(b *Graph, x *G.Node) *G.Node {
	return func(b *Graph, x *G.Node) *G.Node {
		return m.each(b, func(i int) *G.Node { return get(m.rows[i])(b, m.logits(b, x, i)) })
	}
}

// logits takes the logits of a group out of x [batch, all], or out of [all] where x has no batch.
func (m mixture) logits(b *Graph, x *G.Node, i int) *G.Node {
	return b.group(x, m.parts[i].LogitsFrom, m.parts[i].LogitsShape())
}

func (m mixture) code(b *Graph, x *G.Node, i int) *G.Node {
	return b.group(x, m.parts[i].CodeFrom, m.parts[i].CodeShape())
}

// group takes the numbers of a row's group, of the given shape, out of x.
func (b *Graph) group(x *G.Node, from int, shape []int) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() < 1 || x.Dims() > 2 {
		return b.fail("groups of variables take [batch, numbers], not %v", shapes(G.Nodes{x}))
	}
	size := 1
	for _, d := range shape {
		size *= d
	}
	if x.Dims() == 1 { // a prior's, as one row
		x = b.Reshape(x, 1, x.Shape()[0])
		return b.Reshape(b.Slice(x, 1, from, 1, size), shape...)
	}
	batch := x.Shape()[0]
	return b.Reshape(b.Slice(x, 1, from, 1, size), append([]int{batch}, shape...)...)
}

// each calls f for every group, in a part of its own: "1", "2", … What it gives is put behind each other, [batch, numbers].
func (m mixture) each(b *Graph, f func(i int) *G.Node) *G.Node {
	var all []*G.Node
	for i := range m.parts {
		all = append(all, b.flat(b.In(strconv.Itoa(i+1), func() *G.Node { return f(i) })))
	}
	return b.Concat(1, all...)
}

// sum adds up what f gives of every group, [batch].
func (m mixture) sum(b *Graph, f func(i int) *G.Node) (sum *G.Node) {
	for i := range m.parts {
		sum = b.plus(sum, b.In(strconv.Itoa(i+1), func() *G.Node { return f(i) }))
	}
	return sum
}

func (m mixture) relax(b *Graph, logits, u, tau *G.Node) *G.Node {
	return m.each(b, func(i int) *G.Node { return m.rows[i].relax(b, m.logits(b, logits, i), m.logits(b, u, i), tau) })
}

func (m mixture) sample(b *Graph, logits, u *G.Node) *G.Node {
	return m.each(b, func(i int) *G.Node { return m.rows[i].sample(b, m.logits(b, logits, i), m.logits(b, u, i)) })
}

func (m mixture) apart(b *Graph, logits, code *G.Node, gap float64) *G.Node {
	return m.each(b, func(i int) *G.Node { return m.rows[i].apart(b, m.logits(b, logits, i), m.code(b, code, i), gap) })
}

func (m mixture) density(b *Graph, logits, prior, u, tau *G.Node) (z, logQ, logP *G.Node) {
	out := m.three(b, func(i int) (x, y, z *G.Node) {
		return m.rows[i].density(b, m.logits(b, logits, i), m.prior(b, prior, i), m.logits(b, u, i), tau)
	})
	return m.each(b, out(0)), m.sum(b, out(1)), m.sum(b, out(2))
}

func (m mixture) couple(b *Graph, logits, u *G.Node) (z, other, score *G.Node) {
	out := m.three(b, func(i int) (x, y, z *G.Node) { return m.rows[i].couple(b, m.logits(b, logits, i), m.logits(b, u, i)) })
	return m.each(b, out(0)), m.each(b, out(1)), m.sum(b, out(2))
}

// three calls f once for every group and returns the functions that give its results.
func (m mixture) three(b *Graph, f func(i int) (x, y, z *G.Node)) func(which int) func(i int) *G.Node {
	all := make([][3]*G.Node, len(m.parts))
	for i := range m.parts {
		all[i][0], all[i][1], all[i][2] = f(i)
	}
	return func(which int) func(i int) *G.Node { return func(i int) *G.Node { return all[i][which] } }
}

// prior takes a group's logits out of a prior's, which may be nil.
func (m mixture) prior(b *Graph, prior *G.Node, i int) *G.Node {
	if prior == nil {
		return nil
	}
	return m.logits(b, prior, i)
}

func (m mixture) kl(b *Graph, logits, prior *G.Node) *G.Node {
	return m.sum(b, func(i int) *G.Node {
		return m.rows[i].kl(b, m.logits(b, logits, i), m.prior(b, prior, i))
	})
}

func (m mixture) klEach(b *Graph, logits, prior *G.Node) *G.Node {
	return m.each(b, func(i int) *G.Node { return m.rows[i].klEach(b, m.logits(b, logits, i), m.prior(b, prior, i)) })
}

func (m mixture) logQ(b *Graph, code, logits *G.Node) *G.Node {
	return m.sum(b, func(i int) *G.Node { return m.rows[i].logQ(b, m.code(b, code, i), m.logits(b, logits, i)) })
}

func (m mixture) harden(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
	all := 0
	for _, p := range m.parts {
		all += p.Deciding()
	}
	if thresholds != nil && len(thresholds) != all {
		return b.fail("%d thresholds for %d variables that have one", len(thresholds), all)
	}
	return m.each(b, func(i int) *G.Node {
		var own []float32
		if n := m.parts[i].Deciding(); thresholds != nil && n > 0 {
			own, thresholds = thresholds[:n], thresholds[n:]
		}
		return m.rows[i].harden(b, m.logits(b, logits, i), own)
	})
}
