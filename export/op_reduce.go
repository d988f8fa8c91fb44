package export

import "fmt"

// lowerSum: the axes are an input since opset 13. https://onnx.ai/onnx/operators/onnx__ReduceSum.html
func lowerSum(e *emitter, n *node) (string, error) {
	axes, err := n.numbers("along")
	if err != nil {
		return "", err
	}
	if len(n.in[0].shape) == 0 {
		return e.in(n, 0), nil
	}
	keep := map[string]any{"keepdims": int64(0)}
	if len(axes) == 0 {
		return e.Node("ReduceSum", keep, e.in(n, 0)), nil
	}
	return e.Node("ReduceSum", keep, e.in(n, 0), e.Ints(int64s(axes)...)), nil
}

// lowerMax: the axes of ReduceMax are an attribute until opset 18. https://onnx.ai/onnx/operators/onnx__ReduceMax.html
func lowerMax(e *emitter, n *node) (string, error) {
	axes, err := n.numbers("along")
	if err != nil {
		return "", err
	}
	attributes := map[string]any{"keepdims": int64(0)}
	if len(axes) > 0 {
		attributes["axes"] = int64s(axes)
	}
	return e.Node("ReduceMax", attributes, e.in(n, 0)), nil
}

// softmaxAxis returns the axis of a softmax; gorgonia's -1 is the last one, or the first of a column vector.
func softmaxAxis(n *node) (int64, error) {
	axis, err := n.number("axis")
	if err != nil {
		return 0, err
	}
	if axis != -1 {
		return int64(axis), nil
	}
	shape := n.in[0].shape
	if len(shape) == 2 && shape[1] == (dim{n: 1}) && shape[0] != (dim{n: 1}) {
		return 0, nil
	}
	return int64(len(shape) - 1), nil
}

func lowerSoftmax(e *emitter, n *node) (string, error) {
	axis, err := softmaxAxis(n)
	if err != nil {
		return "", err
	}
	log, err := n.flag("isLog")
	if err != nil {
		return "", err
	}
	op := "Softmax"
	if log {
		op = "LogSoftmax"
	}
	return e.Node(op, map[string]any{"axis": axis}, e.in(n, 0)), nil
}

// lowerSoftmaxDiff writes the gradient of a softmax y of x for the gradient g of y:
//
//	log-softmax   g - exp(y) Σ g
//	softmax       y (g - Σ g y)
func lowerSoftmaxDiff(e *emitter, n *node) (string, error) {
	axis, err := softmaxAxis(n)
	if err != nil {
		return "", err
	}
	log, err := n.flag("isLog")
	if err != nil {
		return "", err
	}
	if !sameDims(n.in[1].shape, n.in[2].shape) {
		return "", fmt.Errorf("export: %s: the gradient's shape is not the softmax's", label(n.first))
	}
	y, g, keep := e.in(n, 1), e.in(n, 2), map[string]any{"keepdims": int64(1)}
	if log {
		total := e.Node("ReduceSum", keep, g, e.Ints(axis))
		return e.Node("Sub", nil, g, e.Node("Mul", nil, e.Node("Exp", nil, y), total)), nil
	}
	total := e.Node("ReduceSum", keep, e.Node("Mul", nil, g, y), e.Ints(axis))
	return e.Node("Mul", nil, y, e.Node("Sub", nil, g, total)), nil
}
