package builder

import (
	"cmp"
	"fmt"

	"github.com/catvae/catvae/internal/additive"
	G "gorgonia.org/gorgonia"
)

// Residual is a sequential encoder of categorical variables: it searches the codebooks of an [Additive] decoder, codebook after codebook with a
// beam, and then chooses each word again, given the others. Its logits are minus the cost of each category given the final choice of the
// others, the chosen one raised above them: no posterior. The codebooks begin as those of [RQ], and are trained by [CodebookEstimator].
type Residual struct {
	Beam   int     `json:"beam,omitempty" doc:"unfinished codes that the search keeps after each codebook; left out or 0: 5" when:"wider for a smaller error, at the price of slower encoding: time grows with it" range:"[0,64]"`
	Sweeps int     `json:"sweeps,omitempty" doc:"how often each codebook's word is chosen again after that, given the others; left out: never" when:"1 or 2: each costs about as much as a beam of 1" range:"[0,16]"`
	Norm   float64 `json:"norm,omitempty" doc:"weight of the squared gap between the norm of a decoded row and the running mean of such norms, beside the squared error, in sweeps and in the loss; left out: 0" when:"10 or so where codes are searched by inner products and rows have one norm: the products then order rows as cosines do, without a norm for each" range:"[0,1e6]"`
}

var (
	_ QueryNetwork = Residual{}
	_ searching    = Residual{}
)

// Kind implements [Network].
func (Residual) Kind() string { return "residual" }

// Check implements [Network].
func (n Residual) Check(part string) error {
	if err := encodesOnly(n, part); err != nil {
		return err
	}
	for _, k := range []struct {
		key       string
		value, to float64
	}{{"beam", float64(n.Beam), 64}, {"sweeps", float64(n.Sweeps), 16}, {"norm", n.Norm, 1e6}} {
		if !(k.value >= 0 && k.value <= k.to) {
			return fmt.Errorf("%s.%s is %g: use 0 to %g", part, k.key, k.value, k.to)
		}
	}
	return nil
}

// encodesOnly reports a network that searches codes and is to be a decoder.
func encodesOnly(n Network, part string) error {
	if part == decoderPart {
		return fmt.Errorf("decoder.kind is %s, which searches codes of rows, and a decoder makes rows of codes: use %s", n.Kind(), Additive{}.Kind())
	}
	return nil
}

func (n Residual) search() additive.Search {
	return additive.Search{Beam: cmp.Or(n.Beam, 5), Sweeps: n.Sweeps, NormWeight: n.Norm}
}

// Plan implements [Network].
func (n Residual) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	search := n.search()
	book := flattened(in) * s.Categories // multiply-adds of one codebook
	books := s.Out / max(s.Categories, 1)
	adds := book*(1+(books-1)*search.Beam) + book*books*(2+search.Sweeps) // the beam; the table, sweeps and scores
	return []Layer{{fmt.Sprintf("result: search of %d codebooks, beam %d, %d sweeps", books, search.Beam, search.Sweeps), []int{s.Out}, 0, adds}}, nil
}

// Build implements [Network].
func (n Residual) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	logits, _ := n.BuildQuery(b, x, s, s.Out)
	return logits
}

// HasQuery implements [QueryNetwork]: the query is the table of inner products of a row with all words.
func (Residual) HasQuery() bool { return true }

// BuildQuery implements [QueryNetwork].
func (n Residual) BuildQuery(b *Graph, x *G.Node, s NetworkSpec, _ int) (logits, query *G.Node) {
	x = b.flat(x)
	if b.err != nil {
		return nil, nil
	}
	if s.Categories < 1 || s.Out%s.Categories != 0 {
		return b.fail("a search gives categories of variables, not %d numbers of %d categories", s.Out, s.Categories), nil
	}
	words, bias := b.codebooks(s.Out, x.Shape()[1])
	operands := []*G.Node{x, words, bias}
	if n.Norm > 0 {
		operands = append(operands, b.runningNorm())
	}
	logits = b.apply(searchOp{Variables: s.Out / s.Categories, Categories: s.Categories, Search: n.search()}, operands...)
	return logits, b.MatMulTransposed(x, words)
}
