package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// An ActivationLayer applies a function to each number.
type ActivationLayer struct {
	Name Activation `json:"name,omitempty" doc:"the function; left out: the model's activation" oneof:"activations"`
}

// of returns the function, which is the model's where none is named.
func (l ActivationLayer) of(s NetworkSpec) Activation {
	if l.Name == "" {
		return s.Activation
	}
	return l.Name
}

func (l ActivationLayer) check() error { return checkActivation(l.Name) }

// checkActivation reports a name that is neither left out nor an activation's.
func checkActivation(a Activation) error {
	if _, ok := activations[a]; ok || a == "" {
		return nil
	}
	return fmt.Errorf("activation is %q: %s", a, suggest(string(a), Activations()))
}

func (l ActivationLayer) plan(in []int, s NetworkSpec) ([]Layer, error) {
	return []Layer{{Name: string(l.of(s)), Output: in}}, nil
}

func (l ActivationLayer) build(b *Graph, x *G.Node, s NetworkSpec, _ Init) *G.Node {
	return b.Activate(l.of(s), x)
}

func (l ActivationLayer) String() string { return "activation " + string(l.Name) }
