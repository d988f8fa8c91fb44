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

// layerKinds are the kinds of layers by the names that configurations use, one row each. A kind's type has its keys as
// fields. Where a configuration gives a plain value in place of an object, {"dense": 256}, it is that of the key short.
var layerKinds = map[string]struct {
	zero  LayerKind
	short string
	doc   string
}{
	"activation":     {ActivationLayer{}, "name", "a function of each number"},
	"conv":           {ConvLayer{}, "channels", "a convolution"},
	"conv_transpose": {ConvTransposeLayer{}, "channels", "a transposed convolution, which makes pictures larger"},
	"dense":          {DenseLayer{}, "width", "every number of the result sees every number of the row, which is flattened"},
	"dropout":        {DropoutLayer{}, "rate", "sets numbers to zero by chance in training, and nothing elsewhere"},
	"embedding":      {EmbeddingLayer{}, "rows", "makes each whole number of the row a list of numbers, a row of a table that is trained"},
	"flatten":        {FlattenLayer{}, "", "makes the row a list of numbers"},
	"norm":           {NormLayer{}, "kind", "normalises rows, with a scale and a shift that are trained"},
	"pool":           {PoolLayer{}, "kind", "one number for each window of a picture"},
	"reshape":        {ReshapeLayer{}, "shape", "gives the row another shape of the same size"},
	"residual":       {ResidualLayer{}, "layers", "the sum of a row and of what layers make of it"},
	"transpose":      {TransposeLayer{}, "axes", "puts the row's axes in another order"},
	"upsample":       {UpsampleLayer{}, "scale", "makes pictures larger by whole numbers"},
}

// A LayerKind is a layer as plain data: [ConvLayer], [DenseLayer] and the others of the table. Rows come and go without the
// batch in their shapes.
type LayerKind interface {
	// check reports the first thing wrong, whatever rows come in.
	check() error
	// plan returns a line a layer for rows of shape in; the last has the shape of the result. s says what the whole network
	// is to give, for layers that leave their size out.
	plan(in []int, s NetworkSpec) ([]Layer, error)
	// build makes the layer of x [batch, ...]. Weights are drawn with init.
	build(b *Graph, x *G.Node, s NetworkSpec, init Init) *G.Node
	// String is the layer in few words, for tables.
	String() string
}

// An ender is a layer that takes its size from what the network is to give, where its own is left out.
type ender interface{ ends() bool }

// LayerKinds returns the names of all kinds of layers, sorted.
func LayerKinds() []string { return slices.Sorted(maps.Keys(layerKinds)) }

// NewLayer returns a layer of a kind with all its keys at zero, the key that a plain value stands for, and what the kind is.
func NewLayer(kind string) (layer LayerKind, short, doc string, err error) {
	row, ok := layerKinds[kind]
	if !ok {
		return nil, "", "", unknownLayer(kind)
	}
	return row.zero, row.short, row.doc, nil
}

func unknownLayer(kind string) error {
	return fmt.Errorf("a layer of kind %q: %s", kind, suggest(kind, LayerKinds()))
}

// A LayerSpec is a layer as a configuration has it: an object with one key, its kind.
type LayerSpec struct{ LayerKind }

// Kind returns the layer's name in configurations, "" for none.
func (l LayerSpec) Kind() string {
	for kind, row := range layerKinds {
		if reflect.TypeOf(row.zero) == reflect.TypeOf(l.LayerKind) {
			return kind
		}
	}
	return ""
}

// MarshalJSON writes the object, with a plain value where it says all.
func (l LayerSpec) MarshalJSON() ([]byte, error) {
	kind := l.Kind()
	if kind == "" {
		return nil, fmt.Errorf("builder: a layer of type %T: use one of this package's", l.LayerKind)
	}
	value, err := json.Marshal(l.LayerKind)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if short := layerKinds[kind].short; json.Unmarshal(value, &keys) == nil && len(keys) == 1 && keys[short] != nil {
		value = keys[short]
	}
	return json.Marshal(map[string]json.RawMessage{kind: value})
}

// UnmarshalJSON reads the object.
func (l *LayerSpec) UnmarshalJSON(data []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil || len(keys) != 1 {
		names := slices.Sorted(maps.Keys(keys))
		if len(names) == 0 {
			return fmt.Errorf("a layer is an object with one key, its kind, such as {\"dense\": 256}: use %s", strings.Join(LayerKinds(), ", "))
		}
		return fmt.Errorf("a layer has the kinds %s: it has one: make the others layers of their own", strings.Join(names, " and "))
	}
	for kind, value := range keys {
		row, ok := layerKinds[kind]
		if !ok {
			return unknownLayer(kind)
		}
		value = bytes.TrimSpace(value)
		if object := bytes.HasPrefix(value, []byte("{")); !object && row.short != "" && !bytes.Equal(value, []byte("null")) {
			value = slices.Concat([]byte(`{"`+row.short+`":`), value, []byte("}"))
		} else if !object {
			value = []byte("{}") // {"flatten": true}
		}
		into := reflect.New(reflect.TypeOf(row.zero))
		if err := decodeStrictly(value, into.Interface(), networkKeys(row.zero)); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		l.LayerKind = into.Elem().Interface().(LayerKind)
	}
	return nil
}

// Sizes is a list of whole numbers which a configuration may write as one: 3 is [3].
type Sizes []int

// UnmarshalJSON reads a number or a list of numbers.
func (s *Sizes) UnmarshalJSON(data []byte) error {
	var one int
	if json.Unmarshal(data, &one) == nil && !bytes.Equal(data, []byte("null")) {
		*s = Sizes{one}
		return nil
	}
	var list []int
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("%s is neither a whole number nor a list of them", data)
	}
	*s = list
	return nil
}

// MarshalJSON writes a list of one number as the number.
func (s Sizes) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]int(s))
}

// between reports a number of a key that is out of its range.
func between(key string, least, most int, values ...int) error {
	for _, v := range values {
		if v < least || v > most {
			return fmt.Errorf("%s is %d: use %d to %d", key, v, least, most)
		}
	}
	return nil
}
