package builder

import (
	"context"
	"slices"

	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// ITQ is an encoder of the rows' principal components, turned so that they are most like their own signs: iterative quantisation, Gong and
// Lazebnik, CVPR 2011. With more bits than a row has values the rotation becomes a tight frame. It is fitted to 10,000 rows at most.
//
// Where it is trained further, the result of a perceptron may be added to that of the map, with a last layer of zeros at the beginning:
// training then starts from ITQ's bits and is not bound to planes.
type ITQ struct {
	Gain   float64 `json:"gain,omitempty" doc:"root mean square of the logits that the fitted map gives; the bits do not depend on it; left out or 0: 8" when:"to 1 or 2 where the map is trained further, so that bits can still turn" range:"[0,1e6]"`
	Hidden []int   `json:"hidden,omitempty" doc:"widths of the hidden layers of a perceptron whose result is added to the map's, from zero on; left out: the map alone" when:"512 or 1024 where the map is trained further and planes are too simple, as with objective.similarity" range:"[1,1048576]"`
	Query  bool    `json:"query,omitempty" doc:"true: float queries come from a map, and a perceptron, of their own, which begin as those of the bits and are trained by objective.similarity.query; left out: the logits are the query" when:"true where float queries are what counts; bundles then have twice the weights in the encoder"`
}

var (
	_ FittedNetwork = ITQ{}
	_ QueryNetwork  = ITQ{}
)

// Kind implements [Network].
func (ITQ) Kind() string { return "itq" }

// Check implements [Network].
func (n ITQ) Check(part string) error {
	if err := checkFitted(n.Kind(), part, n.Gain); err != nil {
		return err
	}
	return MLP{Hidden: n.Hidden}.Check(part)
}

// besideName leads the names of the perceptron's parameters, queryName those of what makes queries.
const (
	besideName = "beside"
	queryName  = "query"
)

// Plan implements [Network].
func (n ITQ) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	lines, err := n.planSum("", in, s)
	if err != nil || !n.Query {
		return lines, err
	}
	query, err := n.planSum(queryName+".", in, s)
	return slices.Concat(query, lines), err // the last line is the result
}

// planSum are the layers of a map and its perceptron, whose names begin with a prefix.
func (n ITQ) planSum(prefix string, in []int, s NetworkSpec) ([]Layer, error) {
	lines, err := planLinear(in, s)
	if err == nil && len(n.Hidden) > 0 {
		var beside []Layer
		beside, err = MLP{Hidden: n.Hidden}.Plan(in, s)
		for i := range beside {
			beside[i].Name = besideName + "." + beside[i].Name
		}
		lines = slices.Concat(lines, beside, []Layer{{Name: "sum", Output: []int{s.Out}}})
	}
	for i := range lines {
		lines[i].Name = prefix + lines[i].Name
	}
	return lines, err
}

// Build implements [Network].
func (n ITQ) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	y := buildLinear(b, x, s)
	if len(n.Hidden) == 0 {
		return y
	}
	return b.Add(y, b.In(besideName, func() *G.Node {
		h := b.layers(b.flat(x), n.Hidden, s.Activation)
		return b.linear(linearName, h, s.Out, Zeros, Zeros)
	}))
}

// HasQuery implements [QueryNetwork].
func (n ITQ) HasQuery() bool { return n.Query }

// BuildQuery implements [QueryNetwork].
func (n ITQ) BuildQuery(b *Graph, x *G.Node, s NetworkSpec, _ int) (logits, query *G.Node) {
	return n.Build(b, x, s), b.In(queryName, func() *G.Node { return n.Build(b, x, s) })
}

// Fit implements [FittedNetwork].
func (n ITQ) Fit(ctx context.Context, in, _ Rows, s NetworkSpec, seed uint64) (LinearMap, float64, error) {
	return fitCodes(ctx, (*projection.Data).ITQ, in, s.Out, n.Gain, seed)
}
