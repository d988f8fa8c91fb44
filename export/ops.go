package export

//go:generate go test -count=1 -run ^TestOperatorsPage$ . -update

// row says how one operation of gorgonia is written in ONNX.
type row struct {
	gorgonia string // how a user writes it
	arity    int    // number of operands, -1 for any
	onnx     string // the operators that it becomes, for the documentation
	note     string // what a user should know
	lower    func(e *emitter, n *node) (string, error)
}

// ops is the one list of what can be exported, by the kind that kindOf gives. To add an operation: a row here, a
// function in its family's file, a case in ops_test.go, and `go generate ./export` for docs/operators.md. Facts about the ONNX
// operators that it becomes are in internal/onnxop. An op of one's own needs none of these: see builder.ONNXWriter.
var ops = map[string]row{
	"tensor at":                {"At", 1, "Slice, Squeeze", "gorgonia's machine never computes it, and is refused; no gradient", lowerAt},
	"tensor concat":            {"Concat", -1, "Concat", "", lowerConcat},
	"tensor diagFlat":          {"DiagFlat", 1, "Reshape, Pad, Slice", "gorgonia has no gradient of it", lowerDiagFlat},
	"tensor globalAveragePool": {"GlobalAveragePool2D", 1, "ReduceMean", "gorgonia has no gradient of it: Mean has", lowerGlobalAveragePool},
	"tensor max":               {"Max", 1, "ReduceMax", "as Sum; each of equal largest values gets the whole gradient", lowerMax},
	"tensor maxBetween":        {"MaxBetween", 2, "Max", "", binaryOp("Max")},
	"tensor minBetween":        {"MinBetween", 2, "Min", "", binaryOp("Min")},
	"tensor repeat":            {"(broadcasting; the gradient of Sum)", 2, "Expand", "left out where ONNX broadcasts", lowerRepeat},
	"tensor reshape":           {"Reshape", 1, "Reshape", "on gorgonia's own machine it may corrupt its source; the tape engine copies", lowerReshape},
	"tensor size":              {"SizeOf, Mean", 1, "Shape, Cast", "a constant where the size does not vary with the batch", lowerSize},
	"tensor slice":             {"Slice", 1, "Slice, Squeeze", "bounds are numbers or multiples of the batch, steps of 1 or more that divide the length", lowerSlice},
	"tensor sliceIncr":         {"(the gradient of Slice)", 2, "Pad", "steps of 1 only along the batch", lowerSliceIncr},
	"tensor softmaxDiff":       {"(the gradient of SoftMax, LogSoftMax)", 3, "Mul, ReduceSum, Sub", "", lowerSoftmaxDiff},
	"tensor softmax":           {"SoftMax, LogSoftMax", 1, "Softmax, LogSoftmax", "gorgonia merges the two on one operand", lowerSoftmax},
	"tensor sum":               {"Sum", 1, "ReduceSum", "gorgonia's machine gets inner axes of four or more wrong, and is refused", lowerSum},
	"tensor transpose":         {"Transpose", 1, "Transpose", "", lowerTranspose},
	"tensor BatchNorm":         {"BatchNorm", 1, "ReduceMean, Sub, Mul, Add, Sqrt, Reciprocal", "in training mode by the batch, without the running means; in testing mode by these: Mul, Add", lowerBatchNorm},
	"tensor batchnormDiff":     {"(the gradient of BatchNorm)", 2, "ReduceMean, Sub, Mul, Add, Sqrt, Reciprocal", "in testing mode Mul", lowerBatchNormDiff},
	"tensor dropout":           {"Dropout", 1, "Identity", "in testing mode: SetTraining(false) of its op; in training the mask is an input: HadamardProd with it", lowerDropout},
	"tensor GroupNorm":         {"GroupNorm", 1, "Reshape, ReduceMean, Sub, Mul, Add, Sqrt, Reciprocal", "", lowerGroupNorm},
	"tensor groupNormDiff":     {"(the gradient of GroupNorm)", 2, "Reshape, ReduceMean, Sub, Mul, Add, Sqrt, Reciprocal", "", lowerGroupNormDiff},
	"tensor byIndices":         {"ByIndices", 2, "Gather", "", lowerByIndices},
	"tensor byIndicesOpDiff":   {"(the gradient of ByIndices)", 3, "Equal, Cast, Transpose, MatMul", "along axis 0; refused along others, where gorgonia's is wrong", lowerByIndicesDiff},
	"tensor col2im":            {"(the gradient of Im2Col, Conv1d, Conv2d)", 1, "ConvTranspose", "as Im2Col; else Slice, Squeeze, Pad, Add", lowerCol2Im},
	"tensor dtConv":            {"ConvType", 1, "Cast", "", lowerConvert},
	"tensor im2col":            {"Im2Col, Conv1d, Conv2d", 1, "Conv", "where a product and a transpose follow, in float32; else Pad, Slice, Unsqueeze, Concat, Transpose", lowerIm2Col},
	"tensor maxPool":           {"MaxPool1D, MaxPool2D, AveragePool1D", 1, "MaxPool", "gorgonia's AveragePool1D is MaxPool1D", lowerMaxPool},
	"tensor maxPoolDiff":       {"(the gradient of MaxPool1D, MaxPool2D)", 3, "Pad, Slice, Equal, And, Or, Where, Add", "", lowerMaxPoolDiff},
	"tensor tensordot":         {"Tensordot", 2, "Transpose, Reshape, MatMul", "", lowerTensordot},
	"tensor upsample":          {"Upsample2D", 1, "Reshape, Expand", "", lowerUpsample},
	"tensor upsampleDiff":      {"(the gradient of Upsample2D)", 3, "Reshape, ReduceSum", "", lowerUpsampleDiff},
	"binary !=":                {"Ne", 2, "Equal, Not", "Cast where the result has the operands' type", comparison("Equal", true)},
	"binary +":                 {"Add", 2, "Add", "", binaryOp("Add")},
	"binary -":                 {"Sub", 2, "Sub", "", binaryOp("Sub")},
	"binary <":                 {"Lt", 2, "Less", "Cast where the result has the operands' type", comparison("Less", false)},
	"binary <=":                {"Lte", 2, "LessOrEqual", "Cast where the result has the operands' type", comparison("LessOrEqual", false)},
	"binary ==":                {"Eq", 2, "Equal", "Cast where the result has the operands' type", comparison("Equal", false)},
	"binary >":                 {"Gt", 2, "Greater", "Cast where the result has the operands' type", comparison("Greater", false)},
	"binary >=":                {"Gte", 2, "GreaterOrEqual", "Cast where the result has the operands' type", comparison("GreaterOrEqual", false)},
	"binary ^":                 {"Pow", 2, "Pow", "gorgonia's Norm is made of it, without absolute values", binaryOp("Pow")},
	"binary ÷":                 {"HadamardDiv", 2, "Div", "", binaryOp("Div")},
	"binary ⊙":                 {"HadamardProd", 2, "Mul", "", binaryOp("Mul")},
	"matrix A × B":             {"Mul", 2, "Gemm", "with its transposes", lowerGemm},
	"matrix A × b":             {"Mul", 2, "MatMul", "with its transpose", lowerMatVec},
	"matrix A ××× B":           {"BatchedMatMul", 2, "MatMul", "with its transposes", lowerBatchedMatMul},
	"matrix a ⊗ b":             {"OuterProd", 2, "Reshape, MatMul", "its gradient is refused, since gorgonia's is wrong: use Mul of a column and a row", lowerOuter},
	"matrix a ⋅ b":             {"Mul", 2, "MatMul", "", lowerDot},
	"unary abs":                {"Abs", 1, "Abs", "", unaryOp("Abs")},
	"unary ceil":               {"Ceil", 1, "Ceil", "", unaryOp("Ceil")},
	"unary cos":                {"Cos", 1, "Cos", "", unaryOp("Cos")},
	"unary cube":               {"Cube", 1, "Mul", "", lowerCube},
	"unary exp":                {"Exp", 1, "Exp", "", unaryOp("Exp")},
	"unary expm1":              {"Expm1", 1, "Tanh, Exp, Add, Mul", "tanh(x/2)(eˣ+1), accurate near 0", lowerExpm1},
	"unary floor":              {"Floor", 1, "Floor", "", unaryOp("Floor")},
	"unary inv":                {"Inverse", 1, "Reciprocal", "", unaryOp("Reciprocal")},
	"unary invSqrt":            {"InverseSqrt", 1, "Sqrt, Reciprocal", "its gradient is refused, since gorgonia's is wrong: use Inverse(Sqrt(x))", lowerInverseSqrt},
	"unary ln":                 {"Log", 1, "Log", "", unaryOp("Log")},
	"unary log1p":              {"Log1p", 1, "Log, Div, Where", "Kahan's correction, accurate near 0; NaN at +∞", lowerLog1p},
	"unary log2":               {"Log2", 1, "Log, Mul", "its gradient is refused, since gorgonia's is wrong: use Log(x)/ln 2", lowerLog2},
	"unary neg":                {"Neg", 1, "Neg", "", unaryOp("Neg")},
	"unary sigmoid":            {"Sigmoid", 1, "Sigmoid", "", unaryOp("Sigmoid")},
	"unary sign":               {"Sign", 1, "Sign", "", unaryOp("Sign")},
	"unary sin":                {"Sin", 1, "Sin", "", unaryOp("Sin")},
	"unary softplus":           {"Softplus", 1, "Softplus", "written out in float64, for which onnxruntime has no kernel", lowerSoftplus},
	"unary sqrt":               {"Sqrt", 1, "Sqrt", "", unaryOp("Sqrt")},
	"unary square":             {"Square", 1, "Mul", "", lowerSquare},
	"unary tanh":               {"Tanh", 1, "Tanh", "", unaryOp("Tanh")},
}
