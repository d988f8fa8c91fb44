package builder_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A network is written as it was before there were kinds, where its keys tell the kind, and read either way.
func TestNetworkConfig(t *testing.T) {
	for text, want := range map[string]builder.Network{
		`{"hidden": [400]}`:                                 builder.MLP{Hidden: []int{400}},
		`{"kind": "mlp", "hidden": [400, 30]}`:              builder.MLP{Hidden: []int{400, 30}},
		`{"kind": "mlp"}`:                                   builder.MLP{Hidden: []int{7}}, // laid over the present network
		`{"graph": "e.onnx"}`:                               builder.ONNX{Hidden: []int{7}, Graph: "e.onnx"},
		`{"hidden": [], "graph": ""}`:                       builder.MLP{Hidden: []int{}},
		`{"Hidden": [3], "Graph": "e.onnx"}`:                builder.ONNX{Hidden: []int{3}, Graph: "e.onnx"},
		`{"hidden": [5], "graph": "e.onnx"}`:                builder.ONNX{Hidden: []int{5}, Graph: "e.onnx"},
		`{"kind": "onnx", "graph": "e.onnx", "output":"y"}`: builder.ONNX{Hidden: []int{7}, Graph: "e.onnx", Output: "y"},
	} {
		c := builder.NetworkConfig{Network: builder.MLP{Hidden: []int{7}}}
		if err := json.Unmarshal([]byte(text), &c); err != nil || !reflect.DeepEqual(c.Network, want) {
			t.Errorf("%s is read as %+v, %v", text, c.Network, err)
			continue
		}
		written, err := json.Marshal(c)
		if err != nil || strings.Contains(string(written), "kind") {
			t.Errorf("%+v is written as %s, %v", want, written, err)
		}
		var again builder.NetworkConfig
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(again.Network, want) {
			t.Errorf("%s is read as %+v, %v", written, again.Network, err)
		}
	}
	for text, want := range map[string]string{
		`{"kind": "transformer"}`:       "residual or rq",
		`{"kind": "cov"}`:               "did you mean conv?",
		`{"kind": 3}`:                   "kind",
		`{"channels": [32]}`:            "channels",
		`{"hidden": "wide"}`:            "hidden",
		`{"kind": "mlp", "graph": "x"}`: "graph",
		`[400]`:                         "array",
	} {
		var c builder.NetworkConfig
		if err := json.Unmarshal([]byte(text), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want an error with %q", text, err, want)
		}
	}
}

// Single keys are set in any order, on a configuration without a network too, and a network that somebody else wrote is left
// alone.
func TestNetworkKeys(t *testing.T) {
	text := func(s string) func(reflect.Value) error {
		return func(field reflect.Value) error { field.SetString(s); return nil }
	}
	var c builder.NetworkConfig
	for _, step := range []struct {
		key, value string
		want       builder.Network
	}{
		{"output", "y", builder.ONNX{Output: "y"}},
		{"graph", "e.onnx", builder.ONNX{Graph: "e.onnx", Output: "y"}},
		{"graph", "", builder.MLP{}},
	} {
		if err := c.SetKey(step.key, text(step.value)); err != nil || !reflect.DeepEqual(c.Network, step.want) {
			t.Errorf("%s=%s gives %+v, %v, want %+v", step.key, step.value, c.Network, err, step.want)
		}
	}
	for _, n := range []builder.Network{&builder.MLP{}, foreign{secret: 1}, word("x")} {
		c.Network = n
		if err := c.SetKey("hidden", text("x")); err == nil {
			t.Errorf("a key of %T was set", n)
		}
	}
}

// foreign and word are networks of another package's.
type (
	foreign struct {
		builder.MLP
		secret int
	}
	word string
)

func (word) Kind() string                                                     { return "word" }
func (word) Check(string) error                                               { return nil }
func (word) Plan([]int, builder.NetworkSpec) ([]builder.Layer, error)         { return nil, nil }
func (word) Build(b *builder.Graph, x *G.Node, _ builder.NetworkSpec) *G.Node { return x }

// The last layer's bias starts from the specification's numbers; without them from zero, as ever.
func TestInitialBias(t *testing.T) {
	t.Parallel()
	for _, bias := range [][]float64{nil, {0.5, -1.5}} {
		params, err := builder.NewParams(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := builder.New(params)
		builder.MLP{Hidden: []int{3}}.Build(b, b.Input("x", 2, 4), builder.NetworkSpec{Out: 2, Activation: builder.ReLU, Each: 1, Bias: bias})
		if err := b.Err(); err != nil {
			t.Fatal(err)
		}
		want := []float64{0, 0}
		copy(want, bias)
		if got := params.Value("logits/bias").Data(); !reflect.DeepEqual(got, want) {
			t.Errorf("the bias begins as %v, want %v", got, want)
		}
	}
}
