package train

import (
	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
)

// biasFromData gives the model that a run begins with the bias of the training rows' means. It counts in the initial weights only:
// checkpoints and bundles have what became of it.
func (r *run) biasFromData() error {
	if r.config.InitialBias != builder.BiasData {
		return nil
	}
	bias, err := r.trained.Model.DataBias(meansOf(r.training, r.trained.Model))
	r.trained.Model.Bias = bias
	return err
}

// meansOf returns the mean of each value of a set's rows as the likelihood sees them: binarised by the threshold where the model does
// that, standardised by its statistics. Rows that are binarised by chance have the mean of their grey values.
func meansOf(set *dataset.Set, m builder.Model) []float64 {
	row := make([]float32, set.RowSize())
	sums := make([]float64, m.Standard.Size(len(row)))
	for i := range set.Len() {
		set.Row(i, row)
		if !m.Standard.Vector.IsZero() {
			m.Standard.Apply(row, row)
		}
		for j, x := range row[:len(sums)] {
			if m.Binarize > 0 {
				if x = 0; float64(row[j]) > m.Binarize {
					x = 1
				}
			}
			sums[j] += float64(x)
		}
	}
	for j := range sums {
		sums[j] /= float64(set.Len())
		if s := m.Standard; len(s.Deviation) > 0 {
			k := j % len(s.Mean)
			sums[j] = (sums[j] - s.Mean[k]) / s.Deviation[k]
		}
	}
	return sums
}
