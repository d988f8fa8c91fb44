package gradcheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func newParams(t *testing.T, dtype tensor.Dtype) *builder.Params {
	t.Helper()
	p, err := builder.NewParams(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func row(x ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(1, len(x)), tensor.WithBacking(x))
}

// squared is Σ (tau x w)², whose gradients are known for x, w and the scalar tau.
func squared(b *builder.Graph) *G.Node {
	return b.Sum(b.Square(b.Mul(b.MatMul(b.Input("x", 1, 2), b.Parameter("w", builder.HeNormal, 2, 3)), b.Input("tau"))))
}

// Right gradients pass, of parameters and of named inputs, scalars among them, and nothing is changed by the check.
func TestRightGradientsPass(t *testing.T) {
	p := newParams(t, tensor.Float64)
	x, tau := row(0.5, -2), tensor.New(tensor.FromScalar(0.7))
	inputs := map[string]*tensor.Dense{"x": x, "tau": tau}
	for _, o := range []gradcheck.Options{{}, {Inputs: []string{"x", "tau"}}, {Step: 1e-4, Tolerance: 1e-6}} {
		if err := gradcheck.Check(p, inputs, squared, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if got := x.Data().([]float64); !slices.Equal(got, []float64{0.5, -2}) || tau.Data().(float64) != 0.7 {
		t.Errorf("the inputs are %v and %v after the check", got, tau)
	}
}

// A wrong gradient is reported with the parameter, the index and both values. The wrong one is gorgonia's own, of
// Max: of two equal largest values each gets the whole gradient, where central differences give each a half.
func TestWrongGradientIsReported(t *testing.T) {
	build := func(x *G.Node, b *builder.Graph) *G.Node {
		n, err := G.Max(x)
		if err != nil {
			t.Fatal(err)
		}
		return b.Square(n)
	}
	p := newParams(t, tensor.Float64)
	if err := p.Set("w", []int{2}, []float64{4, 4}); err != nil {
		t.Fatal(err)
	}
	err := gradcheck.Check(p, nil, func(b *builder.Graph) *G.Node { return build(b.Parameter("w", builder.Zeros, 2), b) }, gradcheck.Options{})
	if err == nil || !strings.Contains(err.Error(), "w[0]") || !strings.Contains(err.Error(), "4") {
		t.Errorf("the error is %v, want w[0] and 4", err)
	}
	err = gradcheck.Check(newParams(t, tensor.Float64), map[string]*tensor.Dense{"x": row(4, 4)}, func(b *builder.Graph) *G.Node {
		return build(b.Input("x", 1, 2), b)
	}, gradcheck.Options{Inputs: []string{"x"}})
	if err == nil || !strings.Contains(err.Error(), "x[0]") {
		t.Errorf("the error is %v, want x[0]", err)
	}
}

// What cannot be checked is an error, not a pass and not a panic.
func TestWhatCannotBeChecked(t *testing.T) {
	inputs := map[string]*tensor.Dense{"x": row(1, 2), "tau": tensor.New(tensor.FromScalar(1.0))}
	for name, c := range map[string]struct {
		dtype  tensor.Dtype
		inputs map[string]*tensor.Dense
		build  func(b *builder.Graph) *G.Node
		o      gradcheck.Options
		want   string
	}{
		"float32":        {tensor.Float32, inputs, squared, gradcheck.Options{}, "need tensor.Float64"},
		"no loss":        {tensor.Float64, inputs, func(*builder.Graph) *G.Node { return nil }, gradcheck.Options{}, "not a scalar"},
		"a vector":       {tensor.Float64, inputs, func(b *builder.Graph) *G.Node { return b.Square(b.Parameter("w", builder.Zeros, 2)) }, gradcheck.Options{}, "not a scalar"},
		"a failed graph": {tensor.Float64, inputs, func(b *builder.Graph) *G.Node { return b.Exp(nil) }, gradcheck.Options{}, "nil"},
		"no parameters":  {tensor.Float64, inputs, func(b *builder.Graph) *G.Node { return b.Sum(b.Input("x", 1, 2)) }, gradcheck.Options{}, "no parameters"},
		"no value":       {tensor.Float64, nil, squared, gradcheck.Options{}, "No value bound"},
		"no such input":  {tensor.Float64, inputs, squared, gradcheck.Options{Inputs: []string{"y"}}, `no input "y"`},
		"another type": {
			tensor.Float64, map[string]*tensor.Dense{"x": tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))},
			squared, gradcheck.Options{Inputs: []string{"x"}}, "float32",
		},
		"no gradient": {tensor.Float64, nil, func(b *builder.Graph) *G.Node {
			return b.Sum(b.OneHotArgMax(b.Parameter("w", builder.HeNormal, 1, 3)))
		}, gradcheck.Options{}, "differentiate"},
		"not depended on": {tensor.Float64, nil, func(b *builder.Graph) *G.Node {
			b.Parameter("unused", builder.Zeros, 2)
			return b.Sum(b.Square(b.Parameter("w", builder.HeNormal, 1, 3)))
		}, gradcheck.Options{}, "differentiate"},
	} {
		err := gradcheck.Check(newParams(t, c.dtype), c.inputs, c.build, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line with %q", name, err, c.want)
		}
	}
}

// A layer at batch 1, with respect to its weights and its input.
func ExampleCheck() {
	params, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float64{0.1, -0.4, 2}))
	err = gradcheck.Check(params, map[string]*tensor.Dense{"x": x}, func(b *builder.Graph) *G.Node {
		return b.Sum(b.Square(b.Linear("layer", b.Input("x", 1, 3), 2, builder.GlorotNormal)))
	}, gradcheck.Options{Inputs: []string{"x"}})
	fmt.Println(err)
	// Output: <nil>
}
