// Package onnxop holds what is true of ONNX's operators wherever they are read or written: how many operands they take, whether
// they work element by element, which of their operands are sizes. It is one table, [Lookup], which the exporter's passes, the
// evaluator and the importer share.
//
// What each of these makes of an operator is their own table: export/ops.go (gorgonia to ONNX), internal/onnxeval/operators.go
// (ONNX to kernels), builder/importer/lower.go (ONNX to gorgonia). A test in each says that its operators have a row here.
//
// [Writer] is here too: the interface by which an op of gorgonia says how it is written in ONNX, which builder and export share
// without importing each other.
//
// The source of all facts is https://onnx.ai/onnx/operators/, for the default domain and opsets 7 to 23.
package onnxop

import "fmt"

// A Trait is something that is true of an operator, whatever its attributes.
type Trait uint8

const (
	// Pointwise: the result at one place depends on the operands at that place alone. Operands are stretched to one shape, the
	// result's: https://onnx.ai/onnx/repo-docs/Broadcasting.html
	Pointwise Trait = 1 << iota
	// Commutes: the first two operands may be exchanged, and no bit of the result changes.
	Commutes
	// InPlace: runtimes may write the result over an operand of its shape and type.
	InPlace
	// KeepsOrder: the result holds the first operand's elements, all of them in their order, in the same or another shape.
	KeepsOrder
	// Moves: elements are moved, chosen, counted or cast, not computed with, so that any element type will do.
	Moves
	// ReadsShape: the result follows from the first operand's shape alone; its elements are not read.
	ReadsShape
)

// Facts are what is true of one operator.
type Facts struct {
	Least, Most int // operands, in any opset; Most is Any where there is no bound
	Traits      Trait
	// Shaping lists the operands on whose numbers the result's shape depends: shapes, axes, pads, bounds.
	Shaping []int
	// Sizes lists those of the operands whose numbers multiply to a number of elements: shapes, repetitions, scales, lengths.
	Sizes []int
}

// Any is the Most of operators that take any number of operands.
const Any = -1

// Lookup returns the facts about an operator of the default domain, and whether there are any.
func Lookup(op string) (Facts, bool) {
	f, ok := table[op]
	return f, ok
}

// Has reports whether an operator has all of the given traits; one without a row has none.
func Has(op string, traits Trait) bool { return table[op].Traits&traits == traits }

// Broadcasts reports an operator of several operands that are stretched to one shape.
func Broadcasts(op string) bool { return Has(op, Pointwise) && table[op].Most != 1 }

// Takes reports whether an operator may have n operands. Optional ones that are left out before a last one count.
func (f Facts) Takes(n int) bool { return n >= f.Least && (f.Most == Any || n <= f.Most) }

// Arity says how many operands there may be: "2", "1 to 3", "1 or more".
func (f Facts) Arity() string {
	switch {
	case f.Most == Any:
		return fmt.Sprintf("%d or more", f.Least)
	case f.Least == f.Most:
		return fmt.Sprint(f.Least)
	}
	return fmt.Sprintf("%d to %d", f.Least, f.Most)
}

// The traits that many operators have together.
const (
	pointwise  = Pointwise
	arithmetic = Pointwise | InPlace
	reshaping  = KeepsOrder | Moves
)

func of(least, most int, traits Trait, shaping ...int) Facts {
	return Facts{least, most, traits, shaping, nil}
}

func (f Facts) sized(sizes ...int) Facts {
	f.Sizes = sizes
	return f
}

// table is the one list of facts. An operator without a kernel or a lowering is here for its sizes, which internal/onnxcheck
// bounds.
var table = map[string]Facts{
	// element by element, of one operand
	"Abs":             of(1, 1, pointwise),
	"Cast":            of(1, 1, pointwise|Moves),
	"Ceil":            of(1, 1, pointwise),
	"Celu":            of(1, 1, pointwise),
	"Cos":             of(1, 1, pointwise),
	"Elu":             of(1, 1, pointwise),
	"Erf":             of(1, 1, pointwise),
	"Exp":             of(1, 1, pointwise),
	"Floor":           of(1, 1, pointwise),
	"Gelu":            of(1, 1, pointwise),
	"HardSigmoid":     of(1, 1, pointwise),
	"HardSwish":       of(1, 1, pointwise),
	"Identity":        of(1, 1, pointwise|reshaping),
	"LeakyRelu":       of(1, 1, pointwise),
	"Log":             of(1, 1, pointwise),
	"Mish":            of(1, 1, pointwise),
	"Neg":             of(1, 1, arithmetic),
	"Not":             of(1, 1, pointwise),
	"Reciprocal":      of(1, 1, pointwise),
	"Relu":            of(1, 1, pointwise),
	"Round":           of(1, 1, pointwise),
	"Selu":            of(1, 1, pointwise),
	"Sigmoid":         of(1, 1, pointwise),
	"Sign":            of(1, 1, pointwise),
	"Sin":             of(1, 1, pointwise),
	"Softplus":        of(1, 1, pointwise),
	"Softsign":        of(1, 1, pointwise),
	"Sqrt":            of(1, 1, pointwise),
	"Swish":           of(1, 1, pointwise),
	"Tanh":            of(1, 1, pointwise),
	"ThresholdedRelu": of(1, 1, pointwise),

	// element by element, of several
	"Add":            of(2, 2, arithmetic|Commutes),
	"And":            of(2, 2, pointwise|Commutes),
	"Clip":           of(1, 3, pointwise), // bounds are numbers
	"Div":            of(2, 2, arithmetic),
	"Equal":          of(2, 2, pointwise|Commutes),
	"Greater":        of(2, 2, pointwise),
	"GreaterOrEqual": of(2, 2, pointwise),
	"Less":           of(2, 2, pointwise),
	"LessOrEqual":    of(2, 2, pointwise),
	"Max":            of(1, Any, pointwise), // of 0 and -0 either: it does not commute to the bit
	"Min":            of(1, Any, pointwise),
	"Mod":            of(2, 2, pointwise),
	"Mul":            of(2, 2, arithmetic|Commutes),
	"Or":             of(2, 2, pointwise|Commutes),
	"PRelu":          of(2, 2, pointwise), // the slope is stretched, the first operand is not
	"Pow":            of(2, 2, pointwise),
	"Sub":            of(2, 2, arithmetic),
	"Sum":            of(1, Any, pointwise),
	"Where":          of(3, 3, pointwise|Moves),
	"Xor":            of(2, 2, pointwise|Commutes),

	// element by element with a scale for each place of an axis, which is not stretched as others are
	"DequantizeLinear": of(2, 3, 0),
	"QuantizeLinear":   of(2, 3, 0),

	// matrices, pictures, normalisation
	"BatchNormalization":    of(5, 5, 0),
	"AveragePool":           of(1, 1, 0),
	"Conv":                  of(2, 3, 0),
	"ConvTranspose":         of(2, 3, 0),
	"Gemm":                  of(2, 3, 0),
	"GlobalAveragePool":     of(1, 1, 0),
	"GlobalMaxPool":         of(1, 1, 0),
	"GroupNormalization":    of(3, 3, 0),
	"InstanceNormalization": of(3, 3, 0),
	"LayerNormalization":    of(2, 3, 0),
	"LpNormalization":       of(1, 1, 0),
	"MatMul":                of(2, 2, 0),
	"MaxPool":               of(1, 1, 0),
	"Resize":                of(1, 4, 0, 2, 3).sized(2, 3), // before opset 11 operand 1 is the scales
	"Upsample":              of(1, 2, 0, 1).sized(1),

	// along axes, which some take as an operand
	"ArgMax":          of(1, 1, 0),
	"ArgMin":          of(1, 1, 0),
	"LogSoftmax":      of(1, 1, 0),
	"ReduceL1":        of(1, 2, 0, 1),
	"ReduceL2":        of(1, 2, 0, 1),
	"ReduceSumSquare": of(1, 2, 0, 1),
	"ReduceMax":       of(1, 2, 0, 1),
	"ReduceMean":      of(1, 2, 0, 1),
	"ReduceMin":       of(1, 2, 0, 1),
	"ReduceProd":      of(1, 2, 0, 1),
	"ReduceSum":       of(1, 2, 0, 1),
	"Softmax":         of(1, 1, 0),
	"TopK":            of(2, 2, 0, 1),

	// shapes
	"Constant":        of(0, 0, Moves),
	"ConstantOfShape": of(1, 1, Moves, 0).sized(0),
	"Dropout":         of(1, 3, reshaping), // outside training
	"Flatten":         of(1, 1, reshaping),
	"Reshape":         of(2, 2, reshaping, 1).sized(1),
	"Shape":           of(1, 1, Moves|ReadsShape),
	"Size":            of(1, 1, Moves|ReadsShape),
	"Squeeze":         of(1, 2, reshaping, 1),
	"Unsqueeze":       of(1, 2, reshaping, 1),

	// elements moved
	"Concat":          of(1, Any, Moves),
	"DepthToSpace":    of(1, 1, Moves),
	"Expand":          of(2, 2, Moves, 1).sized(1),
	"Gather":          of(2, 2, Moves),
	"GatherElements":  of(2, 2, Moves),
	"GatherND":        of(2, 2, Moves),
	"OneHot":          of(3, 3, Moves, 1).sized(1),
	"Pad":             of(1, 4, Moves, 1, 3),
	"ScatterElements": of(3, 3, 0),
	"ScatterND":       of(3, 3, 0),
	"Slice":           of(1, 5, Moves, 1, 2, 3, 4),
	"SpaceToDepth":    of(1, 1, Moves),
	"Split":           of(1, 2, Moves, 1),
	"Tile":            of(2, 2, Moves, 1).sized(1),
	"Transpose":       of(1, 1, Moves),

	// neither read nor written here: what asks for memory by its operands
	"AffineGrid":      of(2, 2, 0, 1).sized(1),
	"BlackmanWindow":  of(1, 1, 0, 0).sized(0),
	"CenterCropPad":   of(2, 2, Moves, 1).sized(1),
	"Col2Im":          of(3, 3, 0, 1, 2).sized(1),
	"DFT":             of(1, 3, 0, 1, 2).sized(1),
	"HammingWindow":   of(1, 1, 0, 0).sized(0),
	"HannWindow":      of(1, 1, 0, 0).sized(0),
	"MaxUnpool":       of(2, 3, Moves, 2).sized(2),
	"MelWeightMatrix": of(5, 5, 0, 0, 1).sized(0, 1),
}
