package onnxeval

// operator says how nodes of one operator are planned. How many operands it takes, and what else is true of it elsewhere too, is
// in internal/onnxop.
type operator struct {
	since   int64 // the first opset by which it is read
	prepare func(c *call) error
}

// operators is the one list of what can be run. To add an operator: a row here, a row of facts in internal/onnxop, a function in
// its family's file, and ONNX's own tests of it, which testdata/nodetests.py writes.
var operators map[string]operator

func init() {
	operators = map[string]operator{
		// element by element
		"Abs":              {1, unarySigned("Abs")},
		"Neg":              {1, unarySigned("Neg")},
		"Sign":             {9, unarySigned("Sign")},
		"Relu":             {1, unarySigned("Relu")},
		"Ceil":             {1, unaryFloat("Ceil")},
		"Celu":             {12, unaryFloat("Celu")},
		"Cos":              {7, unaryFloat("Cos")},
		"Elu":              {1, unaryFloat("Elu")},
		"Erf":              {9, unaryFloat("Erf")},
		"Exp":              {1, unaryFloat("Exp")},
		"Floor":            {1, unaryFloat("Floor")},
		"Gelu":             {20, unaryFloat("Gelu")},
		"HardSigmoid":      {1, unaryFloat("HardSigmoid")},
		"HardSwish":        {14, unaryFloat("HardSwish")},
		"LeakyRelu":        {1, unaryFloat("LeakyRelu")},
		"Log":              {1, unaryFloat("Log")},
		"Mish":             {18, unaryFloat("Mish")},
		"Reciprocal":       {1, unaryFloat("Reciprocal")},
		"Round":            {11, unaryFloat("Round")},
		"Selu":             {1, unaryFloat("Selu")},
		"Sigmoid":          {1, unaryFloat("Sigmoid")},
		"Sin":              {7, unaryFloat("Sin")},
		"Softplus":         {1, unaryFloat("Softplus")},
		"Softsign":         {1, unaryFloat("Softsign")},
		"Sqrt":             {1, unaryFloat("Sqrt")},
		"Swish":            {24, unaryFloat("Swish")},
		"Tanh":             {1, unaryFloat("Tanh")},
		"ThresholdedRelu":  {10, unaryFloat("ThresholdedRelu")},
		"Not":              {1, not},
		"Add":              {7, arithmetic("Add")},
		"Sub":              {7, arithmetic("Sub")},
		"Mul":              {7, arithmetic("Mul")},
		"Div":              {7, arithmetic("Div")},
		"Mod":              {10, mod},
		"Pow":              {7, power},
		"PRelu":            {7, arithmetic("PRelu")},
		"Max":              {8, fold("Max")},
		"Min":              {8, fold("Min")},
		"Sum":              {8, fold("Sum")},
		"Clip":             {1, clip},
		"Equal":            {7, comparison("Equal")},
		"Greater":          {7, comparison("Greater")},
		"GreaterOrEqual":   {12, comparison("GreaterOrEqual")},
		"Less":             {7, comparison("Less")},
		"LessOrEqual":      {12, comparison("LessOrEqual")},
		"And":              {7, logical("And")},
		"Or":               {7, logical("Or")},
		"Xor":              {7, logical("Xor")},
		"Where":            {9, where},
		"Cast":             {6, cast},
		"QuantizeLinear":   {10, quantize},
		"DequantizeLinear": {10, dequantize},

		// matrices and pictures
		"Gemm":                  {7, gemm},
		"MatMul":                {1, matMul},
		"Conv":                  {1, conv},
		"ConvTranspose":         {1, convTranspose},
		"BatchNormalization":    {9, batchNormalization},
		"LayerNormalization":    {17, layerNormalization},
		"InstanceNormalization": {6, groupNormalization},
		"GroupNormalization":    {18, groupNormalization},
		"LpNormalization":       {1, lpNormalization},
		"MaxPool":               {1, maxPool},
		"AveragePool":           {1, averagePool},
		"GlobalMaxPool":         {1, globalPool(false)},
		"GlobalAveragePool":     {1, globalPool(true)},
		"Resize":                {10, resize},
		"Upsample":              {7, resize},

		// along axes
		"ReduceL1":        {1, reduce("ReduceL1", 18)},
		"ReduceL2":        {1, reduce("ReduceL2", 18)},
		"ReduceSumSquare": {1, reduce("ReduceSumSquare", 18)},
		"ReduceMax":       {1, reduce("ReduceMax", 18)},
		"ReduceMean":      {1, reduce("ReduceMean", 18)},
		"ReduceMin":       {1, reduce("ReduceMin", 18)},
		"ReduceProd":      {1, reduce("ReduceProd", 18)},
		"ReduceSum":       {1, reduce("ReduceSum", 13)},
		"ArgMax":          {1, argExtreme(false)},
		"ArgMin":          {1, argExtreme(true)},
		"TopK":            {10, topK},
		"Softmax":         {1, softmax(false)},
		"LogSoftmax":      {1, softmax(true)},

		// shapes
		"Constant":        {1, constantNode},
		"ConstantOfShape": {9, constantOfShape},
		"Dropout":         {7, dropout},
		"Flatten":         {1, flatten},
		"Identity":        {1, identity},
		"Reshape":         {5, reshape},
		"Shape":           {1, shapeNode},
		"Size":            {1, sizeNode},
		"Squeeze":         {1, squeeze},
		"Unsqueeze":       {1, unsqueeze},

		// elements moved
		"Concat":          {4, concat},
		"DepthToSpace":    {1, depthToSpace},
		"Expand":          {8, expand},
		"Gather":          {1, gather},
		"GatherElements":  {11, gatherElements},
		"GatherND":        {11, gatherND},
		"OneHot":          {9, oneHot},
		"Pad":             {2, pad},
		"ScatterElements": {11, scatterElements},
		"ScatterND":       {11, scatterND},
		"Slice":           {1, slice},
		"SpaceToDepth":    {1, spaceToDepth},
		"Split":           {2, split},
		"Tile":            {6, tile},
		"Transpose":       {1, transpose},
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
