package builder

import (
	G "gorgonia.org/gorgonia"
)

// The constants of batch normalisation, which are PyTorch's.
const (
	normEpsilon  = 1e-5 // is added to variances
	normMomentum = 0.1  // the weight of a batch's statistics in the running ones
)

// Ones fills with 1.
func Ones(dst []float64, _ []int, _ func([]float64)) {
	for i := range dst {
		dst[i] = 1
	}
}

// BatchNorm normalises each channel of x [batch, channels, ...], or each column of [batch, channels], and gives it a scale
// and a shift (Ioffe and Szegedy 1502.03167, algorithm 1):
//
//	y = scale · (x - mean) / √(variance + 1e-5) + shift
//
// In a graph of a training step (see [Graph.Training]) mean and variance are the batch's, over everything but the channels, and the
// gradient passes through them. The step then moves the running statistics by a tenth to them, the variance with the divisor n-1,
// as PyTorch does. In every other graph mean and variance are the running ones; an exporter folds them into the convolution or the product
// before. The parameters are "<name>/scale" and "<name>/shift", which start at 1 and 0, the buffers "<name>/running_mean" and
// "<name>/running_variance". A channel needs at least two numbers in a training step.
func (b *Graph) BatchNorm(name string, x *G.Node) *G.Node {
	return b.batchNorm(name, x, true)
}

// BatchStandard is [Graph.BatchNorm] without scale and shift.
func (b *Graph) BatchStandard(name string, x *G.Node) *G.Node {
	return b.batchNorm(name, x, false)
}

func (b *Graph) batchNorm(name string, x *G.Node, affine bool) *G.Node {
	return b.In(name, func() *G.Node {
		if b.err != nil {
			return nil
		}
		if x == nil || x.Dims() < 2 {
			return b.fail("batch normalisation takes [batch, channels] or [batch, channels, ...], not %v", shapes(G.Nodes{x}))
		}
		channels, axes := x.Shape()[1], allBut(1, x.Dims())
		count := x.Shape().TotalSize() / channels
		if b.learns && count < 2 {
			return b.fail("batch normalisation of shape %v: a channel has one number, and no variance: use batches of two rows or more", x.Shape())
		}
		var scale, shift *G.Node
		if affine {
			scale, shift = b.Parameter("scale", Ones, channels), b.Parameter("shift", Zeros, channels)
		}
		mean := b.Buffer("running_mean", Zeros, channels)
		variance := b.Buffer("running_variance", Ones, channels)
		if b.learns {
			m, v := b.moments(x, axes)
			b.Update(mean, b.towards(mean, m, 1))
			b.Update(variance, b.towards(variance, v, float64(count)/float64(count-1)))
			return b.affine(b.normalize(x, m, v, axes), scale, shift, axes)
		}
		// one product and one sum a number, of vectors that are known beforehand
		factor := b.reciprocalRoot(variance)
		if affine {
			factor = b.Mul(scale, factor)
		}
		offset := b.Neg(b.Mul(mean, factor))
		if affine {
			offset = b.Sub(shift, b.Mul(mean, factor))
		}
		return b.affine(x, factor, offset, axes)
	})
}

// LayerNorm normalises each row of x [batch, ...] over all its numbers and gives each number a scale and a shift, the parameters
// "<name>/scale" and "<name>/shift" of the row's shape, which start at 1 and 0 (Ba et al. 1607.06450):
//
//	y = scale · (x - mean) / √(variance + 1e-5) + shift
func (b *Graph) LayerNorm(name string, x *G.Node) *G.Node {
	return b.In(name, func() *G.Node {
		if b.err != nil {
			return nil
		}
		if x == nil || x.Dims() < 2 || x.Shape().TotalSize() == x.Shape()[0] {
			return b.fail("layer normalisation takes [batch, ...] with two numbers a row or more, not %v", shapes(G.Nodes{x}))
		}
		axes := allBut(0, x.Dims())
		m, v := b.moments(x, axes)
		row := x.Shape()[1:]
		return b.affine(b.normalize(x, m, v, axes), b.Parameter("scale", Ones, row...), b.Parameter("shift", Zeros, row...), []int{0})
	})
}

// moments returns the mean and the variance of x over axes, the latter with the number of values as its divisor.
func (b *Graph) moments(x *G.Node, axes []int) (mean, variance *G.Node) {
	if b.err != nil {
		return nil, nil
	}
	count := 1
	for _, a := range axes {
		count *= x.Shape()[a]
	}
	n := b.Number(float64(count))
	mean = b.Div(b.Sum(x, axes...), n)
	centred := b.Sub(x, b.ExpandLike(mean, x, axes...))
	return mean, b.Div(b.Sum(b.Square(centred), axes...), n)
}

// normalize returns (x - mean) / √(variance + ε), where these are the moments of x over axes.
func (b *Graph) normalize(x, mean, variance *G.Node, axes []int) *G.Node {
	factor := b.reciprocalRoot(variance)
	if b.err != nil {
		return nil
	}
	return b.apply(normalizeOp{Shape: x.Shape(), Axes: axes}, x, b.StopGradient(mean), b.StopGradient(factor))
}

func (b *Graph) reciprocalRoot(variance *G.Node) *G.Node {
	return b.Div(b.Number(1), b.Sqrt(b.Add(variance, b.Number(normEpsilon))))
}

// towards returns a running statistic after a step: a tenth of the way to a batch's, times a factor.
func (b *Graph) towards(running, batch *G.Node, factor float64) *G.Node {
	return b.Add(b.Mul(running, b.Number(1-normMomentum)), b.Mul(batch, b.Number(normMomentum*factor)))
}

// affine returns x·scale + shift, repeated along axes; without them, x.
func (b *Graph) affine(x, scale, shift *G.Node, axes []int) *G.Node {
	if b.err != nil || scale == nil {
		return x
	}
	return b.Add(b.Mul(x, b.ExpandLike(scale, x, axes...)), b.ExpandLike(shift, x, axes...))
}
