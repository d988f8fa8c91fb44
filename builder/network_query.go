package builder

import G "gorgonia.org/gorgonia"

// A QueryNetwork is an encoder that may give a query beside its logits: the numbers by which a search scores codes, as many as a code has.
// Bits score Σ query[j] (2 bit[j] - 1), categories Σ query[v, category of v], and larger is nearer. Of other encoders dist.Latent.Query
// makes them of the logits.
type QueryNetwork interface {
	Network
	// HasQuery reports whether this one gives a query.
	HasQuery() bool
	// BuildQuery is Build with the query as a second result, [batch, ...] with bits numbers a row. It is called in place of Build where HasQuery.
	BuildQuery(b *Graph, x *G.Node, s NetworkSpec, bits int) (logits, query *G.Node)
}

// HasQuery reports whether the model's encoder gives a query: see [Model.EncodeQuery].
func (m Model) HasQuery() bool {
	n, ok := m.Encoder.(QueryNetwork)
	return ok && n.HasQuery() && !m.Latent.layered()
}

// networkQuery is [Graph.network] of an encoder, with its query where it gives one.
func (b *Graph) networkQuery(n Network, x *G.Node, s NetworkSpec, bits int) (logits, query *G.Node) {
	q, ok := n.(QueryNetwork)
	if b.err != nil || !ok || !q.HasQuery() {
		return b.network(n, x, s), nil
	}
	logits, query = q.BuildQuery(b, x, s, bits)
	return b.checked(logits, x, s.Out), b.checked(query, x, bits)
}
