package builder

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// The names of the inputs of a training graph that hold rows.
const (
	SampleInput = "sample" // what the encoder sees
	TargetInput = "target" // what the decoder is to explain, where that is something else
	ViewInput   = "view"   // what the encoder sees of the same rows by another draw, see [Parts.View]
)

// RowsInput makes an input of a batch of rows by its name: the leaf that each step fills, and the rows as the model takes them, which may
// be the leaf itself or computed from it, such as bytes that are divided.
type RowsInput func(name string) (leaf, rows *G.Node)

// TrainFrom builds the training graph of a batch on rows that input makes. The first input of the result is [SampleInput]. Where clean is
// set, the second is [TargetInput], of purpose [TargetPurpose]: the decoder explains it, and the encoder never sees it. So a model learns to
// undo what was done to its rows (Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders"). The others
// are those that the estimator and layers ask for.
func (m Model) TrainFrom(b *Graph, input RowsInput, clean bool) (Training, error) {
	if err := m.Validate(); err != nil {
		return Training{}, err
	}
	leaf, x := input(SampleInput)
	inputs, target := []Input{{SampleInput, RowsPurpose, leaf}}, x
	if clean {
		leaf, target = input(TargetInput)
		inputs = append(inputs, Input{TargetInput, TargetPurpose, leaf})
	}
	t, err := m.trainOn(b, x, target, input)
	t.Inputs = slices.Concat(inputs, t.Inputs)
	return t, err
}

// Train builds the training graph of a batch of float rows: an input called "sample".
func (m Model) Train(b *Graph, batch int) (Training, error) {
	return m.TrainFrom(b, func(name string) (leaf, rows *G.Node) {
		x := b.Input(name, m.InputShape(batch)...)
		return x, x
	}, false)
}

// TrainOn builds the training graph on rows x of [Model.InputShape]: x is the caller's input, or a node computed from
// one. The returned inputs are those that the estimator and layers (see [Graph.Dropout]) ask for. An estimator that asks for a view of the
// rows needs [Model.TrainFrom].
func (m Model) TrainOn(b *Graph, x *G.Node) (Training, error) {
	if err := m.Validate(); err != nil {
		return Training{}, err
	}
	return m.trainOn(b, x, x, nil)
}

// trainOn builds the training graph on rows x of which target are to be explained.
func (m Model) trainOn(b *Graph, x, target *G.Node, input RowsInput) (Training, error) {
	batch := b.batch(x)
	if b.err != nil {
		return Training{}, b.err
	}
	estimate, err := m.estimator()
	if err != nil {
		return Training{}, fmt.Errorf("builder: %w", err)
	}
	b.learns = true
	p := &Parts{Graph: b, Model: m, Rows: x, batch: batch, samples: m.samples(), rowsInput: input}
	p.Target = m.explained(b, target)
	o := p.with(estimate(p))
	return Training{Inputs: slices.Concat(p.inputs, b.asked), Objective: o}, b.Err()
}

// View returns a second view of the rows, in the form of [Parts.Rows] and of their shape: the same rows in the same order, augmented by other
// draws, which objectives that compare two views of a row ask for (Chen et al. 2002.05709, section 2.1). Where nothing is augmented, the views
// differ in what dynamic binarisation draws, or not at all. Every call returns the same node, an input of purpose [ViewPurpose].
func (p *Parts) View() *G.Node {
	if p.view != nil || p.Err() != nil {
		return p.view
	}
	if p.rowsInput == nil {
		return p.fail("the estimator asks for a second view of the rows: build the graph by Model.TrainFrom, which knows how rows come in")
	}
	leaf, view := p.rowsInput(ViewInput)
	p.inputs = append(p.inputs, Input{ViewInput, ViewPurpose, leaf})
	p.view = view
	return view
}
