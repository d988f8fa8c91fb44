package export

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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

// channels are the axes over which BatchNorm takes its means in training: all but the second. training is false in testing mode.
func (n *node) channels() (axes []int64, training bool, err error) {
	training, err = n.flag("training")
	axes = []int64{0}
	for i := 2; i < len(n.in[0].shape); i++ {
		axes = append(axes, int64(i))
	}
	return axes, training, err
}

// running are the factor 1/√(variance + ε) and the mean, with its sign turned, times that factor, of BatchNorm in testing mode, by
// its running statistics, in the shape [channels, 1...].
func (e *emitter) running(n *node) (factor, offset string, err error) {
	var statistics [2][]float64
	var again [2][]float64
	for of, list := range map[*G.Node]*[2][]float64{n.first: &statistics, n.second: &again} {
		op, ok := of.Op().(interface {
			Stats() (mean, variance tensor.Tensor)
		})
		if !ok {
			return "", "", fmt.Errorf("export: %s: %T has no statistics: this version of gorgonia is not the one the exporter was written for", label(n.first), of.Op())
		}
		mean, variance := op.Stats()
		if list[0], err = numbers(mean); err != nil {
			return "", "", err
		}
		if list[1], err = numbers(variance); err != nil {
			return "", "", err
		}
	}
	if !e.drawn && !(slices.Equal(statistics[0], again[0]) && slices.Equal(statistics[1], again[1])) {
		return "", "", fmt.Errorf("export: %s: BatchNorm in testing mode has other running statistics in each trace: give both the trained ones by SetStats", label(n.first))
	}
	epsilon, err := field(n.op(), "epsilon")
	if err != nil {
		return "", "", err
	}
	by, add := make([]float64, len(statistics[0])), make([]float64, len(statistics[0]))
	for i, mean := range statistics[0] {
		by[i] = 1 / math.Sqrt(statistics[1][i]+epsilon.Float())
		add[i] = -mean * by[i]
	}
	shape := []int64{int64(len(by))}
	for range len(n.in[0].shape) - 2 {
		shape = append(shape, 1)
	}
	return e.Numbers(by, shape...), e.Numbers(add, shape...), nil
}

// numbers are the elements of a tensor of floats.
func numbers(t tensor.Tensor) ([]float64, error) {
	switch d := t.Data().(type) {
	case []float64:
		return d, nil
	case []float32:
		wide := make([]float64, len(d))
		for i, v := range d {
			wide[i] = float64(v)
		}
		return wide, nil
	}
	return nil, fmt.Errorf("export: statistics of type %v: use float32 or float64", t.Dtype())
}

func lowerBatchNorm(e *emitter, n *node) (string, error) {
	axes, training, err := n.channels()
	if err != nil {
		return "", err
	}
	if !training {
		factor, offset, err := e.running(n)
		if err != nil {
			return "", err
		}
		return e.Node("Add", nil, e.Node("Mul", nil, e.in(n, 0), factor), offset), nil
	}
	hat, _, err := e.standardized(n, e.in(n, 0), axes)
	return hat, err
}

func lowerBatchNormDiff(e *emitter, n *node) (string, error) {
	axes, training, err := n.channels()
	if err != nil {
		return "", err
	}
	if !training {
		factor, _, err := e.running(n)
		return e.Node("Mul", nil, e.in(n, 1), factor), err
	}
	return e.standardizedDiff(n, e.in(n, 0), e.in(n, 1), axes)
}

// lowerDropout drops nothing: outside training, gorgonia's Dropout is its operand.
func lowerDropout(e *emitter, n *node) (string, error) {
	training, err := n.flag("isTraining")
	if err != nil {
		return "", err
	}
	p, err := field(n.op(), "probability")
	if err != nil {
		return "", err
	}
	if training && p.Float() > 0 {
		return "", fmt.Errorf("export: %s: Dropout in training draws numbers of its own: %w: make the mask an input, 0 or 1/(1-p), for HadamardProd; for inference, call SetTraining(false) of the node's op (gorgonia.TrainModeOp)", label(n.first), ErrUnsupportedOp)
	}
	return e.Node("Identity", nil, e.in(n, 0)), nil
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
