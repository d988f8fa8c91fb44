package flaw

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Twice returns an error where gorgonia's Grad of a loss would be wrong because a gradient was taken in its graph before:
// Grad passes over every node that has a derivative, whatever it is the derivative of. So the second of two losses that share nodes gets the
// first one's gradients, and a loss made of gradients gets no derivative of them.
func Twice(loss *G.Node) error {
	if d := loss.Deriv(); d != nil && isConstant(&node{Node: d}, 1) {
		return nil // this loss's own gradient, which Grad finds again
	}
	for _, n := range Reached(loss) {
		if n.Deriv() != nil {
			return fmt.Errorf("node %q of shape %v has a derivative already: %w: the gradient of a second loss in one graph: take one gradient a graph, of the sum of all losses, and none of a gradient", n.Name(), n.Shape(), Err)
		}
	}
	return nil
}
