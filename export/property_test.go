package export_test

import (
	"fmt"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/exprgraph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// Random small graphs of the model language, with a loss and its gradients, gorgonia against both backends.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	on := backends(t)
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 13), 1, 8).Draw(t, "steps")
		picks := rapid.SliceOfN(rapid.IntRange(0, 1<<16), len(steps)*2, len(steps)*2).Draw(t, "operands")
		width := rapid.IntRange(1, 5).Draw(t, "width")
		dtype := tensor.Float32
		if rapid.Bool().Draw(t, "float64") {
			dtype = tensor.Float64
		}
		params, err := builder.NewParams(dtype, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		trace := func(batch int) (export.Traced, error) { return randomGraph(params, steps, picks, width, batch) }
		model, err := export.Graph(t.Context(), trace, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := model.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		inputs := opInputs(dtype)
		if err := verifyOn(on, data, trace, []int{2, 3}, inputs); err != nil {
			t.Fatalf("steps %v, operands %v, width %d: %v", steps, picks, width, err)
		}
	})
}

// randomGraph grows a list of [batch, width] nodes, each an operation on earlier ones whose values stay of order one.
func randomGraph(params *builder.Params, steps, picks []int, width, batch int) (export.Traced, error) {
	b := builder.New(params)
	x, y := b.Input("x", batch, 3), b.Input("y", batch, 3)
	nodes := []*G.Node{b.Linear("in/x", x, width, builder.GlorotNormal), b.Linear("in/y", y, width, builder.GlorotNormal)}
	for i, step := range steps {
		p, q := nodes[picks[2*i]%len(nodes)], nodes[picks[2*i+1]%len(nodes)]
		var n *G.Node
		switch step {
		case 0:
			n = b.Add(p, b.Mul(q, b.Number(0.5)))
		case 1:
			n = b.Mul(b.Sigmoid(p), q)
		case 2:
			n = b.Div(p, b.Add(b.Square(q), b.Number(1)))
		case 3:
			n = b.Activate(builder.ReLU, p)
		case 4:
			n = b.Activate(builder.Tanh, p)
		case 5:
			n = b.Activate(builder.LeakyReLU, p)
		case 6:
			n = b.Linear(fmt.Sprintf("layer/%d", i), p, width, builder.GlorotNormal)
		case 7:
			n = b.LogSoftmax(b.Activate(builder.Tanh, p))
		case 8:
			n = b.Softplus(b.Activate(builder.Tanh, p))
		case 9:
			n = b.Mul(b.Activate(builder.Tanh, q), b.ExpandLike(b.Activate(builder.Tanh, b.Sum(p, 1)), q, 1))
		case 10:
			n = b.Add(q, b.ExpandLike(b.Activate(builder.Tanh, b.Sum(p, 0)), q, 0))
		case 11:
			n = b.Reshape(b.Exp(b.Activate(builder.Tanh, b.Reshape(p, batch*width))), batch, width)
		case 12:
			n = b.Sub(b.Neg(p), b.Greater(p, b.Add(q, b.Number(0.0123)))) // not of what may be equal up to rounding
		case 13:
			n = b.Log(b.Add(b.Exp(b.Activate(builder.Tanh, p)), b.Number(1)))
		}
		nodes = append(nodes, b.Activate(builder.Tanh, n))
	}
	last := nodes[len(nodes)-1]
	loss := b.Sum(b.Square(last))
	t := export.Traced{
		Inputs:  []export.Named{{Name: "x", Node: x}, {Name: "y", Node: y}},
		Outputs: []export.Named{{Name: "result", Node: last}, {Name: "loss", Node: loss}},
	}
	names, parameters := b.Parameters()
	if b.Err() != nil {
		return t, b.Err()
	}
	reached := G.Nodes{}
	var reachedNames []string
	for i, p := range parameters { // only what the loss depends on has a gradient
		if dependsOn(loss, p) {
			reached, reachedNames = append(reached, p), append(reachedNames, names[i])
		}
	}
	grads, err := G.Grad(loss, reached...)
	if err != nil {
		return t, err
	}
	for i, g := range grads {
		t.Outputs = append(t.Outputs, export.Named{Name: "gradient/" + reachedNames[i], Node: g})
	}
	return t, nil
}

func dependsOn(n, leaf *G.Node) bool {
	seen := map[*G.Node]bool{}
	var visit func(n *G.Node) bool
	visit = func(n *G.Node) bool {
		if n == leaf {
			return true
		}
		if seen[n] || (n.Op() != nil && n.Op().String() == "> true") { // nothing flows back through a comparison
			return false
		}
		seen[n] = true
		operands, err := exprgraph.Operands(n)
		if err != nil {
			panic(err)
		}
		for _, c := range operands {
			if visit(c) {
				return true
			}
		}
		return false
	}
	return visit(n)
}
