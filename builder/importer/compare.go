package importer

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// Truth values are 1 and 0 in gorgonia's one type of numbers. Comparisons have no gradient.

func less(b *builder.Graph, x, y *G.Node) *G.Node { return b.Greater(y, x) }

func greaterOrEqual(b *builder.Graph, x, y *G.Node) *G.Node { return not(b, b.Greater(y, x)) }

func lessOrEqual(b *builder.Graph, x, y *G.Node) *G.Node { return not(b, b.Greater(x, y)) }

func equal(b *builder.Graph, x, y *G.Node) *G.Node {
	return not(b, b.Add(b.Greater(x, y), b.Greater(y, x)))
}

func not(b *builder.Graph, x *G.Node) *G.Node { return b.Sub(b.Number(1), x) }

func or(b *builder.Graph, x, y *G.Node) *G.Node { return b.Sub(b.Add(x, y), b.Mul(x, y)) }

func xor(b *builder.Graph, x, y *G.Node) *G.Node {
	return b.Sub(b.Add(x, y), b.Mul(b.Number(2), b.Mul(x, y)))
}

// comparison builds operators of truth values. Weights that nothing else reads are constants: they would get no gradient.
func comparison(f func(b *builder.Graph, x, y *G.Node) *G.Node) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		for i := range c.in {
			if o := &c.in[i]; o.trains && c.readers(o.known.Name) < 2 {
				o.trains = false
			}
		}
		return binary(f)(c)
	}
}

// readers returns how many operands of the graph's nodes a value is.
func (f *File) readers(name string) (count int) {
	for _, n := range f.graph.Nodes {
		for _, in := range n.Inputs {
			if in == name {
				count++
			}
		}
	}
	return count
}

// greatest and smallest choose one of two operands, which gets the gradient; of equal ones the second.
func greatest(b *builder.Graph, x, y *G.Node) *G.Node { return b.Where(b.Greater(x, y), x, y) }

func smallest(b *builder.Graph, x, y *G.Node) *G.Node { return b.Where(b.Greater(y, x), x, y) }

// several folds any number of operands by a function of two.
func several(f func(b *builder.Graph, x, y *G.Node) *G.Node) func(*call) (operand, error) {
	return func(c *call) (operand, error) {
		var nodes []*G.Node
		for i := range c.in {
			n, err := c.tensorAt(i)
			if err != nil {
				return operand{}, err
			}
			nodes = append(nodes, n)
		}
		nodes, err := c.align(nodes...)
		if err != nil {
			return operand{}, err
		}
		slices.SortStableFunc(nodes, func(x, y *G.Node) int { return min(1, y.Dims()) - min(1, x.Dims()) }) // numbers last
		y := nodes[0]
		for _, n := range nodes[1:] {
			y = f(c.b, y, n)
		}
		return of(y)
	}
}

// where chooses between two operands by truth values, known ones too.
func where(c *call) (operand, error) {
	condition, always, err := c.truths(0)
	if err != nil {
		return operand{}, err
	}
	if condition == nil { // the same everywhere
		chosen := 2
		if always {
			chosen = 1
		}
		shape, err := broadcast(c.in[1].shape(), c.in[2].shape())
		if err == nil {
			shape, err = broadcast(shape, c.in[0].shape())
		}
		if err != nil {
			return operand{}, err
		}
		if x := c.in[chosen].node; x != nil && slices.Equal(x.Shape(), shape) {
			return of(x)
		}
		return operand{}, fmt.Errorf("which always gives operand %d, in another shape: %w", chosen+1, ErrUnsupported)
	}
	x, err := c.tensorAt(1)
	if err != nil {
		return operand{}, err
	}
	y, err := c.tensorAt(2)
	if err != nil {
		return operand{}, err
	}
	nodes, err := c.align(condition, x, y)
	if err != nil {
		return operand{}, err
	}
	return of(c.b.Where(nodes[0], nodes[1], nodes[2]))
}

// truths returns truth values as a node, or known ones that are all alike as that one.
func (c *call) truths(i int) (n *G.Node, always bool, err error) {
	o := c.in[i]
	if o.node != nil {
		return o.node, false, nil
	}
	values, ok := o.known.Data.([]bool)
	if !ok {
		return nil, false, fmt.Errorf("operand %d is of type %s where truth values are wanted: %w", i+1, o.known.DType, ErrGraph)
	}
	if len(values) > 0 && !slices.ContainsFunc(values, func(v bool) bool { return v != values[0] }) {
		return nil, values[0], nil
	}
	t := onnxgraph.Tensor{Name: o.known.Name, Shape: o.known.Shape}
	numbers := make([]float32, len(values))
	for i, v := range values {
		if v {
			numbers[i] = 1
		}
	}
	t.Data = numbers
	n, err = c.constant(&t)
	return n, false, err
}
