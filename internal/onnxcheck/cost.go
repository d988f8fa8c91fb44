package onnxcheck

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// onnxruntime cannot be interrupted while it makes a session, and a file of 100 KB can keep it busy for minutes. So what a
// session would cost is estimated first. Measured on one core, onnxruntime 1.29, chains of 1,000 to 20,000 nodes of 30
// kinds:
//
//	40 µs     for each node;
//	70 ns     for each pair of nodes, at worst (v' = v + v; one value that all read; one constant for each node);
//	350 ns    for each pair of a node and a shape that no other value has: memory that is free again is looked through for some
//	          of the same shape (chains of Slice, Concat or Pad);
//	5 ns      for each element that is computed from constants alone, which onnxruntime does while it makes the session.
//
// A training step of this project has some 100 to 400 nodes of 20 to 100 shapes, and counts for 0.05 s.
const (
	nodeCost    = 40e-6
	pairCost    = 70e-9
	shapeCost   = 350e-9
	elementCost = 5e-9
	productCost = 0.1e-9 // for each multiplication and addition of a matrix product
	maxSeconds  = 5
)

// The most elements that one value may have, for a batch of one row, where that is known before a run; and that all nodes
// may have together. Batches are larger, and a run that asks for too much fails.
const (
	maxValue  = 1 << 28
	maxValues = 1 << 32
)

// cost adds up what a graph's nodes ask for. Bodies of Scans count as nodes of the whole.
type cost struct {
	nodes    int
	shapes   map[string]int // by what a shape follows from
	seconds  float64        // of what is computed from constants
	elements float64        // of all results
}

// A size is what is known of a value's shape before a run.
type size struct {
	shape    int       // equal numbers are equal shapes, except 0, of which nothing is known
	rows     int       // the shape that a matrix product's first dimension comes from, 0 for shape itself
	dims     []float64 // nil where they are not known; 1 for one with a name
	count    float64   // of elements, where dims are nil and it was guessed
	constant bool      // it follows from initialisers alone
}

// elements returns the number of elements, 1 where nothing is known.
func (s size) elements() float64 {
	n := max(s.count, 1)
	for _, d := range s.dims {
		n *= d
	}
	return n
}

// shapeOf numbers shapes by what they follow from.
func (c *cost) shapeOf(from string) int {
	if n, ok := c.shapes[from]; ok {
		return n
	}
	n := len(c.shapes) + 1
	c.shapes[from] = n
	return n
}

// given returns the size of an initialiser or an input.
func (c *cost) given(dims []int64, constant bool, axes string) size {
	s := size{shape: c.shapeOf(fmt.Sprint(dims, axes)), dims: make([]float64, len(dims)), constant: constant}
	for i, d := range dims {
		s.dims[i] = float64(d)
	}
	return s
}

// input returns the size of a graph's input.
func (c *cost) input(v *onnxpb.ValueInfoProto) size {
	shape := v.GetType().GetTensorType().GetShape()
	if shape == nil {
		return size{shape: c.shapeOf("input " + v.GetName())}
	}
	var axes strings.Builder
	for _, d := range shape.Dim {
		if _, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); !ok {
			fmt.Fprintf(&axes, "%q ", d.GetDimParam())
		}
	}
	return c.given(fixed(shape), false, axes.String())
}

// checkCost adds a node, and refuses it where it asks for too much.
func (s *scope) checkCost(n *onnxpb.NodeProto) error {
	c := s.cost
	c.nodes++
	var in []size
	constant := len(n.Input) > 0
	for _, name := range n.Input {
		in = append(in, s.sizes[name])
		constant = constant && (name == "" || s.sizes[name].constant)
	}
	out := s.result(n, in)
	out.constant = constant || n.GetOpType() == "Constant"
	if out.constant && out.dims == nil { // what its operands hold, all together
		for _, s := range in {
			out.count += s.elements()
		}
	}
	elements := out.elements() * float64(max(1, len(n.Output)))
	if out.elements() > maxValue {
		return refuse("node %.100q (%.100q) makes %.3g numbers of one row: at most %d are accepted", n.GetName(), n.GetOpType(), out.elements(), maxValue)
	}
	if c.elements += elements; c.elements > maxValues {
		return refuse("its nodes make %.3g numbers of one row: at most %d are accepted", c.elements, int64(maxValues))
	}
	if out.constant {
		c.seconds += elementCost * elements
		c.seconds += productCost * multiplications(n.GetOpType(), in, out)
	}
	for i, name := range n.Output {
		if i > 0 {
			out.shape = c.shapeOf(fmt.Sprintf("%d output %d", out.shape, i))
		}
		s.sizes[name] = out
	}
	nodes, shapes := float64(c.nodes), float64(len(c.shapes))
	if seconds := c.seconds + nodeCost*nodes + pairCost*nodes*nodes + shapeCost*nodes*shapes; seconds > maxSeconds {
		return refuse("its %d nodes or more, of %d shapes, would keep a runtime busy for longer than %d s before the first run", c.nodes, len(c.shapes), maxSeconds)
	}
	return nil
}

// multiplications returns how many of them an operator on constants makes, or more.
func multiplications(op string, in []size, out size) float64 {
	switch {
	case len(in) < 2:
		return 0
	case (op == "MatMul" || op == "Gemm") && len(out.dims) == 2:
		return math.Sqrt(in[0].elements() * in[1].elements() * out.elements()) // (m·k · k·n · m·n)^1/2 = m·k·n
	case op == "MatMul", op == "Gemm", op == "Conv", op == "ConvTranspose", op == "Einsum":
		return in[0].elements() * in[1].elements()
	}
	return 0
}

// keepsShape are operators whose first result has the first operand's shape, and that do not work element by element.
var keepsShape = []string{"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization",
	"ScatterElements", "ScatterND"}

// result says what is known of a node's result.
func (s *scope) result(n *onnxpb.NodeProto, in []size) size {
	c := s.cost
	numbers := func(i int) []float64 { // an operand's, where they are known and all of them are
		if i >= len(n.Input) || len(s.constants[n.Input[i]]) >= maxNumbers {
			return nil
		}
		return s.constants[n.Input[i]]
	}
	switch op := n.GetOpType(); {
	case op == "Constant" && len(n.Attribute) == 1 && n.Attribute[0].T != nil:
		return c.given(n.Attribute[0].T.Dims, true, "")
	case op == "Identity" || op == "Dropout" || op == "Softmax" || op == "LogSoftmax" || slices.Contains(keepsShape, op),
		onnxop.Has(op, onnxop.Pointwise) && len(in) == 1, op == "Clip":
		if len(in) > 0 {
			return in[0]
		}
	case onnxop.Has(op, onnxop.Pointwise):
		return c.broadcast(in)
	case op == "ConstantOfShape" && len(numbers(0)) > 0:
		return c.sized("of", numbers(0))
	case op == "Expand" && len(in) == 2 && len(numbers(1)) > 0:
		return c.broadcast([]size{in[0], c.sized("of", numbers(1))})
	case op == "Tile" && len(in) == 2 && len(numbers(1)) == len(in[0].dims):
		dims := make([]float64, len(in[0].dims))
		for i, times := range numbers(1) {
			dims[i] = in[0].dims[i] * max(times, 1)
		}
		return c.sized("of", dims)
	case (op == "Resize" || op == "Upsample") && len(in) > 1 && in[0].dims != nil:
		sizes, at := numbers(3), 2
		if len(in) == 2 { // before opset 11
			at = 1
		}
		if scales := numbers(at); sizes == nil && len(scales) == len(in[0].dims) {
			for i, by := range scales {
				sizes = append(sizes, math.Floor(in[0].dims[i]*by))
			}
		}
		if len(sizes) == len(in[0].dims) {
			return c.sized("of", sizes)
		}
	case op == "Range" && len(numbers(0)) == 1 && len(numbers(1)) == 1 && len(numbers(2)) == 1:
		return c.sized("of", []float64{math.Ceil((numbers(1)[0] - numbers(0)[0]) / numbers(2)[0])})
	case op == "MatMul" && len(in) == 2 || op == "Gemm" && len(in) > 1:
		if len(in[0].dims) == 2 && len(in[1].dims) == 2 {
			return c.product(n, in)
		}
	case op == "Reshape" && len(in) == 2 && len(numbers(1)) > 0 && in[0].dims != nil:
		out := c.derived(n, in)
		out.dims = reshaped(in[0].elements(), in[0].dims, numbers(1))
		return out
	case op == "Transpose" && len(in) == 1 && len(in[0].dims) == 2:
		out := c.derived(n, in)
		out.dims = []float64{in[0].dims[1], in[0].dims[0]}
		return out
	}
	return c.derived(n, in)
}

// product returns the size of a matrix product. Layers of one width have one shape, however many there are.
func (c *cost) product(n *onnxpb.NodeProto, in []size) size {
	turned := map[string]bool{}
	for _, a := range n.Attribute {
		turned[a.GetName()] = a.GetI() != 0
	}
	out := size{rows: in[0].rows, dims: []float64{in[0].dims[0], in[1].dims[1]}}
	if out.rows == 0 {
		out.rows = in[0].shape
	}
	if turned["transA"] {
		out.rows, out.dims[0] = c.shapeOf(fmt.Sprint("turned ", in[0].shape)), in[0].dims[1]
	}
	if turned["transB"] {
		out.dims[1] = in[1].dims[0]
	}
	from := fmt.Sprint(out.rows, " by ", out.dims[1])
	if !in[1].constant {
		from = fmt.Sprint(out.rows, " by ", in[1].shape, turned["transB"])
	}
	out.shape = c.shapeOf(from)
	return out
}

// sized returns the size of known dimensions.
func (c *cost) sized(kind string, dims []float64) size {
	d := make([]float64, len(dims))
	for i := range dims {
		d[i] = max(dims[i], 0)
		if !(d[i] <= math.MaxInt64) {
			d[i] = 0 // no number: the runtime refuses it
		}
	}
	return size{shape: c.shapeOf(fmt.Sprint(kind, d)), dims: d}
}

// derived returns the size of a result of which nothing is known but what it follows from: the operator, its attributes, and
// its operands. Two nodes that are alike in these have results of one shape.
func (c *cost) derived(n *onnxpb.NodeProto, in []size) size {
	facts, known := onnxop.Lookup(n.GetOpType())
	var from strings.Builder
	from.WriteString(n.GetOpType())
	for i, s := range in {
		fmt.Fprintf(&from, " %d", s.shape)
		if !known || slices.Contains(facts.Shaping, i) { // the shape follows from its numbers, too
			fmt.Fprintf(&from, "=%q", n.Input[i])
		}
	}
	for _, a := range n.Attribute {
		if a.G == nil && a.T == nil && proto.Size(a) < 1<<10 {
			fmt.Fprintf(&from, " %q=%d%g%v%q", a.GetName(), a.GetI(), a.GetF(), a.Ints, a.S)
		}
	}
	return size{shape: c.shapeOf(from.String())}
}

// broadcast returns the size that operands are stretched to. A constant of fewer or shorter dimensions changes nothing.
func (c *cost) broadcast(in []size) size {
	var most, all size
	rank, known := 0, true
	for _, s := range in {
		rank, known = max(rank, len(s.dims)), known && s.dims != nil
		if most.shape == 0 || s.elements() > most.elements() || s.elements() == most.elements() && len(s.dims) > len(most.dims) {
			most = s
		}
	}
	dims := make([]float64, rank)
	var from strings.Builder
	same := true
	for _, s := range in {
		for i, d := range s.dims {
			at := rank - len(s.dims) + i
			dims[at] = max(dims[at], d)
		}
		same = same && (s.shape == most.shape || s.constant)
		fmt.Fprintf(&from, " %d", s.shape)
	}
	if !known {
		all = size{shape: most.shape}
		if !same {
			all.shape = c.shapeOf("stretched" + from.String())
		}
		return all
	}
	all = size{shape: most.shape, dims: dims}
	if !same || all.elements() != most.elements() {
		all.shape = c.shapeOf("stretched" + from.String())
	}
	return all
}

// reshaped returns the dimensions that Reshape makes: 0 copies one, -1 is what is left.
func reshaped(elements float64, from, shape []float64) []float64 {
	dims, rest, known := make([]float64, len(shape)), -1, 1.0
	for i, d := range shape {
		switch {
		case d == 0 && i < len(from):
			d = from[i]
		case d < 0:
			rest, d = i, 1
		}
		dims[i], known = d, known*d
	}
	if rest >= 0 && known > 0 {
		dims[rest] = max(1, math.Floor(elements/known))
	}
	return dims
}
