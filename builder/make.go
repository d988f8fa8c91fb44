package builder

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
)

// make makes every node with children: no other function does.
//
// gorgonia keeps one node for all nodes with equal 32-bit hashes, and the hashes leave things out: whether a softmax is
// a log-softmax, the upper bits of a slice's bounds, a dropout's probability, the middle of a long constant. AddNode
// then silently returns the *older* node. So make compares the returned node with the requested one: the op and its
// attributes by their printed form (want, from [opText]), the children one by one. It fails where they differ.
func (b *Graph) make(want string, build func() (*G.Node, error), children ...*G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	for _, c := range children {
		if c == nil {
			return b.fail("%s: %w", want, errNil)
		}
		if g := c.Graph(); g != nil && g != b.expr {
			return b.fail("%s: the operand %q belongs to another graph", want, c.Name())
		}
	}
	var n *G.Node
	err := exprgraph.Guard(func() (err error) {
		n, err = build()
		return err
	})
	if err != nil {
		return b.fail("%s of shapes %v: %w", want, shapes(children), err)
	}
	if got := opText(n.Op()); got != want {
		return b.fail("%s was merged with the older node %q, which is %s: gorgonia gives both one hash; build only one of them, or from another operand", want, n.Name(), got)
	}
	operands, err := exprgraph.Operands(n)
	if err != nil {
		return b.fail("%s: %w", want, err)
	}
	if !slices.EqualFunc(operands, children, func(got, want *G.Node) bool { return got == want || sameConstant(got, want) }) {
		return b.fail("%s was merged with a node of other operands: their hashes collide; change the order or the names of the model's parts", want)
	}
	return n
}

// apply makes a node of one of this package's own ops.
func (b *Graph) apply(op G.Op, children ...*G.Node) *G.Node {
	return b.make(opText(op), func() (*G.Node, error) { return G.ApplyOp(op, children...) }, children...)
}

// opText is an op's Go type and its printed form, which together name its attributes: "gorgonia.elemBinOp + false".
func opText(op G.Op) string { return fmt.Sprintf("%T %v", op, op) }

// sameConstant compares constants by value, since gorgonia keeps the first constant of each value.
func sameConstant(a, b *G.Node) bool {
	return a.IsScalar() && b.IsScalar() && a.Op() != nil && b.Op() != nil && len(a.Shape()) == 0 &&
		a.Value() != nil && b.Value() != nil && a.Dtype() == b.Dtype() && a.Value().Data() == b.Value().Data()
}

func shapes(nodes []*G.Node) []string {
	s := make([]string, len(nodes))
	for i, n := range nodes {
		s[i] = "nothing"
		if n != nil {
			s[i] = fmt.Sprint(n.Shape())
		}
	}
	return s
}
