package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Additive is a decoder of categorical variables that adds up a word for each: bias + Σ words[v, c_v]. An encoder of kind residual or rq
// searches the same words.
type Additive struct{}

var _ Network = Additive{}

// Kind implements [Network].
func (Additive) Kind() string { return "additive" }

// Check implements [Network].
func (n Additive) Check(part string) error {
	if part == encoderPart {
		return fmt.Errorf("encoder.kind is %s, which makes rows of codes, and an encoder makes codes of rows: use %s or %s", n.Kind(), Residual{}.Kind(), RQ{}.Kind())
	}
	return nil
}

// Plan implements [Network].
func (Additive) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	words := flattened(in)
	return []Layer{{fmt.Sprintf("result: sum of %d words", words), []int{s.Out}, (words + 1) * s.Out, words * s.Out}}, nil
}

// Build implements [Network].
func (Additive) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	x = b.flat(x)
	if b.err != nil {
		return nil
	}
	words, bias := b.codebooks(x.Shape()[1], s.Out)
	sum := b.MatMul(x, words)
	return b.Add(sum, b.ExpandLike(bias, sum, 0))
}
