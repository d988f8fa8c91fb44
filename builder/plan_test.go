package builder_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network reads a network from a configuration.
func networkOf(t *testing.T, text string) builder.Network {
	t.Helper()
	var c builder.NetworkConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := c.Check("encoder"); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c.Network
}

// plans are networks with rows that fit them.
var plans = []struct {
	config string
	rows   [][]int
}{
	{`{"hidden": [5, 4]}`, [][]int{{7}, {3, 2}, {2, 3, 4}}},
	{`{"kind": "conv", "channels": [3, 4]}`, [][]int{{28, 28}, {3, 32, 32}, {1, 27, 31}, {2, 9, 5}, {1, 1, 1}}},
	{`{"kind": "conv", "channels": [3, 4], "dense": [6, 5], "stride": [1, 2], "kernel": [5, 4]}`, [][]int{{28, 28}, {1, 27, 31}}},
	{`{"kind": "layers", "dimensions": 1, "layers": [{"embedding": {"rows": 5, "width": 3}}, {"dropout": 0.1}]}`, [][]int{{7}}},
	{`{"hidden": [5, 4], "norm": "layer", "activation": "tanh", "dropout": 0.2}`, [][]int{{7}}},
	{`{"kind": "conv", "channels": [3, 4], "kernel": 4, "stride": 3}`, [][]int{{28, 28}, {1, 27, 31}, {3, 10, 11}}},
	{`{"kind": "conv", "channels": [3], "kernel": 5, "padding": 0}`, [][]int{{28, 28}, {1, 27, 31}}},
	{`{"kind": "conv", "channels": [3, 4], "pool": "max", "activation": "tanh"}`, [][]int{{28, 28}, {1, 27, 31}, {3, 11, 13}}},
	{`{"kind": "conv", "channels": [3, 4], "pool": "average", "upsample": "nearest"}`, [][]int{{28, 28}, {1, 27, 31}, {3, 11, 13}}},
	{`{"kind": "conv", "channels": [3, 4], "upsample": "linear", "residual": 1, "norm": "batch", "dense": [6]}`, [][]int{{28, 28}, {1, 27, 31}}},
	{`{"kind": "conv", "channels": [3, 4], "dimensions": 1}`, [][]int{{50}, {3, 41}}},
	{`{"kind": "layers", "layers": [{"dense": 5}, {"norm": "batch"}, {"activation": "relu"}, {"norm": "layer"}, {"dense": {}}]}`, [][]int{{7}, {28, 28}}},
	{`{"kind": "layers", "layers": [{"flatten": {}}, {"dense": 24}, {"reshape": [2, 3, 4]}, {"transpose": [1, 2, 0]}, {"conv": 4}, {"activation": {}}, {"residual": [{"conv": 4}]},
		{"residual": {"layers": [{"conv": {"channels": 6, "stride": 2}}], "shortcut": [{"conv": {"channels": 6, "kernel": 1, "stride": 2}}]}}, {"upsample": 2}, {"conv_transpose": {"channels": 2, "stride": 2}},
		{"pool": "max"}, {"pool": {"kind": "average", "size": 2, "stride": 1}}, {"pool": "global"}]}`, [][]int{{7}, {28, 28}}},
	{`{"kind": "layers", "dimensions": 1, "layers": [{"dense": 20}, {"reshape": [4, 5]}, {"conv": {"channels": 6, "groups": 2, "dilation": 2, "no_bias": true}}]}`, [][]int{{7}}},
}

// A plan says what is built: the same shape of the result, and the same number of weights. Decoders give their rows exactly, odd
// sizes too, with one number a value or with several next to each other.
func TestPlanIsBuilt(t *testing.T) {
	t.Parallel()
	for _, p := range plans {
		n := networkOf(t, p.config)
		for _, row := range p.rows {
			size := 1
			for _, d := range row {
				size *= d
			}
			for _, c := range []struct {
				in   []int
				spec builder.NetworkSpec
			}{
				{row, builder.NetworkSpec{Out: 9, Each: 1}},
				{[]int{9}, builder.NetworkSpec{Out: size, Shape: row, Each: 1}},
				{[]int{3, 4}, builder.NetworkSpec{Out: 2 * size, Shape: row, Each: 2}},
			} {
				c.spec.Activation = builder.ReLU
				what := fmt.Sprintf("%s of %v, shape %v", p.config, c.in, c.spec.Shape)
				lines, err := n.Plan(c.in, c.spec)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				params, b, y := build(t, n, c.in, c.spec)
				if err := b.Err(); err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				weights := 0
				for _, line := range lines {
					weights += line.Weights
				}
				if built := trained(params); weights != built {
					t.Errorf("%s is planned with %d weights, built with %d", what, weights, built)
				}
				if last := lines[len(lines)-1].Output; tensor.Shape(last).TotalSize() != c.spec.Out || y.Shape().TotalSize() != 2*c.spec.Out {
					t.Errorf("%s is planned to give %v, gives %v, wanted %d numbers a row", what, last, y.Shape(), c.spec.Out)
				}
			}
		}
	}
}

// trained counts the numbers of parameters without those of buffers.
func trained(p *builder.Params) (n int) {
	for _, name := range p.Names() {
		if !strings.Contains(name, "running_") {
			n += p.Value(name).Size()
		}
	}
	return n
}

func build(t *testing.T, n builder.Network, in []int, s builder.NetworkSpec) (*builder.Params, *builder.Graph, *G.Node) {
	t.Helper()
	params, err := builder.NewParams(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := builder.New(params)
	return params, b, n.Build(b, b.Input("x", append([]int{2}, in...)...), s)
}

// The pictures of a mirror become as large as they were: 28, 14, 7 and back.
func TestConvPlan(t *testing.T) {
	t.Parallel()
	n := networkOf(t, `{"kind": "conv", "channels": [32, 64], "dense": [256]}`)
	for _, c := range []struct {
		in   []int
		spec builder.NetworkSpec
		want [][]int
	}{
		{[]int{28, 28}, builder.NetworkSpec{Out: 20}, [][]int{{1, 28, 28}, {32, 14, 14}, {32, 14, 14}, {64, 7, 7}, {64, 7, 7}, {256}, {256}, {20}}},
		{[]int{20}, builder.NetworkSpec{Out: 784, Shape: []int{28, 28}}, [][]int{{256}, {256}, {3136}, {64, 7, 7}, {64, 7, 7}, {32, 14, 14}, {32, 14, 14}, {28, 28}}},
		{[]int{20}, builder.NetworkSpec{Out: 6144, Shape: []int{3, 32, 32}, Each: 2}, [][]int{{256}, {256}, {4096}, {64, 8, 8}, {64, 8, 8}, {32, 16, 16}, {32, 16, 16}, {3, 32, 32, 2}}},
		{[]int{20}, builder.NetworkSpec{Out: 837, Shape: []int{1, 27, 31}}, [][]int{{256}, {256}, {3584}, {64, 7, 8}, {64, 7, 8}, {32, 14, 16}, {32, 14, 16}, {1, 27, 31}}},
	} {
		lines, err := n.Plan(c.in, c.spec)
		if err != nil {
			t.Error(err)
			continue
		}
		var got [][]int
		for _, line := range lines {
			got = append(got, line.Output)
		}
		if !slices.EqualFunc(got, c.want, slices.Equal[[]int]) {
			t.Errorf("rows of %v go through %v, want %v", c.in, got, c.want)
		}
	}
	lines, err := n.Plan([]int{28, 28}, builder.NetworkSpec{Out: 20})
	if err != nil || lines[1].Weights != 320 || lines[1].MultiplyAdds != 32*9*14*14 {
		t.Errorf("the first convolution is planned as %+v, %v", lines[1], err)
	}
}
