// Package flaw finds what gorgonia computes wrongly, in graphs that somebody wants to run or export: gradients, values, and
// what its tape machine makes of right graphs. Each flaw is a row, with the smallest graph that shows it in the tests.
// docs/gorgonia.md is the table of gorgonia's functions, with the numbers.
package flaw

import (
	"errors"
	"fmt"

	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
)

// Err is wrapped by every error of this package.
var Err = errors.New("gorgonia computes this wrongly")

// A flaw is one thing that is wrong, and how to get what was meant.
type flaw struct {
	what   string
	way    string
	exists func(n *node) bool
}

// graphFlaws are wrong in the graph: whoever runs it gets the same wrong numbers. A gradient is recognised by its nodes, so
// that the same operation without its gradient passes.
var graphFlaws = []flaw{
	{"the gradient of Log2 is too small by (ln 2)²", "use HadamardDiv(Log(x), a constant of ln 2)", log2Gradient},
	{"the gradient of InverseSqrt is -1/(2y³), not -y³/2", "use Inverse(Sqrt(x))", inverseSqrtGradient},
	{"the gradient of OuterProd multiplies by the wrong operand", "use Mul of a matrix of one column and one of one row", outerProdGradient},
	{"the gradient of ByIndices is right along axis 0 only", "use Mul with a matrix of zeros and ones", byIndicesGradient},
	{"the shape of a Slice whose step does not divide its length is too small", "use an end that is a whole number of steps behind the start", unevenSlice},
	{"LogSumExp is ln(Σ exp(x-m) + m), not ln(Σ exp(x-m)) + m", "use Add(Log(Sum(Exp(x-m))), m)", logSumExp},
	{"the gradient of Dropout divides by the probability to drop a value, not by that to keep it", "use HadamardProd with a mask, an input that is 0 or 1/(1-p)", dropoutGradient},
	{"MaxPool2D's windows that lie in its border alone have no largest value", "use a border narrower than the kernel", poolOfBorder},
	{"MaxPool2D takes a border that differs on opposite sides the wrong way round", "use Concat with the border first", poolTurned},
	{"AveragePool2D divides by the picture's width, not by the number of its window's values", "use Mul with a constant matrix, or an op of your own", averagePool},
}

// machineFlaws are wrong on gorgonia's tape machine; exported, they are right.
var machineFlaws = []flaw{
	{"the tape machine reduces an inner axis of four or more dimensions wrongly", "transpose the axis to the end first, or compile the graph", innerReduction},
	{"the tape machine's gradient of BatchNorm in testing mode divides by √ε, not by the running deviation", "use SetTraining(true), or compile the graph", batchNormGradient},
	{"the tape machine never computes At", "use Slice, or compile the graph", at},
}

// Graph returns an error for the first node whose numbers are wrong whoever runs the graph. nodes are those that are run.
func Graph(nodes []*G.Node) error { return first(nodes, graphFlaws) }

// Machine returns an error for the first node that gorgonia's tape machine computes wrongly, or that is wrong anyway.
func Machine(nodes []*G.Node) error {
	if err := first(nodes, graphFlaws); err != nil {
		return err
	}
	return first(nodes, machineFlaws)
}

func first(nodes []*G.Node, flaws []flaw) error {
	graph := map[*G.Node]*node{}
	for _, n := range nodes {
		graph[n] = &node{Node: n, in: operands(n), graph: graph}
	}
	for _, n := range nodes {
		for _, f := range flaws {
			if n.Op() != nil && f.exists(graph[n]) {
				return fmt.Errorf("node %q of shape %v: %w: %s: %s", n.Name(), n.Shape(), Err, f.what, f.way)
			}
		}
	}
	return nil
}

// Reached lists the nodes that outputs depend on, operands before what is made of them.
func Reached(outputs ...*G.Node) []*G.Node {
	var order []*G.Node
	seen := map[*G.Node]bool{}
	var visit func(n *G.Node)
	visit = func(n *G.Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, c := range operands(n) {
			visit(c)
		}
		order = append(order, n)
	}
	for _, n := range outputs {
		visit(n)
	}
	return order
}

// operands returns a node's operands in order, repeats kept; none where they are not known, which is an error to whoever runs the
// graph.
func operands(n *G.Node) []*G.Node {
	c, err := exprgraph.Operands(n)
	if err != nil {
		return nil
	}
	return c
}
