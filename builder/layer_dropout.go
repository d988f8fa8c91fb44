package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// A DropoutLayer sets numbers to zero in training: see [Graph.Dropout].
type DropoutLayer struct {
	Rate float64 `json:"rate" doc:"the probability with which a number is set to zero in a training step" range:"[0,1)"`
}

func (l DropoutLayer) check() error { return checkDropout("rate", l.Rate) }

// checkDropout reports a probability of a key that is none.
func checkDropout(key string, rate float64) error {
	if rate >= 0 && rate < 1 {
		return nil
	}
	return fmt.Errorf("%s is %g: use 0 or more, below 1", key, rate)
}

func (l DropoutLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	return []Layer{{Name: l.String(), Output: in}}, nil
}

func (l DropoutLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	return b.Dropout("dropout", x, l.Rate)
}

func (l DropoutLayer) String() string { return fmt.Sprintf("dropout %g", l.Rate) }
