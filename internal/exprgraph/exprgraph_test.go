package exprgraph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// vectors returns two leaves of a new graph.
func vectors() (g *G.ExprGraph, x, y *G.Node) {
	g = G.NewGraph()
	leaf := func(name string) *G.Node {
		return G.NewVector(g, tensor.Float64, G.WithShape(2), G.WithName(name), G.WithInit(G.Ones()))
	}
	return g, leaf("x"), leaf("y")
}

// After a removal the operands are those that were given, which gorgonia's look-ups do not find.
func TestOperandsAfterARemoval(t *testing.T) {
	t.Parallel()
	g, x, y := vectors()
	before := G.Must(G.HadamardProd(x, y))
	G.Must(G.BinaryXent(x, y)) // its Log of 1-x becomes Log1p, and the difference is removed
	after := G.Must(G.Sub(G.Must(G.Exp(before)), y))
	stale := 0
	for _, n := range g.AllNodes() {
		if g.Node(n.ID()) != n {
			stale++
		}
	}
	for n, want := range map[*G.Node][]*G.Node{before: {x, y}, after: {nil, y}} {
		got, err := exprgraph.Operands(n)
		if err != nil || len(got) != 2 || got[1] != want[1] || want[0] != nil && got[0] != want[0] {
			t.Errorf("operands of %s: %v, %v", exprgraph.Label(n), got, err)
		}
	}
	if err := exprgraph.Mend(g); err != nil {
		t.Error(err)
	}
	for _, n := range g.AllNodes() {
		if stale == 0 || g.Node(n.ID()) != n {
			t.Errorf("%s is found at another place, of %d that were", exprgraph.Label(n), stale)
		}
	}
	loss := G.Must(G.Sum(after))
	grads, err := exprgraph.Grad(loss, x, y)
	if err != nil || len(grads) != 2 {
		t.Errorf("gradients %v, %v", grads, err)
	}
}

// A node that was removed though another reads it is an error, not a neighbour.
func TestOperandsThatAreGone(t *testing.T) {
	t.Parallel()
	_, x, y := vectors()
	G.Must(G.BinaryXent(x, y)) // brings gorgonia's own 1, of which Log knows
	rest := G.Must(G.Sub(G.NewConstant(1.0), G.Must(G.Square(x))))
	reader := G.Must(G.Square(rest))
	G.Must(G.Log(rest))
	for _, n := range []*G.Node{rest, reader} {
		if got, err := exprgraph.Operands(n); err == nil || !strings.Contains(err.Error(), "Log1p") {
			t.Errorf("operands %v, %v", got, err)
		}
	}
}

// Walk visits operands first, and each node once.
func TestWalk(t *testing.T) {
	t.Parallel()
	_, x, y := vectors()
	product := G.Must(G.HadamardProd(x, y))
	sum := G.Must(G.Add(product, product))
	var order []*G.Node
	err := exprgraph.Walk([]*G.Node{sum, product}, func(n *G.Node, _ []*G.Node) error {
		order = append(order, n)
		return nil
	})
	if err != nil || !slices.Equal(order, []*G.Node{x, y, product, sum}) {
		t.Errorf("%v, %v", order, err)
	}
}
