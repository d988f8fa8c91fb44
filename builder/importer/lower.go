package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// call is one node while it is built.
type call struct {
	*builds
	node onnxgraph.Node
	in   []operand
}

// lowerings is the one list of operators that have a form in gorgonia. foldedOnly are those that are computed while the graph
// is built, from shapes and known numbers.
var lowerings = map[string]func(*call) (operand, error){
	"Gemm": gemm, "MatMul": matMul, "BatchNormalization": batchNormalization,
	"Add": elementwise, "Sub": elementwise, "Mul": elementwise, "Div": elementwise, "Pow": power, "Greater": elementwise, "Less": elementwise,
	"Relu": unary, "LeakyRelu": unary, "Tanh": unary, "Sigmoid": unary, "Softplus": unary, "Exp": unary, "Log": unary, "Sqrt": unary, "Neg": unary,
	"Elu": unary, "Gelu": unary, "Reciprocal": unary,
	"Softmax": softmax, "LogSoftmax": softmax,
	"ReduceSum": reduce, "ReduceMean": reduce,
	"Reshape": reshape, "Flatten": reshape, "Squeeze": reshape, "Unsqueeze": reshape, "Identity": identity, "Dropout": identity, "Cast": cast,
	"Shape": shapeOf,
}

var foldedOnly = map[string]bool{
	"Constant": true, "ConstantOfShape": true, "Concat": true, "Gather": true, "Slice": true, "Size": true, "Transpose": true, "Expand": true,
	"Split": true, "Equal": true, "Where": true, "Not": true, "And": true, "Or": true, "Floor": true, "Ceil": true, "Abs": true, "Min": true, "Max": true,
	"ReduceProd": true, "ReduceMax": true, "ReduceMin": true, "Clip": true, "Sign": true,
}

func of(n *G.Node) (operand, error) { return operand{node: n}, nil }

// tensorAt returns operand i as a node.
func (c *call) tensorAt(i int) (*G.Node, error) {
	if i >= len(c.in) {
		return nil, fmt.Errorf("operand %d is missing", i+1)
	}
	n, err := c.tensor(c.in[i])
	if err != nil {
		return nil, fmt.Errorf("operand %d: %w", i+1, err)
	}
	return n, nil
}

// gemm builds alpha · x · w + beta · b, with w as it is or transposed.
func gemm(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	w, err := c.tensorAt(1)
	if err != nil {
		return operand{}, err
	}
	if c.node.Int("transA", 0) != 0 {
		return operand{}, fmt.Errorf("transA: %w", ErrUnsupported)
	}
	var y *G.Node
	if c.node.Int("transB", 0) != 0 {
		y = c.b.MatMulTransposed(x, w)
	} else {
		y = c.b.MatMul(x, w)
	}
	y = c.scaled(y, "alpha")
	if len(c.in) > 2 && (c.in[2].node != nil || c.in[2].known != nil) {
		bias, err := c.tensorAt(2)
		if err != nil {
			return operand{}, err
		}
		if bias, err = c.stretch(c.scaled(bias, "beta"), y); err != nil {
			return operand{}, err
		}
		y = c.b.Add(y, bias)
	}
	return of(y)
}

// scaled multiplies by an attribute, where it is not 1.
func (c *call) scaled(x *G.Node, attribute string) *G.Node {
	if by := c.node.Float(attribute, 1); by != 1 {
		return c.b.Mul(x, c.b.Number(float64(by)))
	}
	return x
}

// matMul builds x · w for a matrix w; further dimensions of x are taken as more rows.
func matMul(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	w, err := c.tensorAt(1)
	if err != nil {
		return operand{}, err
	}
	shape := x.Shape()
	if w.Dims() != 2 || x.Dims() < 2 {
		return operand{}, fmt.Errorf("a product of shapes %v and %v: %w", x.Shape(), w.Shape(), ErrUnsupported)
	}
	width := shape[len(shape)-1]
	y := c.b.MatMul(c.b.Reshape(x, shape.TotalSize()/width, width), w)
	if c.b.Err() != nil {
		return operand{}, nil
	}
	return of(c.b.Reshape(y, append(append([]int{}, shape[:len(shape)-1]...), y.Shape()[1])...))
}

// stretch brings x to the shape of like, as ONNX broadcasts: along axes that x lacks, or in which it has one element.
func (c *call) stretch(x, like *G.Node) (*G.Node, error) {
	if c.b.Err() != nil || x.Dims() == 0 || slices.Equal(x.Shape(), like.Shape()) {
		return x, nil
	}
	missing := like.Dims() - x.Dims()
	if missing < 0 {
		return nil, c.mismatch(x, like)
	}
	var axes, kept []int
	for i, d := range like.Shape() {
		switch {
		case i < missing || x.Shape()[i-missing] == 1 && d != 1:
			axes = append(axes, i)
		case x.Shape()[i-missing] == d:
			kept = append(kept, d)
		default:
			return nil, c.mismatch(x, like)
		}
	}
	if len(kept) == 0 {
		x = c.b.Sum(x) // of one element: a number
		if c.b.Err() != nil {
			return nil, nil
		}
		return x, nil
	}
	return c.b.ExpandLike(c.b.Reshape(x, kept...), like, axes...), nil
}

func (c *call) mismatch(x, like *G.Node) error {
	return fmt.Errorf("shapes %v and %v: %w: of two operands one is stretched, to the shape of the other", x.Shape(), like.Shape(), ErrUnsupported)
}

// elementwise builds operators of two operands.
func elementwise(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	y, err := c.tensorAt(1)
	if err != nil {
		return operand{}, err
	}
	if x.Shape().TotalSize() >= y.Shape().TotalSize() && x.Dims() >= y.Dims() {
		y, err = c.stretch(y, x)
	} else {
		x, err = c.stretch(x, y)
	}
	if err != nil {
		return operand{}, err
	}
	switch c.node.Op {
	case "Add":
		return of(c.b.Add(x, y))
	case "Sub":
		return of(c.b.Sub(x, y))
	case "Mul":
		return of(c.b.Mul(x, y))
	case "Div":
		return of(c.b.Div(x, y))
	case "Less":
		return of(c.b.Greater(y, x))
	}
	return of(c.b.Greater(x, y)) // 0 and 1 stand for false and true: only a Cast may read them
}

// power builds squares, square roots and the exponents 1 and -1.
func power(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	if t := c.in[1].known; t != nil {
		if values, err := floats(t); err == nil && len(values) == 1 {
			switch values[0] {
			case 2:
				return of(c.b.Square(x))
			case 1:
				return of(x)
			case 0.5:
				return of(c.b.Sqrt(x))
			case -1:
				return of(c.b.Div(c.b.Number(1), x))
			}
		}
	}
	return operand{}, fmt.Errorf("an exponent other than 2, 1, 0.5 and -1: %w", ErrUnsupported)
}

// unary builds operators of one operand.
func unary(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	b := c.b
	switch c.node.Op {
	case "Relu":
		return of(b.LeakyReLU(x, 0))
	case "LeakyRelu":
		return of(b.LeakyReLU(x, float64(c.node.Float("alpha", 0.01))))
	case "Tanh":
		return of(b.Activate("tanh", x))
	case "Sigmoid":
		return of(b.Sigmoid(x))
	case "Softplus":
		return of(b.Softplus(x))
	case "Exp":
		return of(b.Exp(x))
	case "Log":
		return of(b.Log(x))
	case "Sqrt":
		return of(b.Sqrt(x))
	case "Neg":
		return of(b.Neg(x))
	case "Reciprocal":
		return of(b.Div(b.Number(1), x))
	case "Elu": // max(x,0) + alpha (e^min(x,0) - 1), min(x,0) = -max(-x,0)
		below := b.Sub(b.Exp(b.Neg(b.LeakyReLU(b.Neg(x), 0))), b.Number(1))
		return of(b.Add(b.LeakyReLU(x, 0), b.Mul(below, b.Number(float64(c.node.Float("alpha", 1))))))
	}
	if c.node.Text("approximate", "none") != "tanh" { // Gelu
		return operand{}, fmt.Errorf("gorgonia has no error function: export it with the approximation \"tanh\": %w", ErrUnsupported)
	}
	cubed := b.Mul(b.Square(x), x)
	inner := b.Mul(b.Add(x, b.Mul(cubed, b.Number(0.044715))), b.Number(math.Sqrt(2/math.Pi)))
	return of(b.Mul(b.Mul(x, b.Number(0.5)), b.Add(b.Activate("tanh", inner), b.Number(1))))
}

// softmax builds softmax and its logarithm along the last axis.
func softmax(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	last := x.Dims() - 1
	absent := -1
	if c.graph.Opset < 13 {
		absent = 1
	}
	if a := int(c.node.Int("axis", int64(absent))); last < 0 || a != -1 && a != last {
		return operand{}, fmt.Errorf("axis %d of rank %d, which is not the last: %w", a, x.Dims(), ErrUnsupported)
	}
	width := x.Shape()[last]
	y := c.b.LogSoftmax(c.b.Reshape(x, x.Shape().TotalSize()/width, width))
	if c.node.Op == "Softmax" {
		y = c.b.Exp(y)
	}
	return of(c.b.Reshape(y, x.Shape()...))
}

// reduce builds sums and means along fixed axes.
func reduce(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	var axes []int
	list := c.node.Ints("axes")
	if len(c.in) > 1 && c.in[1].known != nil {
		list, _ = c.in[1].known.Data.([]int64)
	}
	count := 1
	for _, a := range list {
		if a < 0 {
			a += int64(x.Dims())
		}
		if a < 1 || int(a) >= x.Dims() {
			return operand{}, fmt.Errorf("axis %d of rank %d, which is not one of a row's: %w", a, x.Dims(), ErrUnsupported)
		}
		axes = append(axes, int(a))
		count *= x.Shape()[a]
	}
	if len(axes) == 0 {
		return operand{}, fmt.Errorf("over all axes, the batch's among them: %w", ErrUnsupported)
	}
	slices.Sort(axes)
	y := c.b.Sum(x, axes...)
	if c.node.Op == "ReduceMean" {
		y = c.b.Div(y, c.b.Number(float64(count)))
	}
	if c.node.Int("keepdims", 1) != 0 {
		shape := append([]int{}, x.Shape()...)
		for _, a := range axes {
			shape[a] = 1
		}
		y = c.b.Reshape(y, shape...)
	}
	return of(y)
}

func identity(c *call) (operand, error) { return c.in[0], nil }

// cast passes fractions on: all of a gorgonia graph is of one type, and truth values are 0 and 1 in it.
func cast(c *call) (operand, error) {
	switch to := onnxgraph.DTypes[c.node.Int("to", 0)]; to {
	case bundle.Float32, bundle.Float64:
		return c.in[0], nil
	default:
		return operand{}, fmt.Errorf("to type %s: %w", to, ErrUnsupported)
	}
}

// shapeOf is known while the graph is built, whatever it is the shape of.
func shapeOf(c *call) (operand, error) {
	shape := c.in[0].shape()
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	from, to := c.node.Int("start", 0), c.node.Int("end", int64(len(dims)))
	if from < 0 {
		from += int64(len(dims))
	}
	if to < 0 {
		to += int64(len(dims))
	}
	from, to = max(0, min(from, int64(len(dims)))), max(0, min(to, int64(len(dims))))
	dims = dims[from:max(from, to)]
	return operand{known: &onnxgraph.Tensor{Name: c.node.Outputs[0], DType: bundle.Int64, Shape: []int{len(dims)}, Data: dims}}, nil
}
