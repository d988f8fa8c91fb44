package export

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/tensor"
)

// An emitter builds the ONNX graph node by node. Lowerings see it as the writer of one gorgonia node: they ask for
// operands by index and add ONNX nodes, which the emitter names.
type emitter struct {
	graph     *onnxpb.GraphProto
	axis      string            // name of the batch axis
	prefix    string            // of names that belong to no part of the model
	float     tensor.Dtype      // the float type of the graph
	names     map[*node]string  // the value that each lowered node became
	scopes    map[*node]string  // the part of the model it belongs to, with a final slash
	taken     map[string]int    // names in use
	constants map[string]string // initialisers of attributes by their content
	shapes    map[string][]dim  // shapes of values where they are known
	batch     string            // a value of shape [1] that holds the batch size, once somebody asked
	source    *node             // an input with the batch, or a multiple of it, as a dimension
	scope     string            // of the node being lowered
	drawn     bool              // leaves may differ between the traces
}

func newEmitter(axis, prefix string) *emitter {
	return &emitter{
		graph: &onnxpb.GraphProto{}, axis: axis, prefix: prefix, scope: prefix,
		names: map[*node]string{}, scopes: map[*node]string{}, taken: map[string]int{},
		constants: map[string]string{}, shapes: map[string][]dim{},
	}
}

// unique reserves a name, with a number behind it where it is taken.
func (e *emitter) unique(name string) string {
	e.taken[name]++
	if k := e.taken[name]; k > 1 {
		return e.unique(fmt.Sprintf("%s_%d", name, k))
	}
	return name
}

// Node adds a node of the default domain and returns the name of its output, which is the node's own.
func (e *emitter) Node(op string, attributes map[string]any, inputs ...string) string {
	return e.Several(1, op, attributes, inputs...)[0]
}

// Several is Node for a node of several outputs. The first has the node's name, the others one with their number behind it.
func (e *emitter) Several(outputs int, op string, attributes map[string]any, inputs ...string) []string {
	name := e.unique(e.scope + op)
	names := []string{name}
	for i := 1; i < outputs; i++ {
		names = append(names, e.unique(fmt.Sprintf("%s_output_%d", name, i+1)))
	}
	n := &onnxpb.NodeProto{
		Name: proto.String(name), OpType: proto.String(op), Input: inputs, Output: names,
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		n.Attribute = append(n.Attribute, attribute(key, attributes[key]))
	}
	e.graph.Node = append(e.graph.Node, n)
	switch {
	case onnxop.Has(op, onnxop.Pointwise):
		if shape, ok := e.broadcast(inputs); ok {
			e.shapes[name] = shape
		}
	case op == "Unsqueeze":
		if shape, ok := e.unsqueezed(inputs[0], inputs[1]); ok {
			e.shapes[name] = shape
		}
	}
	return names
}

// unsqueezed returns the shape of a value after an Unsqueeze at axes that are an initialiser, ascending and from 0.
func (e *emitter) unsqueezed(value, axes string) (shape []dim, ok bool) {
	shape, known := e.shapes[value]
	i := slices.IndexFunc(e.graph.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == axes })
	if !known || i < 0 {
		return nil, false
	}
	shape = slices.Clone(shape)
	for raw := e.graph.Initializer[i].RawData; len(raw) >= 8; raw = raw[8:] {
		at := int64(binary.LittleEndian.Uint64(raw))
		if at < 0 || at > int64(len(shape)) {
			return nil, false
		}
		shape = slices.Insert(shape, int(at), dim{n: 1})
	}
	return shape, true
}

func attribute(name string, value any) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: proto.String(name)}
	switch v := value.(type) {
	case int64:
		a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(v)
	case float32:
		a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
	case string:
		a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
	case []int64:
		a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
	default:
		panic(fmt.Sprintf("export: attribute %q has type %T: use int64, float32, string or []int64", name, value))
	}
	return a
}

// Ints adds a one-dimensional int64 initialiser. Equal ones are one.
func (e *emitter) Ints(values ...int64) string {
	return e.constant("ints", onnxpb.TensorProto_INT64, []int64{int64(len(values))}, values)
}

// Numbers adds an initialiser of the graph's float type; no shape means a scalar.
func (e *emitter) Numbers(values []float64, shape ...int64) string {
	if e.float == tensor.Float64 {
		return e.constant("number", onnxpb.TensorProto_DOUBLE, shape, values)
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return e.constant("number", onnxpb.TensorProto_FLOAT, shape, narrow)
}

// DType returns the graph's float type as ONNX numbers it.
func (e *emitter) DType() int64 { return int64(onnxType(e.float)) }

// constant adds an initialiser for an attribute, named after its value where that is short.
func (e *emitter) constant(what string, dtype onnxpb.TensorProto_DataType, shape []int64, data any) string {
	raw := littleEndian(data)
	key := fmt.Sprint(dtype, shape, raw)
	if name, ok := e.constants[key]; ok {
		return name
	}
	text := strings.NewReplacer(" ", ",", "[", "", "]", "").Replace(fmt.Sprint(data))
	if len(text) > 24 {
		text = text[:20] + "…"
	}
	name := e.unique(e.prefix + "constants/" + what + "/" + text)
	e.initialiser(name, dtype, shape, raw)
	e.constants[key] = name
	return name
}

func (e *emitter) initialiser(name string, dtype onnxpb.TensorProto_DataType, shape []int64, raw []byte) {
	e.graph.Initializer = append(e.graph.Initializer, &onnxpb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(dtype)), Dims: shape, RawData: raw,
	})
	dims := make([]dim, len(shape))
	for i, d := range shape {
		dims[i] = dim{n: d}
	}
	e.shapes[name] = dims
}

func littleEndian(data any) []byte {
	var buf bytes.Buffer
	if err := binary.Write(&buf, binary.LittleEndian, data); err != nil {
		panic(err) // slices of numbers only: see contentOf
	}
	return buf.Bytes()
}

// in returns the value of a node's i-th operand.
func (e *emitter) in(n *node, i int) string { return e.names[n.in[i]] }

// shapeValue returns a one-dimensional int64 value that holds a shape: an initialiser where nothing varies.
func (e *emitter) shapeValue(shape []dim) (string, error) {
	if sizes, varying := static(shape); varying == 0 {
		return e.Ints(sizes...), nil
	}
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = e.Ints(d.n)
		if d.byBatch {
			size, err := e.batchSize()
			if err != nil {
				return "", err
			}
			parts[i] = size
			if d.n != 1 {
				parts[i] = e.Node("Mul", nil, size, e.Ints(d.n))
			}
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return e.Node("Concat", map[string]any{"axis": int64(0)}, parts...), nil
}

// batchSize returns a value of shape [1] that holds the batch size, read off an input's shape.
func (e *emitter) batchSize() (string, error) {
	if e.batch != "" {
		return e.batch, nil
	}
	if e.source == nil {
		return "", fmt.Errorf("export: a shape varies with the batch, but no input has the batch as a dimension")
	}
	axis := batches(e.source.shape)
	e.batch = e.Node("Shape", map[string]any{"start": int64(axis), "end": int64(axis + 1)}, e.names[e.source])
	if n := e.source.shape[axis].n; n != 1 {
		e.batch = e.Node("Div", nil, e.batch, e.Ints(n))
	}
	return e.batch, nil
}

// batches returns the first axis that is the batch, else the first that is a multiple of it, else -1.
func batches(shape []dim) int {
	if axis := slices.Index(shape, dim{n: 1, byBatch: true}); axis >= 0 {
		return axis
	}
	return slices.IndexFunc(shape, func(d dim) bool { return d.byBatch })
}

// reshape gives a value another shape. One dimension at most may vary, or the shape is computed.
func (e *emitter) reshape(value string, to []dim) (string, error) {
	sizes, varying := static(to)
	if varying <= 1 {
		return e.Node("Reshape", nil, value, e.Ints(sizes...)), nil
	}
	shape, err := e.shapeValue(to)
	if err != nil {
		return "", err
	}
	return e.Node("Reshape", nil, value, shape), nil
}

// onnxType returns ONNX's number for an element type, 0 for one that has none here.
func onnxType(d tensor.Dtype) onnxpb.TensorProto_DataType {
	switch d {
	case tensor.Float32:
		return onnxpb.TensorProto_FLOAT
	case tensor.Float64:
		return onnxpb.TensorProto_DOUBLE
	case tensor.Int64, tensor.Int:
		return onnxpb.TensorProto_INT64
	case tensor.Int32:
		return onnxpb.TensorProto_INT32
	case tensor.Uint8:
		return onnxpb.TensorProto_UINT8
	case tensor.Bool:
		return onnxpb.TensorProto_BOOL
	}
	return onnxpb.TensorProto_UNDEFINED
}

func int64s(s []int) []int64 {
	r := make([]int64, len(s))
	for i, v := range s {
		r[i] = int64(v)
	}
	return r
}
