package export

import "fmt"

// Normalisations give groups of numbers the mean 0 and the variance 1. gorgonia multiplies and adds its scale and bias
// as nodes of their own.

// standardized is x̂ = (x - mean) r over axes, and r = 1/√(variance + ε), with the axes kept.
func (e *emitter) standardized(n *node, x string, axes []int64) (hat, r string, err error) {
	epsilon, err := field(n.op(), "epsilon")
	if err != nil {
		return "", "", err
	}
	over := map[string]any{"axes": axes}
	centred := e.Node("Sub", nil, x, e.Node("ReduceMean", over, x))
	variance := e.Node("ReduceMean", over, e.Node("Mul", nil, centred, centred))
	r = e.Node("Reciprocal", nil, e.Node("Sqrt", nil, e.Node("Add", nil, variance, e.Numbers([]float64{epsilon.Float()}))))
	return e.Node("Mul", nil, centred, r), r, nil
}

// standardizedDiff is the gradient of x for the gradient g of x̂: r (g - mean(g) - x̂ mean(g x̂)).
func (e *emitter) standardizedDiff(n *node, x, g string, axes []int64) (string, error) {
	hat, r, err := e.standardized(n, x, axes)
	if err != nil {
		return "", err
	}
	over := map[string]any{"axes": axes}
	along := e.Node("Mul", nil, hat, e.Node("ReduceMean", over, e.Node("Mul", nil, g, hat)))
	return e.Node("Mul", nil, r, e.Node("Sub", nil, e.Node("Sub", nil, g, e.Node("ReduceMean", over, g)), along)), nil
}

// channels are the axes over which BatchNorm takes its means: all but the second. Only its training mode is written.
func (n *node) channels() ([]int64, error) {
	training, err := n.flag("training")
	if err != nil {
		return nil, err
	}
	if !training {
		return nil, fmt.Errorf("export: %s: BatchNorm in testing mode, with running means that a compiled step does not keep: %w: give the means as parameters, with Sub and HadamardProd", label(n.first), ErrUnsupportedOp)
	}
	axes := []int64{0}
	for i := 2; i < len(n.in[0].shape); i++ {
		axes = append(axes, int64(i))
	}
	return axes, nil
}

func lowerBatchNorm(e *emitter, n *node) (string, error) {
	axes, err := n.channels()
	if err != nil {
		return "", err
	}
	hat, _, err := e.standardized(n, e.in(n, 0), axes)
	return hat, err
}

func lowerBatchNormDiff(e *emitter, n *node) (string, error) {
	axes, err := n.channels()
	if err != nil {
		return "", err
	}
	return e.standardizedDiff(n, e.in(n, 0), e.in(n, 1), axes)
}

// groups is the shape in which each group of a row's channels is one axis.
func (n *node) groups() ([]dim, error) {
	count, err := n.number("numGroups")
	if err != nil {
		return nil, err
	}
	rest := dim{n: 1}
	for _, d := range n.shape[1:] {
		rest = product(rest, d)
	}
	inner, ok := times(dim{n: int64(count)}, rest)
	if !ok || rest.byBatch {
		return nil, fmt.Errorf("export: %s: %d groups do not divide a row of %d numbers", label(n.first), count, rest.n)
	}
	return []dim{n.shape[0], {n: int64(count)}, inner}, nil
}

func lowerGroupNorm(e *emitter, n *node) (string, error) {
	split, err := n.groups()
	if err != nil {
		return "", err
	}
	x, err := e.reshape(e.in(n, 0), split)
	if err != nil {
		return "", err
	}
	hat, _, err := e.standardized(n, x, []int64{2})
	if err != nil {
		return "", err
	}
	return e.reshape(hat, n.shape)
}

func lowerGroupNormDiff(e *emitter, n *node) (string, error) {
	split, err := n.groups()
	if err != nil {
		return "", err
	}
	var operands [2]string
	for i := range operands {
		if operands[i], err = e.reshape(e.in(n, i), split); err != nil {
			return "", err
		}
	}
	grad, err := e.standardizedDiff(n, operands[0], operands[1], []int64{2})
	if err != nil {
		return "", err
	}
	return e.reshape(grad, n.shape)
}
