package onnxeval

import "fmt"

// operator says how nodes of one operator are planned.
type operator struct {
	since       int64 // the first opset by which it is read
	least, most int   // operands; most < 0 for any number
	anyType     bool  // elements are moved or cast, not computed with: half precision stays as it is
	prepare     func(c *call) error
}

func (o operator) arity() string {
	switch {
	case o.most < 0:
		return fmt.Sprintf("%d or more", o.least)
	case o.least == o.most:
		return fmt.Sprint(o.least)
	}
	return fmt.Sprintf("%d to %d", o.least, o.most)
}

// operators is the one list of what can be run. To add an operator: a row here, a function in its family's file, and
// ONNX's own tests of it, which testdata/nodetests.py writes.
var operators map[string]operator

func init() {
	operators = map[string]operator{
		// element by element
		"Abs":              {1, 1, 1, false, unarySigned("Abs")},
		"Neg":              {1, 1, 1, false, unarySigned("Neg")},
		"Sign":             {9, 1, 1, false, unarySigned("Sign")},
		"Relu":             {1, 1, 1, false, unarySigned("Relu")},
		"Ceil":             {1, 1, 1, false, unaryFloat("Ceil")},
		"Cos":              {7, 1, 1, false, unaryFloat("Cos")},
		"Elu":              {1, 1, 1, false, unaryFloat("Elu")},
		"Erf":              {9, 1, 1, false, unaryFloat("Erf")},
		"Exp":              {1, 1, 1, false, unaryFloat("Exp")},
		"Floor":            {1, 1, 1, false, unaryFloat("Floor")},
		"Gelu":             {20, 1, 1, false, unaryFloat("Gelu")},
		"LeakyRelu":        {1, 1, 1, false, unaryFloat("LeakyRelu")},
		"Log":              {1, 1, 1, false, unaryFloat("Log")},
		"Reciprocal":       {1, 1, 1, false, unaryFloat("Reciprocal")},
		"Round":            {11, 1, 1, false, unaryFloat("Round")},
		"Selu":             {1, 1, 1, false, unaryFloat("Selu")},
		"Sigmoid":          {1, 1, 1, false, unaryFloat("Sigmoid")},
		"Sin":              {7, 1, 1, false, unaryFloat("Sin")},
		"Softplus":         {1, 1, 1, false, unaryFloat("Softplus")},
		"Sqrt":             {1, 1, 1, false, unaryFloat("Sqrt")},
		"Tanh":             {1, 1, 1, false, unaryFloat("Tanh")},
		"Not":              {1, 1, 1, false, not},
		"Add":              {7, 2, 2, false, arithmetic("Add")},
		"Sub":              {7, 2, 2, false, arithmetic("Sub")},
		"Mul":              {7, 2, 2, false, arithmetic("Mul")},
		"Div":              {7, 2, 2, false, arithmetic("Div")},
		"Pow":              {7, 2, 2, false, power},
		"PRelu":            {7, 2, 2, false, arithmetic("PRelu")},
		"Max":              {8, 1, -1, false, fold("Max")},
		"Min":              {8, 1, -1, false, fold("Min")},
		"Clip":             {1, 1, 3, false, clip},
		"Equal":            {7, 2, 2, false, comparison("Equal")},
		"Greater":          {7, 2, 2, false, comparison("Greater")},
		"GreaterOrEqual":   {12, 2, 2, false, comparison("GreaterOrEqual")},
		"Less":             {7, 2, 2, false, comparison("Less")},
		"LessOrEqual":      {12, 2, 2, false, comparison("LessOrEqual")},
		"And":              {7, 2, 2, false, logical("And")},
		"Or":               {7, 2, 2, false, logical("Or")},
		"Xor":              {7, 2, 2, false, logical("Xor")},
		"Where":            {9, 3, 3, true, where},
		"Cast":             {6, 1, 1, true, cast},
		"QuantizeLinear":   {10, 2, 3, false, quantize},
		"DequantizeLinear": {10, 2, 3, false, dequantize},

		// matrices and pictures
		"Gemm":               {7, 2, 3, false, gemm},
		"MatMul":             {1, 2, 2, false, matMul},
		"Conv":               {1, 2, 3, false, conv},
		"ConvTranspose":      {1, 2, 3, false, convTranspose},
		"BatchNormalization": {9, 5, 5, false, batchNormalization},
		"LayerNormalization": {17, 2, 3, false, layerNormalization},

		// along axes
		"ReduceMax":  {1, 1, 2, false, reduce("ReduceMax", 18)},
		"ReduceMean": {1, 1, 2, false, reduce("ReduceMean", 18)},
		"ReduceMin":  {1, 1, 2, false, reduce("ReduceMin", 18)},
		"ReduceProd": {1, 1, 2, false, reduce("ReduceProd", 18)},
		"ReduceSum":  {1, 1, 2, false, reduce("ReduceSum", 13)},
		"ArgMax":     {1, 1, 1, false, argExtreme(false)},
		"ArgMin":     {1, 1, 1, false, argExtreme(true)},
		"Softmax":    {1, 1, 1, false, softmax(false)},
		"LogSoftmax": {1, 1, 1, false, softmax(true)},

		// shapes
		"Constant":        {1, 0, 0, true, constantNode},
		"ConstantOfShape": {9, 1, 1, true, constantOfShape},
		"Dropout":         {7, 1, 3, true, dropout},
		"Flatten":         {1, 1, 1, true, flatten},
		"Identity":        {1, 1, 1, true, identity},
		"Reshape":         {5, 2, 2, true, reshape},
		"Shape":           {1, 1, 1, true, shapeNode},
		"Size":            {1, 1, 1, true, sizeNode},
		"Squeeze":         {1, 1, 2, true, squeeze},
		"Unsqueeze":       {1, 1, 2, true, unsqueeze},

		// elements moved
		"Concat":    {4, 1, -1, true, concat},
		"Expand":    {8, 2, 2, true, expand},
		"Gather":    {1, 2, 2, true, gather},
		"OneHot":    {9, 3, 3, true, oneHot},
		"Pad":       {2, 1, 4, true, pad},
		"Slice":     {1, 1, 5, true, slice},
		"Split":     {2, 1, 2, true, split},
		"Transpose": {1, 1, 1, true, transpose},
	}
}

// Operators returns the names of the operators that can be run, with the first opset by which each is read.
func Operators() map[string]int64 {
	list := map[string]int64{}
	for name, op := range operators {
		list[name] = op.since
	}
	return list
}
