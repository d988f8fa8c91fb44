package builder_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
)

// A network is written as it was before there were kinds, where its keys tell the kind, and read either way.
func TestNetworkConfig(t *testing.T) {
	for text, want := range map[string]builder.Network{
		`{"hidden": [400]}`:                                 builder.MLP{Hidden: []int{400}},
		`{"kind": "mlp", "hidden": [400, 30]}`:              builder.MLP{Hidden: []int{400, 30}},
		`{"kind": "mlp"}`:                                   builder.MLP{Hidden: []int{7}}, // laid over the present network
		`{"graph": "e.onnx"}`:                               builder.ONNX{Hidden: []int{7}, Graph: "e.onnx"},
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
		`{"kind": "transformer"}`:       "mlp or onnx",
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
