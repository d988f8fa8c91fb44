// Package exprgraph asks gorgonia's graphs for operands and gradients so that what is found is what was meant.
//
// gorgonia finds a node by its number, and remembers at which place of the graph it found it. When a node is removed, those behind
// it move up by one place, and what is remembered is not corrected. From then on ExprGraph.Node, From and To answer for a
// neighbour, and gorgonia.Grad, which goes by them, finds cycles where there are none, or leaves out parts of a gradient.
//
// Removals are usual: gorgonia.Log replaces 1+x and 1-x by Log1p and removes the sum, and BinaryXent holds such a Log. The removed
// node is emptied too, and its memory serves for a later node, even where other nodes read it.
package exprgraph

import (
	"fmt"
	"reflect"

	G "gorgonia.org/gorgonia"
)

// Mend makes a graph's look-ups right again, where a node was removed. It is an error where a gradient may have been taken with
// wrong ones: such a gradient cannot be told from a right one.
func Mend(g *G.ExprGraph) error {
	if g == nil { // of a node that was removed: see Operands
		return nil
	}
	stale, differentiated := false, false
	for _, n := range g.AllNodes() {
		stale = stale || !found(g, n)
		differentiated = differentiated || n.Deriv() != nil
	}
	if !stale {
		return nil
	}
	if differentiated {
		return fmt.Errorf("gorgonia removed a node (its Log does, of 1+x and 1-x, and so does BinaryXent), and a gradient was taken, which gorgonia.Grad gets wrong after a removal: take gradients by export.Grad, and after everything else")
	}
	return forget(g)
}

// found reports whether the graph finds a node by its number.
func found(g *G.ExprGraph, n *G.Node) bool {
	at, ok := g.Node(n.ID()).(*G.Node)
	return ok && at == n
}

// forget empties what the graph remembers of its nodes' places. It is made again as nodes are looked for.
func forget(g *G.ExprGraph) error {
	places := reflect.ValueOf(g).Elem().FieldByName("byID")
	if places.Kind() != reflect.Map {
		return fmt.Errorf("gorgonia removed a node, and its ExprGraph has no field byID that could be mended: this version of gorgonia is not the one that this was written for")
	}
	reflect.NewAt(places.Type(), places.Addr().UnsafePointer()).Elem().Clear()
	return nil
}

// Operands returns a node's operands in their order, repeats kept, and mends the graph where it has to. It is an error where the
// node, or an operand, is no longer the one that it was when the node was made.
func Operands(n *G.Node) ([]*G.Node, error) {
	c, err := operands(n)
	if err == nil {
		return c, nil
	}
	if err := Mend(n.Graph()); err != nil {
		return nil, err
	}
	return operands(n)
}

func operands(n *G.Node) ([]*G.Node, error) {
	g := n.Graph()
	if g == nil || !found(g, n) {
		return nil, fmt.Errorf("%s is not in its graph any more: %s", Label(n), destroyed)
	}
	var list []*G.Node
	for it := g.From(n.ID()); it.Next(); {
		c, ok := it.Node().(*G.Node)
		// Operands are older than what reads them, and numbers grow.
		if !ok || c == nil || c.Graph() != g || c.ID() >= n.ID() || !found(g, c) {
			return nil, fmt.Errorf("%s reads a node that is not there any more: %s", Label(n), destroyed)
		}
		list = append(list, c)
	}
	return list, nil
}

const destroyed = "gorgonia's Log of 1+x or 1-x, and so BinaryXent, destroys the sum, whatever else reads it: write Log1p(x) or Log1p(Neg(x)), and make other uses of 1-x after a BinaryXent"

// Walk calls visit for every node that the roots depend on, the roots included, each once and after its operands.
func Walk(roots []*G.Node, visit func(n *G.Node, operands []*G.Node) error) error {
	seen := map[*G.Node]bool{}
	var walk func(n *G.Node) error
	walk = func(n *G.Node) error {
		if seen[n] {
			return nil
		}
		seen[n] = true
		operands, err := Operands(n)
		if err != nil {
			return err
		}
		for _, c := range operands {
			if err := walk(c); err != nil {
				return err
			}
		}
		return visit(n, operands)
	}
	for _, n := range roots {
		if err := walk(n); err != nil {
			return err
		}
	}
	return nil
}

// Grad is gorgonia.Grad in a graph that is mended first, with panics as errors.
func Grad(cost *G.Node, by ...*G.Node) (grads G.Nodes, err error) {
	if cost == nil || cost.Graph() == nil {
		return nil, fmt.Errorf("the node to differentiate is not in a graph")
	}
	g := cost.Graph()
	if err := Mend(g); err != nil {
		return nil, err
	}
	if err := Walk(G.Nodes{cost}, func(*G.Node, []*G.Node) error { return nil }); err != nil {
		return nil, err
	}
	if err := removeLoners(g); err != nil {
		return nil, err
	}
	err = Guard(func() (err error) {
		grads, err = G.Grad(cost, by...)
		return err
	})
	return grads, err
}

// removeLoners removes what gorgonia.Grad would remove while it goes by the places: operations without operands that nobody reads.
func removeLoners(g *G.ExprGraph) error {
	var loners []*G.Node
	for _, n := range g.AllNodes() {
		_, constant := n.Op().(interface{ Value() G.Value })
		random := fmt.Sprintf("%T", n.Op()) == "gorgonia.randomOp"
		if n.Op() != nil && !constant && !random && g.From(n.ID()).Len() == 0 && g.To(n.ID()).Len() == 0 {
			loners = append(loners, n)
		}
	}
	for _, n := range loners {
		g.RemoveNode(n)
	}
	if len(loners) == 0 {
		return nil
	}
	return forget(g)
}

// Label names a node for a reader.
func Label(n *G.Node) string {
	switch {
	case n == nil:
		return "a node that is nil"
	case n.Op() != nil || Name(n) != "":
		return fmt.Sprintf("node %q of shape %v", n.Name(), n.Shape())
	case n.Graph() == nil:
		return "a node that gorgonia has emptied"
	}
	return fmt.Sprintf("a leaf without a name, of shape %v and type %v", n.Shape(), n.Dtype())
}

// Name returns a leaf's name, "" for one that has none.
func Name(n *G.Node) string {
	if name := n.Name(); n.Op() != nil || name != unnamed {
		return name
	}
	return ""
}

// unnamed is what gorgonia calls a leaf that has no name.
var unnamed = fmt.Sprintf("%s()", G.Op(nil))

// Guard turns gorgonia's panics into errors.
func Guard(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("gorgonia: %w", p)
		default:
			err = fmt.Errorf("gorgonia: %v", p)
		}
	}()
	return f()
}
