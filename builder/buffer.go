package builder

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// An Update says what a training step makes of a buffer: both have one shape.
type Update struct {
	Buffer *G.Node // a leaf from [Graph.Buffer]
	Next   *G.Node // its value in the next step
}

// Buffer adds a tensor that training carries from step to step without a gradient, such as a running mean, under the
// parts being built. Its value lives in the set of parameters, under the path's name like a parameter's: checkpoints and exported
// graphs have it, optimisers leave it alone. The first graph that asks for it makes the value with init.
func (b *Graph) Buffer(name string, init Init, shape ...int) *G.Node {
	n, _ := b.stored(name, init, shape)
	return n
}

// Update says what the buffer is to be after the step. It does nothing in a graph that is not of a training step (see
// [Graph.Training]). Where a part is built again in one graph, the first update counts.
func (b *Graph) Update(buffer, next *G.Node) {
	if b.err != nil || !b.learns {
		return
	}
	if buffer == nil || next == nil || !b.fixed[buffer.Name()] || b.named[buffer.Name()] != buffer || slices.Contains(b.order, buffer.Name()) {
		b.fail("an update takes one of this graph's buffers and its next value")
		return
	}
	if !slices.Equal(buffer.Shape(), next.Shape()) {
		b.fail("the buffer %q has shape %v, its next value %v", buffer.Name(), buffer.Shape(), next.Shape())
		return
	}
	if !slices.ContainsFunc(b.states, func(u Update) bool { return u.Buffer == buffer }) {
		b.states = append(b.states, Update{buffer, next})
	}
}

// Updates returns what a step does to the graph's buffers, in the order of their first update.
func (b *Graph) Updates() []Update { return slices.Clone(b.states) }

// Training reports whether the graph is of a training step. A part may compute something else there: batch normalisation
// takes the batch's statistics, dropout drops. [Model.TrainOn] and [Graph.ForTraining] make a graph one.
func (b *Graph) Training() bool { return b.learns }

// ForTraining makes the graph one of a training step. It is for objectives that are built without [Model.TrainOn], and
// comes before the parts.
func (b *Graph) ForTraining() { b.learns = true }
