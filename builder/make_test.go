package builder

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The one function that makes nodes refuses what gorgonia merges, and takes what it only seems to.
func TestMakeNoticesMerging(t *testing.T) {
	type ask struct {
		want  string
		build func(x *G.Node) (*G.Node, error)
	}
	slice := func(from, to int) func(x *G.Node) (*G.Node, error) {
		return func(x *G.Node) (*G.Node, error) { return G.Slice(x, G.S(from, to)) }
	}
	for name, c := range map[string]struct {
		first, second ask
		refused       string
	}{
		"softmax and log-softmax": {
			ask{"*gorgonia.softmaxOp Softmax{1, false}()", func(x *G.Node) (*G.Node, error) { return G.SoftMax(x, 1) }},
			ask{"*gorgonia.softmaxOp Softmax{1, true}()", func(x *G.Node) (*G.Node, error) { return G.LogSoftMax(x, 1) }},
			"Softmax{1, true}() was merged with the older node",
		},
		"slices modulo 256": {
			ask{"*gorgonia.sliceOp T[0:256:1...]", slice(0, 256)},
			ask{"*gorgonia.sliceOp T[256:512:1...]", slice(256, 512)},
			"T[256:512:1...] was merged with the older node",
		},
		"comparisons that return numbers and booleans": { // one op hash, but the nodes' types are hashed too
			ask{"gorgonia.elemBinOp > true", func(x *G.Node) (*G.Node, error) { return G.Gt(x, G.NewConstant(1.0), true) }},
			ask{"gorgonia.elemBinOp > false", func(x *G.Node) (*G.Node, error) { return G.Gt(x, G.NewConstant(1.0), false) }},
			"",
		},
		"one node asked for twice": {
			ask{"gorgonia.elemUnaryOp exp", G.Exp}, ask{"gorgonia.elemUnaryOp exp", G.Exp}, "",
		},
	} {
		p, err := NewParams(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := New(p)
		x := b.Input("x", 512, 2)
		children := []*G.Node{x}
		if strings.Contains(c.first.want, "> ") {
			children = append(children, b.Number(1))
		}
		for _, a := range []ask{c.first, c.second} {
			b.make(a.want, func() (*G.Node, error) { return a.build(x) }, children...)
		}
		switch err := b.Err(); {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: the error is %v, want %q", name, err, c.refused)
		}
	}
}

// Tensor constants of gorgonia's are refused from the first on: which one a node got cannot be told once they merge.
func TestMakeRefusesTensorConstants(t *testing.T) {
	p, err := NewParams(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := New(p)
	b.Mul(b.Input("x", 2), G.NewConstant(dense(tensor.Float64, []float64{1, 2}, []int{2})))
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "other operands") {
		t.Errorf("the error is %v", err)
	}
}
