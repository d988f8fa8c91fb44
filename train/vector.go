package train

import (
	"fmt"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// Vector says how the encoder's graph prepares rows whose direction counts, such as embeddings: see [dist.Vector].
type Vector struct {
	Truncate int      `json:"truncate,omitempty" doc:"how many values of a row the encoder's graph takes, the first ones; reconstructions are of these; left out or 0: all" when:"for embeddings that are trained to be cut (Matryoshka), to see what fewer numbers cost" range:"[0,65536]"`
	Steps    []string `json:"steps,omitempty" doc:"what the encoder's graph then does with them, in this order: normalise divides a row by its length, centre subtracts the mean of the rows trained on. Likelihoods and bounds are of what the last step gives, and so are reconstructions, with the mean added where centre is last; left out: nothing" when:"normalise,centre for embeddings that are compared by the cosine; centre,normalise or normalise,centre,normalise where all of them lie to one side of 0" oneof:"vectorsteps"`
}

// dist returns the vector as package dist has it.
func (v Vector) dist() dist.Vector { return dist.Vector{Truncate: v.Truncate, Steps: v.Steps} }

// IsZero reports a configuration without the keys.
func (v Vector) IsZero() bool { return v.dist().IsZero() }

// checkVector reports a vector that makes no sense with the other keys.
func (c Config) checkVector() error {
	v := c.Data.Vector.dist()
	if v.IsZero() {
		return nil
	}
	if kind := c.Data.standardise(); kind != "" {
		return fmt.Errorf("train: data.standardise is %s, and data.vector is given: rows are prepared in one way: set data.standardise=%s, or leave data.vector out: %w", kind, dist.StandardNone, ErrConfig)
	}
	if err := v.Check(); err != nil {
		return fmt.Errorf("train: data.vector.%w: %w", err, ErrConfig)
	}
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err == nil {
		err = builder.CheckVector(v, c.Likelihood.Name(), l)
	}
	if err != nil {
		return fmt.Errorf("train: %w: %w", err, ErrConfig)
	}
	return nil
}

// checkRow reports rows without a direction, where rows are normalised before anything is subtracted from them; nil where they are not. What
// a mean leaves of a row is looked at by [vectorOf].
func (c Config) checkRow() func(row []float32) error {
	s := c.Standard()
	if len(s.Vector.Steps) == 0 || s.Vector.Steps[0] != dist.Normalise {
		return nil
	}
	s.Vector.Steps = s.Vector.Steps[:1]
	return s.CheckRow
}

// vectorOf computes the mean of a set's rows that centring subtracts: of what the steps before it give, in float64, rounded to float32.
func vectorOf(set *dataset.Set, v dist.Vector) (dist.Standard, error) {
	before := dist.Standard{Vector: v}
	for i, step := range v.Steps {
		if step == dist.Centre {
			before.Vector.Steps = v.Steps[:i]
			break
		}
	}
	row := make([]float32, set.RowSize())
	size := before.Size(len(row))
	mean, z := make([]float64, size), make([]float32, size)
	for i := range set.Len() {
		set.Row(i, row)
		before.Apply(z, row)
		for j, x := range z {
			mean[j] += float64(x) / float64(set.Len())
		}
	}
	for j := range mean {
		mean[j] = float64(float32(mean[j]))
	}
	s := dist.Standard{Mean: mean, Vector: v}
	err := s.Check(len(row))
	for i := 0; i < set.Len() && err == nil; i++ {
		set.Row(i, row)
		if err = s.CheckRow(row); err != nil {
			err = fmt.Errorf("row %d: %w", set.Origin(i), err)
		}
	}
	if err != nil {
		return s, fmt.Errorf("train: data.vector.steps is %s: %s: %w: leave such rows out: %w", strings.Join(v.Steps, ","), set.Source, err, dataset.ErrData)
	}
	return s, nil
}

// vectorText says what becomes of numbers in the encoder's graph, by data.vector.
func (v Vector) text() string {
	if v.IsZero() {
		return ""
	}
	var does []string
	if v.Truncate > 0 {
		does = append(does, fmt.Sprintf("takes the first %d of a row", v.Truncate))
	}
	for _, step := range v.Steps {
		does = append(does, map[string]string{dist.Normalise: "brings rows to length 1", dist.Centre: "subtracts the mean of the rows trained on"}[step])
	}
	return ", and the encoder's graph " + strings.Join(does, ", then ")
}
