package bundle

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
)

// Predicted says that the model predicts a part of a row, its last lines, from the rest: the encoder's graph takes the whole row and looks
// at the rest alone, and what the decoder's graph gives has the shape of the part. Lines lie along the first axis of a row, or along the
// second where it has three axes or more, whose first has the channels. See [dist.Cut].
type Predicted struct {
	Lines int     `json:"lines"`
	Shape []int64 `json:"shape"` // of the part, without the batch
}

// PredictedOf returns the manifest's entry for rows of a shape, nil where they stay whole.
func PredictedOf(c dist.Cut, row []int) *Predicted {
	if c.IsZero() {
		return nil
	}
	p := &Predicted{Lines: c.Lines}
	for _, d := range c.Target(row) {
		p.Shape = append(p.Shape, int64(d))
	}
	return p
}

// RowShape returns the shape of a row.
func (in Input) RowShape() (shape []int) {
	for _, d := range in.Shape {
		shape = append(shape, int(d))
	}
	return shape
}

// Cut returns how rows are divided; the zero value where they stay whole.
func (m *Manifest) Cut() dist.Cut {
	if m.Predicted == nil {
		return dist.Cut{}
	}
	return dist.Cut{Lines: m.Predicted.Lines}
}

// TargetShape returns the shape of what the decoder gives of a row: of the whole row, of what is left of a vector, or of the part that is
// predicted.
func (m *Manifest) TargetShape() []int {
	return m.Cut().Target(m.Input.Standard.Dist().Shape(m.Input.RowShape()))
}

// TargetSize returns the number of values that the decoder gives of a row.
func (m *Manifest) TargetSize() int {
	n := 1
	for _, d := range m.TargetShape() {
		n *= d
	}
	return n
}

// AppendTarget appends what the decoder is to give of a row to dst: the row, what becomes of it as a vector, or the part that is predicted.
func (m *Manifest) AppendTarget(dst, row []float32) []float32 {
	if s := m.Input.Standard.Dist(); !s.Vector.IsZero() {
		z := make([]float32, s.Size(len(row)))
		s.Apply(z, row)
		s.Undo(z, z)
		return append(dst, z...)
	}
	return dist.AppendTarget(m.Cut(), dst, row, m.Input.RowShape())
}

// validatePredicted looks at what the other fields need: a valid input and valid variables.
func (m *Manifest) validatePredicted() error {
	conditional := m.Latent.Prior.Kind == dist.ConditionalPrior
	switch p := m.Predicted; {
	case p == nil && conditional:
		return fmt.Errorf("latent.prior is %q, and predicted is missing: it is the prior of models that predict a part of a row", dist.ConditionalPrior)
	case p == nil:
		return nil
	case !conditional:
		return fmt.Errorf("predicted is given, and latent.prior is %.100q: such a model has %q", m.Latent.Prior.Kind, dist.ConditionalPrior)
	case p.Lines < 1:
		return fmt.Errorf("predicted.lines is %d: use 1 or more", p.Lines)
	}
	if err := m.Cut().Check(m.Input.RowShape()); err != nil {
		return fmt.Errorf("predicted: %w", err)
	}
	if want := PredictedOf(m.Cut(), m.Input.RowShape()); !slices.Equal(want.Shape, m.Predicted.Shape) {
		return fmt.Errorf("predicted.shape is %v: the last %d lines of rows of shape %v have the shape %v", m.Predicted.Shape, m.Predicted.Lines, m.Input.Shape, want.Shape)
	}
	return nil
}
