package export

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The two batch sizes at which a graph is traced. They are primes far from any size a model would have: a constant equal
// to the batch merges with it inside gorgonia, and the traces then differ in more than numbers.
const (
	firstBatch  = 1009
	secondBatch = 1013
)

// A dim is a dimension of a tensor: n, or n times the batch.
type dim struct {
	n       int64
	byBatch bool
}

// node is one operation, seen in both traces.
type node struct {
	first, second *G.Node
	in            []*node
	shape         []dim
	kind          string // the row of the table: see kindOf
}

func (n *node) op() G.Op            { return n.first.Op() }
func (n *node) dtype() tensor.Dtype { return n.first.Dtype() }

// sameDims reports whether two shapes agree.
func sameDims(a, b []dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// static returns the shape as numbers with -1 for dimensions that vary, and how many vary.
func static(shape []dim) (sizes []int64, varying int) {
	sizes = make([]int64, len(shape))
	for i, d := range shape {
		sizes[i] = d.n
		if d.byBatch {
			sizes[i], varying = -1, varying+1
		}
	}
	return sizes, varying
}

// pair walks two traces of one function from their outputs back to the inputs and returns the nodes in topological
// order, each with what its shape is of the batch. The traces must be equal in everything but numbers, and a number
// that differs must be a multiple of the batch: no dimension is guessed.
func pair(first, second []*G.Node) (order []*node, outputs []*node, err error) {
	if len(first) != len(second) {
		return nil, nil, fmt.Errorf("export: the graph has %d outputs in one trace and %d in another", len(first), len(second))
	}
	p := pairer{seen: map[*G.Node]*node{}, twin: map[*G.Node]*G.Node{}}
	for i := range first {
		n, err := p.visit(first[i], second[i])
		if err != nil {
			return nil, nil, err
		}
		outputs = append(outputs, n)
	}
	return p.order, outputs, nil
}

type pairer struct {
	seen  map[*G.Node]*node
	twin  map[*G.Node]*G.Node // from the second trace to the first: no two nodes of one may meet one of the other
	order []*node
}

func (p *pairer) visit(a, b *G.Node) (*node, error) {
	if n, ok := p.seen[a]; ok {
		if n.second != b {
			return nil, differs(a, b, "one node at the first batch size is two at the second: a constant of the model equals a batch size")
		}
		return n, nil
	}
	if _, ok := p.twin[b]; ok {
		return nil, differs(a, b, "two nodes at the first batch size are one at the second: a constant of the model equals a batch size")
	}
	n := &node{first: a, second: b}
	p.seen[a], p.twin[b] = n, a
	ca, err := exprgraph.Operands(a)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	cb, err := exprgraph.Operands(b)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if len(ca) != len(cb) {
		return nil, differs(a, b, "the number of operands differs")
	}
	for i := range ca {
		c, err := p.visit(ca[i], cb[i])
		if err != nil {
			return nil, err
		}
		n.in = append(n.in, c)
	}
	if n.shape, err = dims(a.Shape(), b.Shape()); err != nil {
		return nil, differs(a, b, err.Error())
	}
	if err := supported(a); err != nil {
		return nil, err
	}
	if err := sameOp(a, b); err != nil {
		return nil, err
	}
	n.kind = kindOf(a.Op())
	p.order = append(p.order, n)
	return n, nil
}

// dims fits every dimension as a number or a multiple of the batch.
func dims(a, b tensor.Shape) ([]dim, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("its shape is %v and %v, of different rank", a, b)
	}
	shape := make([]dim, len(a))
	for i := range a {
		d, ok := fit(int64(a[i]), int64(b[i]))
		if !ok {
			return nil, fmt.Errorf("dimension %d is %d at batch %d and %d at batch %d, which is no multiple of the batch", i, a[i], firstBatch, b[i], secondBatch)
		}
		shape[i] = d
	}
	return shape, nil
}

func fit(a, b int64) (dim, bool) {
	if a == b {
		return dim{n: a}, true
	}
	k := (b - a) / (secondBatch - firstBatch)
	return dim{n: k, byBatch: true}, k > 0 && k*firstBatch == a && k*secondBatch == b
}

var number = regexp.MustCompile(`\d+`)

// sameOp reports two nodes whose operations differ in more than multiples of the batch.
func sameOp(a, b *G.Node) error {
	if (a.Op() == nil) != (b.Op() == nil) || a.Dtype() != b.Dtype() {
		return differs(a, b, "the operations differ")
	}
	if a.Op() == nil {
		if exprgraph.Name(a) != exprgraph.Name(b) {
			return differs(a, b, "the names differ")
		}
		return nil
	}
	if isConstant(a) {
		va, err := contentOf(a)
		if err != nil {
			return err
		}
		vb, err := contentOf(b)
		if err != nil {
			return err
		}
		if !va.equal(vb) {
			return differs(a, b, fmt.Sprintf("a constant is %.60s in one trace and %.60s in the other: take the batch from an operand's size (gorgonia.Mean, gorgonia.SizeOf), not from a number", fmt.Sprint(a.Value()), fmt.Sprint(b.Value())))
		}
		return nil
	}
	ta, tb := fmt.Sprintf("%T %v", a.Op(), a.Op()), fmt.Sprintf("%T %v", b.Op(), b.Op())
	if number.ReplaceAllString(ta, "#") != number.ReplaceAllString(tb, "#") {
		return differs(a, b, "the operations differ")
	}
	na, nb := integers(reflect.ValueOf(a.Op()), 0), integers(reflect.ValueOf(b.Op()), 0)
	if len(na) != len(nb) {
		return differs(a, b, "the attributes differ")
	}
	for i := range na {
		if _, ok := fit(na[i], nb[i]); !ok {
			return differs(a, b, fmt.Sprintf("an attribute is %d at batch %d and %d at batch %d, which is no multiple of the batch", na[i], firstBatch, nb[i], secondBatch))
		}
	}
	return nil
}

func differs(a, b *G.Node, why string) error {
	return fmt.Errorf("export: %s (in the other trace %s) cannot be traced: %s", label(a), label(b), why)
}

// label names a node for a reader.
func label(n *G.Node) string { return exprgraph.Label(n) }

func isConstant(n *G.Node) bool {
	if n.Op() == nil {
		return false
	}
	_, ok := n.Op().(interface{ Value() G.Value })
	return ok
}
