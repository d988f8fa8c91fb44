package builder_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
)

// Every configuration of networks that makes no sense is refused in one line, with its key, the value and the way out: when it is
// read, when it is checked, or when rows of a shape meet it.
func TestSenselessNetworks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config string
		rows   []int
		want   []string // in the error
	}{
		// kinds and keys
		{`{"kind": "convolution"}`, nil, []string{`"convolution"`, "conv"}},
		{`{"kind": "Conv"}`, nil, []string{`"Conv"`, "did you mean conv?"}},
		{`{"kind": "conv", "chanels": [3]}`, nil, []string{`"chanels"`, "did you mean channels?"}},
		{`{"channels": [3]}`, nil, []string{"mlp", `"channels"`, "kind conv"}},
		{`{"kind": "conv", "channels": 3.5}`, nil, []string{"channels", "number", "[]int"}},
		{`{"kind": "conv", "channels": [3], "kernel": "big"}`, nil, []string{`"big"`, "whole number"}},
		// perceptrons
		{`{"hidden": [0]}`, nil, []string{"encoder.hidden", "0", "use 1 to"}},
		{`{"hidden": [-5]}`, nil, []string{"encoder.hidden", "-5", "use 1 to"}},
		{`{"hidden": [2000000]}`, nil, []string{"encoder.hidden", "2000000", "use 1 to"}},
		{`{"hidden": [1048576, 1048576]}`, nil, []string{"encoder.hidden[1]", "weights", "narrower"}},
		{`{"hidden": [3], "norm": "batchnorm"}`, nil, []string{"encoder.norm", `"batchnorm"`, "batch or layer"}},
		{`{"hidden": [3], "activation": "rellu"}`, nil, []string{"encoder.activation", `"rellu"`, "did you mean relu?"}},
		{`{"hidden": [1], "norm": "layer"}`, []int{7}, []string{"encoder.hidden[0]", "[1]", "wider"}},
		{`{"hidden": [3], "dropout": 1}`, nil, []string{"encoder.dropout", "1", "below 1"}},
		{`{"hidden": [3], "dropout": -0.1}`, nil, []string{"encoder.dropout", "-0.1", "below 1"}},
		// convolutions
		{`{"kind": "conv", "channels": [3], "dropout": 1.5}`, nil, []string{"encoder.dropout", "1.5", "below 1"}},
		{`{"kind": "conv"}`, nil, []string{"encoder.channels are missing", "[32, 64]"}},
		{`{"kind": "conv", "channels": [-3]}`, nil, []string{"encoder.channels", "-3", "use 1 to"}},
		{`{"kind": "conv", "channels": [0]}`, nil, []string{"encoder.channels", "0", "use 1 to"}},
		{`{"kind": "conv", "channels": [70000]}`, nil, []string{"encoder.channels", "70000", "use 1 to"}},
		{`{"kind": "conv", "channels": [3], "kernel": 0}`, nil, []string{"encoder.kernel", "0", "use 1 to"}},
		{`{"kind": "conv", "channels": [3], "kernel": -1}`, nil, []string{"encoder.kernel", "-1", "use 1 to"}},
		{`{"kind": "conv", "channels": [3], "stride": 0}`, nil, []string{"encoder.stride", "0", "use 1 to"}},
		{`{"kind": "conv", "channels": [3], "padding": -1}`, nil, []string{"encoder.padding", "-1", "use 0 to"}},
		{`{"kind": "conv", "channels": [3, 4], "kernel": [3, 3, 3]}`, nil, []string{"encoder.kernel", "3 numbers", "2 levels", "one a level"}},
		{`{"kind": "conv", "channels": [3], "pool": "median"}`, nil, []string{"encoder.pool", `"median"`, "average or max"}},
		{`{"kind": "conv", "channels": [3], "pool": "global"}`, nil, []string{"encoder.pool", `"global"`, "average or max"}},
		{`{"kind": "conv", "channels": [3], "upsample": "bilinear"}`, nil, []string{"encoder.upsample", `"bilinear"`, "linear"}},
		{`{"kind": "conv", "channels": [3], "dimensions": 3}`, nil, []string{"encoder.dimensions", "3", "use 0 to 2"}},
		{`{"kind": "conv", "channels": [3], "residual": -1}`, nil, []string{"encoder.residual", "-1", "use 0 to"}},
		{`{"kind": "conv", "channels": [3], "dense": [0]}`, nil, []string{"encoder.dense", "0", "use 1 to"}},
		{`{"kind": "conv", "channels": [3], "norm": "group"}`, nil, []string{"encoder.norm", `"group"`, "batch or layer"}},
		{`{"kind": "conv", "channels": [3]}`, []int{784}, []string{"encoder.channels", "[784]", "dimensions 1"}},
		{`{"kind": "conv", "channels": [3]}`, []int{2, 3, 8, 8}, []string{"encoder.channels", "[2 3 8 8]"}},
		{`{"kind": "conv", "channels": [3], "dimensions": 1}`, []int{3, 8, 8}, []string{"encoder.dimensions", "[3 8 8]"}},
		{`{"kind": "conv", "channels": [3], "kernel": 9, "padding": 0}`, []int{8, 8}, []string{"encoder.channels[0]", "kernel of 9", "[1 8 8]", "smaller kernel"}},
		{`{"kind": "conv", "channels": [3, 3], "kernel": 5, "padding": 0, "stride": 3}`, []int{8, 8}, []string{"encoder.channels[1]", "kernel of 5", "[3 2 2]"}},
		{`{"kind": "conv", "channels": [3], "pool": "max", "stride": 9}`, []int{8, 8}, []string{"encoder.channels[0]", "[3 8 8]", "kernel"}},
		{`{"kind": "conv", "channels": [4096], "stride": 1}`, []int{3, 256, 256}, []string{"encoder.channels[0]", "[4096 256 256]", "fewer channels"}},
		{`{"kind": "conv", "channels": [6000, 6000]}`, []int{3, 4, 4}, []string{"encoder.channels[1]", "weights", "narrower"}},
		// lists of layers
		{`{"kind": "layers"}`, nil, []string{"encoder.layers is empty", "dense"}},
		{`{"kind": "layers", "layers": []}`, nil, []string{"encoder.layers is empty", "dense"}},
		{`{"kind": "layers", "layers": [{}]}`, nil, []string{"one key", "dense"}},
		{`{"kind": "layers", "layers": [{"dens": 5}]}`, nil, []string{`"dens"`, "did you mean dense?"}},
		{`{"kind": "layers", "layers": [{"attention": 5}]}`, nil, []string{`"attention"`, "use activation, conv"}},
		{`{"kind": "layers", "layers": [{"conv": 5, "activation": "relu"}]}`, nil, []string{"activation and conv", "layers of their own"}},
		{`{"kind": "layers", "layers": [{"conv": {"filters": 5}}]}`, nil, []string{"conv", `"filters"`, "channels"}},
		{`{"kind": "layers", "layers": [{"flatten": {"start": 1}}]}`, nil, []string{"flatten", `"start"`}},
		{`{"kind": "layers", "layers": ["relu"]}`, nil, []string{"one key", "dense"}},
		{`{"kind": "layers", "layers": [{"dense": -5}]}`, nil, []string{"encoder.layers[0]", "width", "-5"}},
		{`{"kind": "layers", "layers": [{"dense": {}}, {"dense": 5}]}`, nil, []string{"encoder.layers[0]", "left out", "give it"}},
		{`{"kind": "layers", "layers": [{"conv": {"channels": 5, "kernel": 0}}]}`, nil, []string{"encoder.layers[0]", "kernel", "0", "use 1 to"}},
		{`{"kind": "layers", "layers": [{"conv": {"channels": -5}}]}`, nil, []string{"encoder.layers[0]", "channels", "-5"}},
		{`{"kind": "layers", "layers": [{"conv_transpose": {"channels": 5, "output_padding": -1}}]}`, nil, []string{"encoder.layers[0]", "output_padding", "-1"}},
		{`{"kind": "layers", "layers": [{"activation": "softsign"}]}`, nil, []string{"encoder.layers[0]", `"softsign"`, "tanh"}},
		{`{"kind": "layers", "layers": [{"norm": "instance"}]}`, nil, []string{"encoder.layers[0]", `"instance"`, "batch or layer"}},
		{`{"kind": "layers", "layers": [{"dropout": 1.5}]}`, nil, []string{"encoder.layers[0]", "rate", "1.5", "below 1"}},
		{`{"kind": "layers", "layers": [{"embedding": 0}]}`, nil, []string{"encoder.layers[0]", "rows", "0", "use 1 to"}},
		{`{"kind": "layers", "layers": [{"embedding": {"rows": 1000, "width": -1}}]}`, nil, []string{"encoder.layers[0]", "width", "-1"}},
		{`{"kind": "layers", "layers": [{"embedding": {"rows": 1000000, "width": 1000}}]}`, []int{5}, []string{"encoder.layers[0]", "weights"}},
		{`{"kind": "layers", "layers": [{"pool": "mean"}]}`, nil, []string{"encoder.layers[0]", `"mean"`, "average"}},
		{`{"kind": "layers", "layers": [{"pool": {"kind": "global", "size": 2}}]}`, nil, []string{"encoder.layers[0]", "global", "leave them out"}},
		{`{"kind": "layers", "layers": [{"upsample": 0}]}`, nil, []string{"encoder.layers[0]", "scale", "0"}},
		{`{"kind": "layers", "layers": [{"upsample": {"scale": 2, "mode": "cubic"}}]}`, nil, []string{"encoder.layers[0]", `"cubic"`, "linear or nearest"}},
		{`{"kind": "layers", "layers": [{"reshape": []}]}`, nil, []string{"encoder.layers[0]", "shape is empty"}},
		{`{"kind": "layers", "layers": [{"reshape": [0, 5]}]}`, nil, []string{"encoder.layers[0]", "shape", "0"}},
		{`{"kind": "layers", "layers": [{"transpose": [0, 0]}]}`, nil, []string{"encoder.layers[0]", "[0 0]", "once"}},
		{`{"kind": "layers", "layers": [{"residual": []}]}`, nil, []string{"encoder.layers[0]", "no layers"}},
		{`{"kind": "layers", "layers": [{"residual": [{"dense": {}}]}]}`, nil, []string{"encoder.layers[0].residual[0]", "left out"}},
		{`{"kind": "layers", "layers": [{"residual": [{"conv": {"channels": 4, "kernel": 0}}]}]}`, nil, []string{"encoder.layers[0].residual[0]", "kernel"}},
		{`{"kind": "layers", "layers": [{"dense": 5}], "dimensions": -1}`, nil, []string{"encoder.dimensions", "-1"}},
		{`{"kind": "layers", "layers": [{"reshape": [64, 7, 7]}]}`, []int{784}, []string{"encoder.layers[0]", "[784]", "[64 7 7]", "3136", "dense layer"}},
		{`{"kind": "layers", "layers": [{"conv": 5}]}`, []int{784}, []string{"encoder.layers[0]", "[784]", "reshape"}},
		{`{"kind": "layers", "layers": [{"pool": "max"}]}`, []int{784}, []string{"encoder.layers[0]", "[784]", "reshape"}},
		{`{"kind": "layers", "layers": [{"upsample": 2}]}`, []int{784}, []string{"encoder.layers[0]", "[784]"}},
		{`{"kind": "layers", "layers": [{"transpose": [1, 0]}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "[1 0]", "[3 8 8]", "3 axes"}},
		{`{"kind": "layers", "layers": [{"conv": {"channels": 4, "kernel": 5, "padding": 0}}]}`, []int{32, 3, 3}, []string{"encoder.layers[0]", "[32 3 3]", "kernel of 5", "smaller kernel"}},
		{`{"kind": "layers", "layers": [{"conv": {"channels": 4, "groups": 2}}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "2 groups", "3 channels"}},
		{`{"kind": "layers", "layers": [{"conv": {"channels": 4, "kernel": [3, 3, 3]}}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "kernel", "[3 3 3]"}},
		{`{"kind": "layers", "layers": [{"conv": {}}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "channels are left out", "decoder"}},
		{`{"kind": "layers", "layers": [{"pool": {"kind": "max", "size": 9}}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "[3 8 8]", "9"}},
		{`{"kind": "layers", "layers": [{"residual": [{"conv": 4}]}]}`, []int{3, 8, 8}, []string{"encoder.layers[0]", "[4 8 8]", "[3 8 8]", "shortcut"}},
		{`{"kind": "layers", "layers": [{"conv": 4}, {"residual": [{"conv": 4}, {"reshape": [5]}]}]}`, []int{3, 8, 8}, []string{"encoder.layers[1].residual[1]", "[4 8 8]", "[5]"}},
		{`{"kind": "layers", "layers": [{"upsample": 1000}]}`, []int{3, 32, 32}, []string{"encoder.layers[0]", "[3 32 32]", "1000"}},
		{`{"kind": "layers", "layers": [{"dense": 1000000}, {"dense": 1000000}]}`, []int{784}, []string{"encoder.layers[0]", "weights"}},
	} {
		err := refusal(c.config, c.rows)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of rows %v: the error is %v, want one line", c.config, c.rows, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s of rows %v: the error is %q, want %q in it", c.config, c.rows, err, want)
			}
		}
	}
}

// A decoder that does not give its rows is refused with both shapes.
func TestSenselessDecoders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config string
		rows   []int
		want   []string
	}{
		{`{"kind": "layers", "layers": [{"dense": 98}, {"reshape": [2, 7, 7]}, {"conv_transpose": {"stride": 2}}]}`, []int{28, 28}, []string{"layers[2]", "[14 14]", "[28 28]", "strides"}},
		{`{"kind": "layers", "layers": [{"dense": 98}, {"reshape": [2, 7, 7]}, {"conv_transpose": {"stride": 2}}]}`, []int{784}, []string{"layers[2]", "[784]"}},
		{`{"kind": "layers", "layers": [{"dense": 98}, {"reshape": [2, 7, 7]}, {"conv_transpose": {"stride": 2, "output_padding": 2}}]}`, []int{14, 14}, []string{"layers[2]", "output padding 2", "stride-1"}},
		{`{"kind": "conv", "channels": [4], "kernel": 1, "stride": 2, "upsample": "nearest"}`, []int{7, 7}, []string{"channels[0]", "kernel of 1", "stride"}},
		{`{"kind": "conv", "channels": [4], "kernel": 1, "stride": 3, "pool": "max"}`, []int{8, 8}, []string{"channels[0]", "kernel of 1", "[8 8]"}},
		{`{"kind": "conv", "channels": [4]}`, []int{784}, []string{"channels", "[784]"}},
	} {
		size := 1
		for _, d := range c.rows {
			size *= d
		}
		var n builder.NetworkConfig
		err := json.Unmarshal([]byte(c.config), &n)
		if err == nil {
			_, err = n.Plan([]int{16}, builder.NetworkSpec{Out: size, Shape: c.rows, Each: 1, Activation: builder.ReLU})
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s for rows %v: the error is %v, want %q in it", c.config, c.rows, err, want)
			}
		}
	}
}

// refusal reads a network, checks it, and plans a model of it for rows of a shape.
func refusal(config string, rows []int) error {
	var n builder.NetworkConfig
	if err := json.Unmarshal([]byte(config), &n); err != nil {
		return err
	}
	m := models()["bernoulli/uniform"]
	m.Encoder = n.Network
	if rows == nil {
		return m.Check()
	}
	if err := m.Check(); err != nil {
		return fmt.Errorf("without rows: %w", err)
	}
	m.Input = rows
	return m.Validate()
}

// Keys of single layers are set by their places; what is no place is an error.
func TestSetPath(t *testing.T) {
	t.Parallel()
	begin := `{"kind": "layers", "layers": [{"conv": 32}, {"residual": [{"conv": 32}, {"activation": "relu"}]}, {"dense": 5}]}`
	for _, c := range []struct{ path, value, want, refused string }{
		{"layers[0].conv.kernel", "5,3", `{"conv":{"channels":32,"kernel":[5,3]}}`, ""},
		{"layers[0].conv", "64", `{"conv":64}`, ""},
		{"layers[0]", `{"pool": "max"}`, `{"pool":"max"}`, ""},
		{"layers[0].dense", "7", `{"dense":7}`, ""},
		{"layers[1].residual[0].conv.stride", "1", `{"residual":[{"conv":{"channels":32,"stride":1}},{"activation":"relu"}]}`, ""},
		{"layers[1].residual[1].activation", "tanh", `{"residual":[{"conv":32},{"activation":"tanh"}]}`, ""},
		{"layers[3].dense", "5", "", "3 layers"},
		{"layers[-1].dense", "5", "", "3 layers"},
		{"layers[x].dense", "5", "", "no place"},
		{"layers.dense", "5", "", "no place"},
		{"layers[0].dense.width", "5", "", "of kind conv"},
		{"layers[0].conv.kernels", "5", "", "did you mean kernel?"},
		{"layers[1].residual[2].conv", "5", "", "2 layers"},
	} {
		var n builder.NetworkConfig
		if err := json.Unmarshal([]byte(begin), &n); err != nil {
			t.Fatal(err)
		}
		err := n.SetPath(c.path, c.value)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s=%s gives %v, want %q", c.path, c.value, err, c.refused)
			}
			continue
		}
		written, jsonErr := json.Marshal(n)
		if err != nil || jsonErr != nil || !strings.Contains(string(written), c.want) {
			t.Errorf("%s=%s gives %s, %v, want %s", c.path, c.value, written, err, c.want)
		}
		var again builder.NetworkConfig
		if err := json.Unmarshal(written, &again); err != nil {
			t.Errorf("%s is not read again: %v", written, err)
		}
	}
	if err := (&builder.NetworkConfig{Network: builder.MLP{}}).SetPath("layers[0]", "{}"); err == nil {
		t.Error("a perceptron has layers")
	}
}
