package builder

import (
	"github.com/catvae/catvae/internal/additive"
	G "gorgonia.org/gorgonia"
)

// RQ is residual quantisation as an encoder of categorical variables: the codebooks of an [Additive] decoder are the centres of k-means, each of
// what the earlier ones leave, and codes are searched with a beam. They are fitted to 100 rows for each category, and to 10,000 at least. It is
// [Residual] without what training is for.
type RQ struct {
	Beam int `json:"beam,omitempty" doc:"unfinished codes that the search keeps after each codebook; left out or 0: 5" when:"wider for a smaller error, at the price of slower encoding: time grows with it" range:"[0,64]"`
}

var (
	_ QueryNetwork = RQ{}
	_ searching    = RQ{}
)

// Kind implements [Network].
func (RQ) Kind() string { return "rq" }

// Check implements [Network].
func (n RQ) Check(part string) error {
	if err := encodesOnly(n, part); err != nil {
		return err
	}
	return n.residual().Check(part)
}

func (n RQ) residual() Residual { return Residual{Beam: n.Beam} }

func (n RQ) search() additive.Search { return n.residual().search() }

// Plan implements [Network].
func (n RQ) Plan(in []int, s NetworkSpec) ([]Layer, error) { return n.residual().Plan(in, s) }

// Build implements [Network].
func (n RQ) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node { return n.residual().Build(b, x, s) }

// HasQuery implements [QueryNetwork].
func (RQ) HasQuery() bool { return true }

// BuildQuery implements [QueryNetwork].
func (n RQ) BuildQuery(b *Graph, x *G.Node, s NetworkSpec, bits int) (logits, query *G.Node) {
	return n.residual().BuildQuery(b, x, s, bits)
}
