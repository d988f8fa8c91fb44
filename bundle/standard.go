package bundle

import (
	"fmt"

	"github.com/catvae/catvae/dist"
)

// Standard says how the encoder's graph standardises rows, and that the decoder's brings the reconstruction back into their
// units: z = (x - mean) / deviation. Nothing is left to do for whoever feeds rows. The likelihood is of z: who computes it,
// as a score does, standardises the row first. Vectors are cut and taken through steps instead: see [dist.Vector]; the reconstruction is
// then of what the steps give, with the mean added where it was subtracted last.
type Standard struct {
	// Kind is "column" (a mean and a deviation for each value), "all" (one of each), "log" (ln(1+x), in the encoder alone) or "vector".
	Kind      string    `json:"kind"`
	Mean      []float32 `json:"mean,omitempty"`
	Deviation []float32 `json:"deviation,omitempty"`
	// Truncate is how many values of a row are taken, and Steps what becomes of them: of "vector" alone.
	Truncate int      `json:"truncate,omitempty"`
	Steps    []string `json:"steps,omitempty"`
}

// StandardOf returns the manifest's entry of a standard, nil for the one that changes nothing.
func StandardOf(s dist.Standard) *Standard {
	if s.IsZero() {
		return nil
	}
	to := &Standard{Kind: s.Kind(), Truncate: s.Vector.Truncate, Steps: s.Vector.Steps}
	for _, x := range s.Mean {
		to.Mean = append(to.Mean, float32(x))
	}
	for _, x := range s.Deviation {
		to.Deviation = append(to.Deviation, float32(x))
	}
	return to
}

// Dist returns how rows are standardised; nil is the standard that changes nothing.
func (s *Standard) Dist() dist.Standard {
	if s == nil {
		return dist.Standard{}
	}
	to := dist.Standard{Log: s.Kind == dist.StandardLog, Vector: dist.Vector{Truncate: s.Truncate, Steps: s.Steps}}
	for _, x := range s.Mean {
		to.Mean = append(to.Mean, float64(x))
	}
	for _, x := range s.Deviation {
		to.Deviation = append(to.Deviation, float64(x))
	}
	return to
}

func (s *Standard) validate(width int) error {
	if s == nil {
		return nil
	}
	to := s.Dist()
	if err := to.Check(width); err != nil {
		return fmt.Errorf("input.standard: %w", err)
	}
	if kind := to.Kind(); kind != s.Kind && !(s.Kind == dist.StandardColumn && width == 1 && kind == dist.StandardAll) || to.IsZero() {
		return fmt.Errorf("input.standard.kind is %.100q with %d means for rows of %d values: %s has one mean, %s one a value, %s none, and %s steps or a number of values", s.Kind, len(s.Mean), width, dist.StandardAll, dist.StandardColumn, dist.StandardLog, dist.StandardVector)
	}
	return nil
}
