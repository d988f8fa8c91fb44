package builder

import (
	"fmt"

	"github.com/catvae/catvae/dist"
)

// The ways to start the decoder's last bias, as `initial_bias` has them.
const (
	BiasZero = "zero"
	BiasData = "data"
)

// InitialBiases returns their names.
func InitialBiases() []string { return []string{BiasZero, BiasData} }

// DataBias returns [Model.Bias] for rows whose values have these means, as the likelihood sees them: the decoder's outputs, before
// it has learned anything, are then those of the mean row whatever the code is.
func (m Model) DataBias(means []float64) ([]float64, error) {
	l, err := m.likelihood()
	if err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	if size := m.Standard.Size(m.Width()); len(means) != size {
		return nil, fmt.Errorf("builder: %d means for rows of %d values", len(means), size)
	}
	means = dist.AppendTarget(m.Cut, nil, means, m.Input)
	n := l.Predicted()
	bias := make([]float64, len(means)*n)
	for i, mean := range means {
		copy(bias[i*n:][:n], dist.BiasOf(l, mean))
	}
	return bias, nil
}
