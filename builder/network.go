package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
)

// networks are the kinds of networks by the names that configurations use: one row each, the zero value of its type. The
// fields of the type are the configuration's keys.
var networks = map[string]Network{
	"additive":      Additive{},
	"conv":          Conv{},
	"hyperplanes":   Hyperplanes{},
	"itq":           ITQ{},
	"layers":        Layers{},
	"least_squares": LeastSquares{},
	"mlp":           MLP{},
	"onnx":          ONNX{},
	"pca":           PCA{},
	"residual":      Residual{},
	"rq":            RQ{},
}

// A Network is an encoder or a decoder: plain data that says how it is built. Your own type can be a [Model]'s network;
// configurations find it by name once it has a row in the table.
type Network interface {
	// Kind is the network's name in configurations.
	Kind() string
	// Check reports the first thing wrong with the network. Names of keys begin with part: "encoder" or "decoder".
	Check(part string) error
	// Plan returns the network's layers, in order, for rows of shape in: the last gives what s asks for. It is empty where
	// only building the network tells. What does not fit is an error that begins with its key: "hidden[1]: …".
	Plan(in []int, s NetworkSpec) ([]Layer, error)
	// Build makes the network of x [batch, ...], rows or codes in their own shape. The result has the batch as its first
	// dimension and s.Out numbers a row, in any shape. It does the same at every batch size, names its parameters through
	// [Graph.Parameter], and reports errors by [Graph.Fail].
	Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node
}

// A NetworkSpec is what a model asks of a network.
//
// The numbers of a decoder's result are in the order [Shape..., Each]: those of one value lie next to each other.
type NetworkSpec struct {
	Out        int        // numbers a row of the result
	Activation Activation // between layers
	Shape      []int      // of the row that the result stands for, such as [3, 32, 32] or [28, 28]; nil for logits
	Each       int        // numbers a value of that row, the likelihood's Outputs; 1 for logits
	Bias       []float64  // initial bias of the last layer, Out numbers; nil for zeros
	Categories int        // of each variable whose logits the result is; 0 where it is no such
}

// NetworkKinds returns the names of all kinds of networks, sorted.
func NetworkKinds() []string { return slices.Sorted(maps.Keys(networks)) }

// NewNetwork returns the network of a kind with all its keys at zero.
func NewNetwork(kind string) (Network, error) {
	if n, ok := networks[kind]; ok {
		return n, nil
	}
	return nil, fmt.Errorf("a network of kind %q: %s", kind, suggest(kind, NetworkKinds()))
}

// NetworkConfig is a network as a configuration has it: an object with the network's keys and its "kind". The kind is left
// out where the keys tell it, as in files written before kinds existed: with a "graph" it is onnx, otherwise mlp.
type NetworkConfig struct{ Network }

// kindOf returns the kind that an object without one is of: onnx where it names a graph.
func kindOf(graph bool) string {
	if graph {
		return ONNX{}.Kind()
	}
	return MLP{}.Kind()
}

// onnxKeys are the keys that only networks of kind onnx have.
var onnxKeys = []string{"graph", "output", "gives"}

// told reports whether the kind of a network follows from its keys.
func (c NetworkConfig) told() bool {
	return c.Kind() == kindOf(false) || c.Kind() == kindOf(true)
}

// MarshalJSON writes the kind, where the keys do not tell it, and then the keys.
func (c NetworkConfig) MarshalJSON() ([]byte, error) {
	if c.Network == nil {
		return []byte("null"), nil
	}
	data, err := json.Marshal(c.Network)
	if err != nil || c.told() {
		return data, err
	}
	kind, err := json.Marshal(c.Kind())
	if err != nil {
		return nil, err
	}
	head := append([]byte(`{"kind":`), kind...)
	if rest := bytes.TrimPrefix(data, []byte("{")); !bytes.Equal(rest, []byte("}")) {
		head = append(head, ',')
	}
	return append(head, bytes.TrimPrefix(data, []byte("{"))...), nil
}

// UnmarshalJSON changes the network by an object. Keys that the object leaves out keep their values if the kind stays
// the same. A key that the kind does not have is an error.
func (c *NetworkConfig) UnmarshalJSON(data []byte) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	keys := map[string]json.RawMessage{} // in lower case, as encoding/json reads them
	for name, value := range given {
		keys[strings.ToLower(name)] = value
	}
	graph := ""
	if text, ok := keys["graph"]; ok {
		if err := json.Unmarshal(text, &graph); err != nil {
			return fmt.Errorf("graph: %w", err)
		}
	}
	kind := kindOf(graph != "")
	if text, ok := keys["kind"]; ok {
		if err := json.Unmarshal(text, &kind); err != nil {
			return fmt.Errorf("kind: %w", err)
		}
		delete(keys, "kind")
	}
	if kind == kindOf(false) && graph == "" { // as files were written before there were kinds
		for _, key := range onnxKeys {
			if text := string(keys[key]); text == `""` {
				delete(keys, key)
			}
		}
	}
	if err := c.SetKind(kind); err != nil {
		return err
	}
	rest, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	into := c.fields()
	if err := decodeStrictly(rest, into.Interface(), networkKeys(c.Network)); err != nil {
		return fmt.Errorf("network of kind %s: %w", kind, err)
	}
	c.Network = into.Elem().Interface().(Network)
	return nil
}

// SetKind changes the network's kind. A network that is of this kind already keeps its keys; otherwise they are zero.
func (c *NetworkConfig) SetKind(kind string) error {
	if c.Network != nil && c.Kind() == kind {
		return nil
	}
	n, err := NewNetwork(kind)
	if err != nil {
		return err
	}
	if n.Kind() == (ONNX{}).Kind() {
		c.Import(ONNX{})
		return nil
	}
	c.Network = n
	return nil
}

// SetKey changes one key of the network: it calls assign with the field. The keys of an ONNX graph make the network one of
// kind onnx, in any order; an empty graph makes it a perceptron again.
func (c *NetworkConfig) SetKey(key string, assign func(field reflect.Value) error) error {
	if c.Network == nil {
		c.Network = MLP{}
	}
	if _, ok := c.Network.(MLP); ok && slices.Contains(onnxKeys, key) {
		if err := c.SetKind(ONNX{}.Kind()); err != nil {
			return err
		}
	}
	into := c.fields()
	for i := 0; into.Elem().Kind() == reflect.Struct && i < into.Elem().NumField(); i++ {
		if jsonName(into.Elem().Type().Field(i)) == key {
			if err := assign(into.Elem().Field(i)); err != nil {
				return err
			}
			c.Network = into.Elem().Interface().(Network)
			if o, ok := c.Network.(ONNX); ok && key == "graph" && o.Graph == "" {
				c.Network = MLP{Hidden: o.Hidden}
			}
			return nil
		}
	}
	return fmt.Errorf("a network of kind %s has no key %q, it has %s%s: set its kind first", c.Kind(), key, strings.Join(networkKeys(c.Network), ", "), otherKinds(key))
}

// Import makes the network one of an ONNX file.
func (c *NetworkConfig) Import(o ONNX) {
	if p, ok := c.Network.(MLP); ok { // the graph replaces it, and configurations have always kept its widths
		o.Hidden = p.Hidden
	}
	c.Network = o
}

// fields returns a pointer to a copy of the network.
func (c NetworkConfig) fields() reflect.Value {
	v := reflect.New(reflect.TypeOf(c.Network))
	v.Elem().Set(reflect.ValueOf(c.Network))
	return v
}

// otherKinds says which kinds of networks have a key.
func otherKinds(key string) string {
	var kinds []string
	for _, kind := range NetworkKinds() {
		if slices.Contains(networkKeys(networks[kind]), key) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return "; networks of kind " + strings.Join(kinds, " and ") + " have it"
}

// decodeStrictly reads an object into the fields of a network or of a layer. A key that it does not have is an error, which
// names those that it has.
func decodeStrictly(object []byte, into any, keys []string) error {
	d := json.NewDecoder(bytes.NewReader(object))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	if _, key, ok := strings.Cut(err.Error(), "json: unknown field "); ok {
		if len(keys) == 0 {
			return fmt.Errorf("it has no key %s, nor any other", key)
		}
		return fmt.Errorf("it has no key %s: %s%s", key, suggest(strings.Trim(key, `"`), keys), otherKinds(strings.Trim(key, `"`)))
	}
	return err
}

// networkKeys returns the keys of a network, or of a layer.
func networkKeys(n any) []string {
	var keys []string
	for t, i := reflect.TypeOf(n), 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
		if name := jsonName(t.Field(i)); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// jsonName returns the key of a field, "" where it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

// network builds a network of x and checks that the result has out numbers for each row.
func (b *Graph) network(n Network, x *G.Node, s NetworkSpec) *G.Node {
	if b.err != nil {
		return nil
	}
	if n == nil {
		return b.fail("the model lacks this network: give one, such as MLP{}")
	}
	if s.Bias != nil && len(s.Bias) != s.Out {
		return b.fail("the last layer gives %d numbers a row, its initial bias has %d", s.Out, len(s.Bias))
	}
	return b.checked(n.Build(b, x, s), x, s.Out)
}

// checked returns what a network gives of x, which must have out numbers for each row.
func (b *Graph) checked(y, x *G.Node, out int) *G.Node {
	if b.err == nil && (y == nil || y.Dims() == 0 || y.Shape()[0] != x.Shape()[0] || y.Shape().TotalSize() != x.Shape()[0]*out) {
		return b.fail("the network gives %v for rows of %d numbers, the model wants %d numbers a row", shapes(G.Nodes{y}), x.Shape().TotalSize()/x.Shape()[0], out)
	}
	return y
}
