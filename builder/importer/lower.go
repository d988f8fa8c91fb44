package importer

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	G "gorgonia.org/gorgonia"
)

// call is one node while it is built.
type call struct {
	*builds
	node onnxgraph.Node
	in   []operand
}

// lowerings is the one list of operators that have a form in gorgonia; the facts about them are in internal/onnxop. What follows
// from known numbers and from shapes is not lowered but computed, by internal/onnxeval. To add an operator: a row here, a
// function in its family's file, a case in lower_test.go, a word in docs/import.md. Tests fail while one is missing.
var lowerings map[string]func(*call) (operand, error)

func init() {
	lowerings = map[string]func(*call) (operand, error){
		// element by element
		"Abs":             unary(plain(abs)),
		"Celu":            unary(celu),
		"Elu":             unary(elu),
		"Erf":             unary(plain((*builder.Graph).Erf)),
		"Exp":             unary(plain((*builder.Graph).Exp)),
		"Gelu":            unary(gelu),
		"HardSigmoid":     unary(hardSigmoid),
		"HardSwish":       unary(hardSwish),
		"LeakyRelu":       unary(leakyRelu),
		"Log":             unary(plain((*builder.Graph).Log)),
		"Mish":            unary(mish),
		"Neg":             unary(plain((*builder.Graph).Neg)),
		"Reciprocal":      unary(reciprocal),
		"Relu":            unary(relu),
		"Selu":            unary(selu),
		"Sigmoid":         unary(plain((*builder.Graph).Sigmoid)),
		"Softplus":        unary(plain((*builder.Graph).Softplus)),
		"Softsign":        unary(softsign),
		"Sqrt":            unary(plain((*builder.Graph).Sqrt)),
		"Tanh":            unary(tanh),
		"ThresholdedRelu": unary(thresholdedRelu),
		"Add":             binary((*builder.Graph).Add),
		"Sub":             binary((*builder.Graph).Sub),
		"Mul":             binary((*builder.Graph).Mul),
		"Div":             binary((*builder.Graph).Div),
		"Greater":         comparison((*builder.Graph).Greater), // 0 and 1 stand for false and true: only a Cast may read them
		"Less":            comparison(less),
		"GreaterOrEqual":  comparison(greaterOrEqual),
		"LessOrEqual":     comparison(lessOrEqual),
		"Equal":           comparison(equal),
		"And":             comparison((*builder.Graph).Mul),
		"Or":              comparison(or),
		"Xor":             comparison(xor),
		"Not":             unary(plain(not)),
		"Where":           where,
		"Max":             several(greatest),
		"Min":             several(smallest),
		"PRelu":           binary(pRelu),
		"Pow":             power,
		"Clip":            clip,
		"Cast":            cast,

		// matrices and normalisation
		"Gemm":                  gemm,
		"MatMul":                matMul,
		"BatchNormalization":    batchNormalization,
		"LayerNormalization":    layerNormalization,
		"InstanceNormalization": instanceNormalization,
		"GroupNormalization":    groupNormalization,

		// pictures
		"Conv":              conv,
		"ConvTranspose":     convTranspose,
		"MaxPool":           pool((*builder.Graph).MaxPool),
		"AveragePool":       pool((*builder.Graph).AveragePool),
		"GlobalMaxPool":     globalMax,
		"GlobalAveragePool": globalAverage,
		"Resize":            resize,
		"Upsample":          resize,

		// along axes
		"LpNormalization": lpNormalization,
		"ReduceMax":       reduceMax,
		"Softmax":         softmax,
		"LogSoftmax":      softmax,
		"ReduceSum":       reduce(reduction{}),
		"ReduceMean":      reduce(reduction{after: mean}),
		"ReduceL1":        reduce(reduction{before: abs}),
		"ReduceL2":        reduce(reduction{before: (*builder.Graph).Square, after: norm}),
		"ReduceSumSquare": reduce(reduction{before: (*builder.Graph).Square}),
		"ArgMax":          argMax,

		// shapes
		"Reshape":   reshape,
		"Flatten":   reshape,
		"Squeeze":   reshape,
		"Unsqueeze": reshape,
		"Identity":  identity,
		"Dropout":   dropout,
		"Shape":     shapeOf,

		// elements moved
		"Concat":       concat,
		"Expand":       expand,
		"Gather":       gather,
		"Pad":          pad,
		"Slice":        slice,
		"Split":        split,
		"DepthToSpace": depthToSpace,
		"SpaceToDepth": spaceToDepth,
		"Tile":         tile,
		"Transpose":    transpose,
	}
}

func of(n *G.Node) (operand, error) { return operand{node: n}, nil }

// tensorAt returns operand i as a node.
func (c *call) tensorAt(i int) (*G.Node, error) {
	if i >= len(c.in) {
		return nil, fmt.Errorf("operand %d is missing: %w", i+1, ErrGraph)
	}
	n, err := c.tensor(c.in[i])
	if err != nil {
		return nil, fmt.Errorf("operand %d: %w", i+1, err)
	}
	return n, nil
}

// softmax builds softmax and its logarithm along the last axis.
func softmax(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	last := x.Dims() - 1
	if a := c.node.SoftmaxAxis(c.graph.Opset); last < 0 || a != -1 && a != last {
		return operand{}, fmt.Errorf("axis %d of rank %d, which is not the last: %w", a, x.Dims(), ErrUnsupported)
	}
	width := x.Shape()[last]
	y := c.b.LogSoftmax(c.b.Reshape(x, x.Shape().TotalSize()/width, width))
	if c.node.Op == "Softmax" {
		y = c.b.Exp(y)
	}
	return of(c.b.Reshape(y, x.Shape()...))
}

// has reports an operand that is not left out.
func (c *call) has(i int) bool {
	return i < len(c.in) && !c.in[i].empty()
}

// pair returns the first two operands as nodes.
func (c *call) pair() (x, y *G.Node, err error) {
	if x, err = c.tensorAt(0); err == nil {
		y, err = c.tensorAt(1)
	}
	return x, y, err
}

func identity(c *call) (operand, error) { return c.in[0], nil }

// dropout passes its operand on. In a graph that was exported in training mode it would not.
func dropout(c *call) (operand, error) {
	if c.has(2) {
		training := []bool{true} // as far as is known
		if t := c.in[2].known; t != nil {
			training, _ = t.Data.([]bool)
		}
		if len(training) != 1 || training[0] {
			return operand{}, fmt.Errorf("training mode: export the model in evaluation mode: %w", ErrUnsupported)
		}
	}
	return c.in[0], nil
}

// cast passes fractions on: all of a gorgonia graph is of one type, and truth values are 0 and 1 in it.
func cast(c *call) (operand, error) {
	switch to := onnxgraph.DTypes[c.node.Int("to", 0)]; to {
	case onnxtensor.Float32, onnxtensor.Float64:
		return c.in[0], nil
	default:
		return operand{}, fmt.Errorf("to type %s: %w", to, ErrUnsupported)
	}
}
