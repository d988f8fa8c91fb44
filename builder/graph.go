package builder

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Graph is a gorgonia graph under construction at one batch size.
//
// It keeps its first error: after one, every method returns nil and does nothing, so that a model reads as plain
// expressions and is checked once, with [Graph.Err], at the end. Methods never panic. A Graph is for one goroutine.
type Graph struct {
	expr   *G.ExprGraph
	params *Params
	scope  []string
	named  map[string]*G.Node  // inputs, constants and parameters of this graph
	fixed  map[string]bool     // those of them that have a value: constants and parameters
	order  []string            // the parameters of this graph, as they were first used
	learns bool                // the graph is of a training step
	states []Update            // what that step carries over to the next, besides parameters
	asked  []Input             // what the step has to fill for layers
	shared bool                // a part is being built again, on its existing parameters and constants
	source map[*G.Node]*G.Node // what a reshaped node was made of
	err    error
}

// New returns an empty graph whose parameters live in params. Graphs that are built on one set share its values: an
// encoder traced at two batch sizes, or a training graph and the three graphs of its bundle.
func New(params *Params) *Graph { return Over(G.NewGraph(), params) }

// Over is [New] on an existing gorgonia graph. The graph's nodes may be operands. It knows the names of its own leaves
// only: gorgonia merges leaves of one name and shape.
func Over(g *G.ExprGraph, params *Params) *Graph {
	return &Graph{expr: g, params: params, named: map[string]*G.Node{}, fixed: map[string]bool{}, source: map[*G.Node]*G.Node{}}
}

// Err returns the first error, or nil.
func (b *Graph) Err() error { return b.err }

// Expr returns the gorgonia graph itself.
func (b *Graph) Expr() *G.ExprGraph { return b.expr }

// DType returns the element type of everything in the graph: tensor.Float32 or tensor.Float64.
func (b *Graph) DType() tensor.Dtype { return b.params.dtype }

// Parameters returns the parameter nodes of this graph in the order of their first use, with their names.
func (b *Graph) Parameters() (names []string, nodes G.Nodes) {
	for _, name := range b.order {
		names, nodes = append(names, name), append(nodes, b.named[name])
	}
	return names, nodes
}

// Input adds a named input without a value. No shape means a scalar; every dimension must be positive. A second input,
// constant or parameter of one name is an error: gorgonia would silently merge the two.
func (b *Graph) Input(name string, shape ...int) *G.Node {
	return b.leaf(name, shape, nil)
}

// Constant adds a named input that already has its value, of len(values) = the shape's size. It is how fixed numbers
// enter a graph: gorgonia's own tensor constants merge when their shortened printouts agree. An exporter writes it as
// an initialiser.
func (b *Graph) Constant(name string, values []float64, shape ...int) *G.Node {
	if b.err != nil {
		return nil
	}
	size, err := sizeOf(shape)
	if err != nil {
		return b.fail("constant %q: %w", name, err)
	}
	if size != len(values) {
		return b.fail("constant %q has %d values, its shape %v wants %d", name, len(values), shape, size)
	}
	return b.leaf(name, shape, dense(b.DType(), values, shape))
}

// Number returns a scalar constant. Equal numbers share one node. NaN equals nothing and is an error.
func (b *Graph) Number(x float64) *G.Node {
	if b.err != nil {
		return nil
	}
	if math.IsNaN(x) {
		return b.fail("a number is NaN")
	}
	if b.DType() == tensor.Float32 {
		return G.NewConstant(float32(x))
	}
	return G.NewConstant(x)
}

func (b *Graph) leaf(name string, shape []int, value *tensor.Dense) *G.Node {
	return b.leafOf(name, b.DType(), shape, value)
}

// again calls f, which builds a part. Where the part was built before, its parameters and constants are those that it has.
func (b *Graph) again(before bool, f func() *G.Node) *G.Node {
	if before {
		b.shared = true
		defer func() { b.shared = false }()
	}
	return f()
}

// plus returns sum + x, or x where there is no sum yet.
func (b *Graph) plus(sum, x *G.Node) *G.Node {
	if sum == nil {
		return x
	}
	return b.Add(sum, x)
}

// zerosLike returns zeros of the shape of x, through which no gradient passes.
func (b *Graph) zerosLike(x *G.Node) *G.Node { return b.StopGradient(b.Mul(x, b.Number(0))) }

func (b *Graph) leafOf(name string, dtype tensor.Dtype, shape []int, value *tensor.Dense) *G.Node {
	if b.err != nil {
		return nil
	}
	if name == "" {
		return b.fail("an input of shape %v has no name", shape)
	}
	if old, taken := b.named[name]; taken {
		if b.shared && value != nil && b.fixed[name] && slices.Equal(old.Shape(), tensor.Shape(shape)) && sameValue(old, value) {
			return old
		}
		return b.fail("the name %q is taken: give each input, constant and parameter its own", name)
	}
	if _, err := sizeOf(shape); err != nil {
		return b.fail("%q: %w", name, err)
	}
	options := []G.NodeConsOpt{G.WithName(name)}
	if value != nil {
		options = append(options, G.WithValue(value))
	}
	var n *G.Node
	err := exprgraph.Guard(func() error {
		if len(shape) == 0 {
			if value != nil { // a number: gorgonia's scalar ops do not take tensors of no dimensions
				options[1] = G.WithValue(value.Data())
			}
			n = G.NewScalar(b.expr, dtype, options...)
		} else {
			n = G.NewTensor(b.expr, dtype, len(shape), append(options, G.WithShape(shape...))...)
		}
		return nil
	})
	if err != nil {
		return b.fail("%q: %w", name, err)
	}
	b.named[name], b.fixed[name] = n, value != nil
	return n
}

// sameValue reports whether a leaf holds a value, which is the very tensor or one with equal numbers.
func sameValue(leaf *G.Node, value *tensor.Dense) bool {
	return leaf.Value() == G.Value(value) || leaf.Value() != nil && slices.Equal(Floats(leaf.Value()), Floats(value))
}

// maxSize bounds the number of values in a tensor, so that no shape overflows an int or is allocated by mistake: 2³⁰
// numbers are 4 GiB in float32.
const maxSize = 1 << 30

// sizeOf returns the number of values in a shape: 1 for a scalar's.
func sizeOf(shape []int) (int, error) {
	size := 1
	for _, d := range shape {
		if d <= 0 {
			return 0, fmt.Errorf("shape %v: every dimension must be positive", shape)
		}
		if d > maxSize/size {
			return 0, fmt.Errorf("shape %v: a tensor holds at most %d values", shape, maxSize)
		}
		size *= d
	}
	return size, nil
}

// In names the part of the model that f builds: the name leads every error, and every parameter's name. Parts nest.
func (b *Graph) In(part string, f func() *G.Node) *G.Node {
	if f == nil {
		return b.fail("part %q has no function that builds it", part)
	}
	b.scope = append(b.scope, part)
	defer func() { b.scope = b.scope[:len(b.scope)-1] }()
	return f()
}

// path joins the parts under construction and a last name with slashes.
func (b *Graph) path(last string) string {
	path := ""
	for _, part := range b.scope {
		path += part + "/"
	}
	return path + last
}

// Apply makes a node of an op from another package. The node is checked like every other: Apply fails where gorgonia
// returns an older node because the hashes agree.
func (b *Graph) Apply(op G.Op, operands ...*G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if op == nil {
		return b.fail("the op to apply is nil")
	}
	return b.apply(op, operands...)
}

// Fail records an error of a part of the model that is built outside this package, and returns the nil node that ends every
// expression after it. Only the first error is kept.
func (b *Graph) Fail(err error) *G.Node { return b.fail("%w", err) }

// fail records the first error and returns the nil node that ends every expression after it.
func (b *Graph) fail(format string, args ...any) *G.Node {
	if b.err == nil {
		where := ""
		if len(b.scope) > 0 {
			where = b.path("")
			where = where[:len(where)-1] + ": "
		}
		b.err = fmt.Errorf("builder: %s%w", where, fmt.Errorf(format, args...))
	}
	return nil
}

// errNil reports an operand that was never made, because of an earlier failure that nobody checked.
var errNil = errors.New("an operand is nil: it comes from another graph's failure")
