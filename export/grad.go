package export

import (
	"fmt"

	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/flaw"
	G "gorgonia.org/gorgonia"
)

// Grad is gorgonia.Grad that is right where gorgonia has removed a node before, as its Log of 1+x or 1-x does, and BinaryXent:
// gorgonia.Grad then finds cycles where there are none, or leaves out parts of a gradient. [Graph] refuses a graph in which that
// may have happened. Take gradients last, and one a graph: gorgonia.Grad of a second loss that shares nodes with the first gives the
// first one's gradients, which is an error here that wraps [ErrWrong].
func Grad(cost *G.Node, by ...*G.Node) (G.Nodes, error) {
	if cost != nil && cost.Graph() != nil {
		if err := exprgraph.Mend(cost.Graph()); err != nil {
			return nil, fmt.Errorf("export: differentiate: %w", err)
		}
		if err := flaw.Twice(cost); err != nil {
			return nil, fmt.Errorf("export: differentiate: %w", err)
		}
	}
	grads, err := exprgraph.Grad(cost, by...)
	if err != nil {
		return nil, fmt.Errorf("export: differentiate: %w", err)
	}
	return grads, nil
}

// mend makes look-ups in the nodes' graphs right.
func mend(nodes []*G.Node) error {
	seen := map[*G.ExprGraph]bool{nil: true}
	for _, n := range nodes {
		if g := n.Graph(); !seen[g] {
			seen[g] = true
			if err := exprgraph.Mend(g); err != nil {
				return err
			}
		}
	}
	return nil
}
