package onnxeval

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Operators of one operand, element by element: y has x's shape, and an element of y follows from the element of x in its place alone.
// Each element may be written over the one that it is made of, so the planner may give y the memory of x.

// cheap and dear are how many elements one goroutine takes at once, of operations that take some 1 and 10 ns.
const (
	cheap = 1 << 15
	dear  = 1 << 12
)

// unary plans y = f(x), where f gets pieces of x and y of equal length. grain is how many elements a goroutine takes at once: cheap or
// dear.
func unary[T any](c *call, grain int, f func(x, y []T)) error {
	x := c.in[0]
	y, err := c.result(x.dtype, x.shape)
	if err != nil {
		return err
	}
	// Element i is read before it is written: y may have x's memory, if nobody reads x afterwards.
	c.step.inPlace = []*value{x.root()}
	return c.share(x.size, grain, func(from, to int) { f(of[T](x)[from:to], of[T](y)[from:to]) })
}

// unarySigned plans operators of any number that may be negative, in the operand's own type:
//
//	Abs   |x|           Neg   -x           Sign   -1, 0 or 1, NaN for NaN           Relu   max(x, 0), NaN for NaN
//
// Abs and Sign take numbers without a sign too. |x| and -x of the least number of an integer type are that number, as in C.
// https://onnx.ai/onnx/operators/onnx__Abs.html, Neg, Sign (from opset 9), Relu (of integers from 14).
func unarySigned(op string) func(*call) error {
	return func(c *call) error {
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			return unary(c, cheap, signedFunction[float32](op))
		case onnxtensor.Float64:
			return unary(c, cheap, signedFunction[float64](op))
		case onnxgraph.Int8:
			return unary(c, cheap, signedFunction[int8](op))
		case onnxgraph.Int16:
			return unary(c, cheap, signedFunction[int16](op))
		case onnxtensor.Int32:
			return unary(c, cheap, signedFunction[int32](op))
		case onnxtensor.Int64:
			return unary(c, cheap, signedFunction[int64](op))
		}
		if op == "Neg" || op == "Relu" { // ONNX has neither of numbers without a sign
			return c.unsupportedType(0)
		}
		switch c.in[0].dtype {
		case onnxtensor.Uint8:
			return unary(c, cheap, unsignedFunction[uint8](op))
		case onnxgraph.Uint16:
			return unary(c, cheap, unsignedFunction[uint16](op))
		case onnxgraph.Uint32:
			return unary(c, cheap, unsignedFunction[uint32](op))
		case onnxgraph.Uint64:
			return unary(c, cheap, unsignedFunction[uint64](op))
		}
		return c.unsupportedType(0)
	}
}

// signedFunction returns Abs, Neg, Sign or Relu of a type with a sign.
func signedFunction[T signed](op string) func(x, y []T) {
	switch op {
	case "Abs":
		return func(x, y []T) {
			for i, v := range x {
				y[i] = max(v, -v)
			}
		}
	case "Neg":
		return func(x, y []T) {
			for i, v := range x {
				y[i] = -v
			}
		}
	case "Sign":
		return func(x, y []T) {
			for i, v := range x {
				switch {
				case v > 0:
					y[i] = 1
				case v < 0:
					y[i] = -1
				case v == 0: // of either sign
					y[i] = 0
				default:
					y[i] = v // NaN stays
				}
			}
		}
	}
	return func(x, y []T) { // Relu
		for i, v := range x {
			y[i] = max(v, 0)
		}
	}
}

// unsignedFunction returns Abs or Sign of a type without a sign.
func unsignedFunction[T uint8 | uint16 | uint32 | uint64](op string) func(x, y []T) {
	if op == "Sign" {
		return func(x, y []T) {
			for i, v := range x {
				y[i] = min(v, 1)
			}
		}
	}
	return func(x, y []T) { copy(y, x) }
}

// unaryFloat plans operators of float32 and float64: see floatFunction for their formulas. All are computed in float64 and rounded once,
// except float32's LeakyRelu, which is one product.
func unaryFloat(op string) func(*call) error {
	return func(c *call) error {
		f, err := floatFunction(op, c.node)
		if err != nil {
			return err
		}
		switch c.in[0].dtype {
		case onnxtensor.Float32:
			if op == "LeakyRelu" {
				return unary(c, cheap, leakyRelu[float32](c.node))
			}
			return unary(c, dear, each[float32](f))
		case onnxtensor.Float64:
			return unary(c, dear, each[float64](f))
		}
		return c.unsupportedType(0)
	}
}

// each applies f to every element.
func each[T float](f func(float64) float64) func(x, y []T) {
	return func(x, y []T) {
		for i, v := range x {
			y[i] = T(f(float64(v)))
		}
	}
}

// leakyRelu is floatFunction's LeakyRelu in the operand's own type.
func leakyRelu[T float](n onnxgraph.Node) func(x, y []T) {
	slope := T(n.Float("alpha", 0.01))
	return func(x, y []T) {
		for i, v := range x {
			if v < 0 {
				v *= slope
			}
			y[i] = v
		}
	}
}

// floatFunction returns the function of an operator, with its attributes:
//
//	Ceil, Floor, Round          to whole numbers; Round takes halves to the even neighbour
//	Cos, Sin, Exp, Log, Sqrt, Tanh, Erf
//	Reciprocal                  1/x
//	Sigmoid                     1 / (1 + e⁻ˣ), 0 and 1 at the ends
//	Softplus                    ln(1 + eˣ) = max(x,0) + log1p(e^-|x|), which neither overflows nor loses small values
//	LeakyRelu{alpha = 0.01}     x for x >= 0, alpha·x below
//	Elu{alpha = 1}              x for x >= 0, alpha (eˣ - 1) below
//	Selu{alpha, gamma}          gamma Elu{alpha}
//	Celu{alpha = 1}             max(x,0) + min(0, alpha (e^(x/alpha) - 1))
//	HardSigmoid{alpha = 0.2, beta = 0.5}    max(0, min(1, alpha·x + beta))
//	HardSwish                   x max(0, min(1, x/6 + 1/2))
//	Mish                        x tanh(Softplus(x))
//	Swish{alpha = 1}            x Sigmoid(alpha·x)
//	Softsign                    x / (1 + |x|)
//	ThresholdedRelu{alpha = 1}  x for x > alpha, 0 elsewhere
//	Gelu{approximate}           x Φ(x) = x/2 (1 + erf(x/√2)); "tanh": x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
//
// Outside its domain a function gives what math gives: Log(-1) = NaN, Log(0) = -Inf. Pages as https://onnx.ai/onnx/operators/onnx__Gelu.html.
// Before opset 6 the attribute consumed_inputs is of no consequence.
func floatFunction(op string, n onnxgraph.Node) (func(float64) float64, error) {
	switch op {
	case "Ceil":
		return math.Ceil, nil
	case "Cos":
		return math.Cos, nil
	case "Erf":
		return math.Erf, nil
	case "Exp":
		return math.Exp, nil
	case "Floor":
		return math.Floor, nil
	case "Log":
		return math.Log, nil
	case "Reciprocal":
		return func(x float64) float64 { return 1 / x }, nil
	case "Round":
		return math.RoundToEven, nil
	case "Sin":
		return math.Sin, nil
	case "Sqrt":
		return math.Sqrt, nil
	case "Tanh":
		return math.Tanh, nil
	case "Sigmoid":
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, nil
	case "Softplus":
		return softplus, nil
	case "LeakyRelu":
		alpha := float64(n.Float("alpha", 0.01))
		return func(x float64) float64 { return below0(x, alpha*x) }, nil
	case "Elu":
		alpha := float64(n.Float("alpha", 1))
		return func(x float64) float64 { return below0(x, alpha*math.Expm1(x)) }, nil
	case "Selu":
		alpha, gamma := float64(n.Float("alpha", 1.67326319217681884765625)), float64(n.Float("gamma", 1.05070102214813232421875))
		return func(x float64) float64 { return gamma * below0(x, alpha*math.Expm1(x)) }, nil
	case "Celu":
		alpha := float64(n.Float("alpha", 1))
		return func(x float64) float64 { return below0(x, alpha*math.Expm1(x/alpha)) }, nil
	case "HardSigmoid":
		alpha, beta := float64(n.Float("alpha", 0.2)), float64(n.Float("beta", 0.5))
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }, nil
	case "HardSwish":
		return func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }, nil
	case "Mish":
		return func(x float64) float64 { return x * math.Tanh(softplus(x)) }, nil
	case "Swish":
		alpha := float64(n.Float("alpha", 1))
		return func(x float64) float64 { return x / (1 + math.Exp(-alpha*x)) }, nil
	case "Softsign":
		return func(x float64) float64 { return x / (1 + math.Abs(x)) }, nil
	case "ThresholdedRelu":
		alpha := float64(n.Float("alpha", 1))
		return func(x float64) float64 {
			if x <= alpha {
				return 0
			}
			return x
		}, nil
	case "Gelu":
		switch how := n.Text("approximate", "none"); how {
		case "none":
			return func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }, nil
		case "tanh":
			return func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) }, nil
		default:
			return nil, fmt.Errorf("the approximation %q: %w", how, ErrUnsupported)
		}
	}
	return nil, ErrUnsupported
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// below0 returns x where it is positive or zero, y elsewhere.
func below0(x, y float64) float64 {
	if x < 0 {
		return y
	}
	return x
}

// not plans y = ¬x of truth values. https://onnx.ai/onnx/operators/onnx__Not.html
func not(c *call) error {
	if c.in[0].dtype != onnxtensor.Bool {
		return c.unsupportedType(0)
	}
	return unary(c, cheap, func(x, y []bool) {
		for i, v := range x {
			y[i] = !v
		}
	})
}
