package builder_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gorgonia keeps one node for all whose hashes agree, and hashes leave things out. make_test.go shows that the builder's
// one function for making nodes refuses each of these; here is what it does instead of them.

// SoftMax and LogSoftMax of one node have one hash: the second call returns the first's node. The builder has an op of
// its own for the one, and the softmax is its exponential.
func TestTrapSoftmaxMerge(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 2, 1, 2)
	if must(G.SoftMax(x, 1)) != must(G.LogSoftMax(x, 1)) {
		t.Error("gorgonia no longer merges SoftMax with LogSoftMax: see make.go")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		l := b.LogSoftmax(b.Constant("x", []float64{1, 2}, 1, 2))
		return []*G.Node{l, b.Exp(l)}
	})
	if sum := out[1][0] + out[1][1]; out[0][0] >= 0 || sum < 1-1e-15 || sum > 1+1e-15 {
		t.Errorf("log-softmax %v, softmax %v", out[0], out[1])
	}
}

// Slices whose bounds agree modulo 256 have one hash. The builder has no slices; categorical variables are reshaped.
func TestTrapSliceMerge(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 512), G.WithName("x"))
	if must(G.Slice(x, nil, G.S(0, 256))) != must(G.Slice(x, nil, G.S(256, 512))) {
		t.Error("gorgonia no longer merges slices")
	}
}

// Two inputs of one name and shape are one node. The builder refuses the second.
func TestTrapInputMerge(t *testing.T) {
	g := G.NewGraph()
	a := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("w"))
	if a != G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("w")) {
		t.Error("gorgonia no longer merges inputs of one name")
	}
	b := builder.New(params64(t))
	b.Input("w", 2, 2)
	if b.Constant("w", make([]float64, 4), 2, 2); b.Err() == nil || !strings.Contains(b.Err().Error(), `"w" is taken`) {
		t.Errorf("the builder takes two inputs of one name: %v", b.Err())
	}
}

// Tensor constants are told apart by their printouts, which leave out the middle of long ones: constants of different
// names and values are one. The builder's constants are inputs that have a value.
func TestTrapConstantMerge(t *testing.T) {
	const n = 2000
	zeros, seven := make([]float64, n), make([]float64, n)
	seven[n/2] = 7
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithShape(n), G.WithName("x"))
	first := must(G.HadamardProd(x, G.NewConstant(dense64(zeros, n), G.WithName("zeros"))))
	second := must(G.HadamardProd(x, G.NewConstant(dense64(seven, n), G.WithName("seven"))))
	if first != second {
		t.Error("gorgonia no longer merges long constants: see Graph.Constant")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		two := b.Number(2)
		return []*G.Node{b.Sum(b.Mul(b.Constant("zeros", zeros, n), two)), b.Sum(b.Mul(b.Constant("seven", seven, n), two))}
	})
	if out[0][0] != 0 || out[1][0] != 14 {
		t.Errorf("the builder's constants sum to %g and %g, want 0 and 14", out[0][0], out[1][0])
	}
}

// Two random nodes of one shape are one: noise is an input of the builder's graphs.
func TestTrapRandomMerge(t *testing.T) {
	g := G.NewGraph()
	first, second := G.UniformRandomNode(g, tensor.Float64, 0, 1, 2, 2), G.UniformRandomNode(g, tensor.Float64, 0, 1, 2, 2)
	if first != second {
		t.Error("gorgonia no longer merges random nodes")
	}
}

// Dropouts of one node are one, whatever their probabilities. The builder has none.
func TestTrapDropoutMerge(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 2, 1, 2)
	if must(G.Dropout(x, 0.1)) != must(G.Dropout(x, 0.9)) {
		t.Error("gorgonia no longer merges dropouts")
	}
}
