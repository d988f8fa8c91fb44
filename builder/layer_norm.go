package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// The kinds of normalisations.
const (
	BatchNormalisation = "batch" // of each channel over the batch
	LayerNormalisation = "layer" // of each row over all its numbers
)

// Norms returns the names of all normalisations.
func Norms() []string { return []string{BatchNormalisation, LayerNormalisation} }

// checkNorm reports a name that is neither left out nor a normalisation's.
func checkNorm(kind string) error {
	if kind == "" || kind == BatchNormalisation || kind == LayerNormalisation {
		return nil
	}
	return fmt.Errorf("norm is %q: %s", kind, suggest(kind, Norms()))
}

// A NormLayer normalises rows: see [Graph.BatchNorm] and [Graph.LayerNorm].
type NormLayer struct {
	Kind string `json:"kind,omitempty" doc:"batch, each channel over the batch, or layer, each row over all its numbers; left out: batch" oneof:"norms"`
}

func (l NormLayer) check() error { return checkNorm(l.Kind) }

func (l NormLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	weights := 2 * in[0]
	if l.Kind == LayerNormalisation {
		weights = 2 * flattened(in)
	}
	if l.Kind == LayerNormalisation && weights == 2 {
		return nil, fmt.Errorf("layer normalisation of rows of shape %v makes every row alike: use batch, or wider rows", in)
	}
	return []Layer{{l.String(), in, weights, 0}}, nil
}

func (l NormLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	if l.Kind == LayerNormalisation {
		return b.LayerNorm("norm", x)
	}
	return b.BatchNorm("norm", x)
}

func (l NormLayer) String() string {
	if l.Kind == LayerNormalisation {
		return "layer norm"
	}
	return "batch norm"
}
