package builder

import (
	"fmt"
	"slices"
	"strconv"

	G "gorgonia.org/gorgonia"
)

// A ResidualLayer is the sum of a row and of what layers make of it (He et al. 1512.03385, equations 1 and 2). Where they give
// another shape, the row goes through layers of its own, the shortcut.
type ResidualLayer struct {
	Layers   []LayerSpec `json:"layers" doc:"what is added to the row"`
	Shortcut []LayerSpec `json:"shortcut,omitempty" doc:"what the row goes through, where layers change its shape; left out: nothing"`
}

// stepsOf puts layers of a list in their places. Their keys are key[0], key[1] and so on.
func stepsOf(key string, layers []LayerSpec) []step {
	var steps []step
	for i, l := range layers {
		steps = append(steps, step{fmt.Sprintf("%s[%d]", key, i), strconv.Itoa(i), l.LayerKind})
	}
	return steps
}

// parts returns the layers and those of the shortcut.
func (l ResidualLayer) parts() (layers, shortcut []step) {
	layers, shortcut = stepsOf("residual", l.Layers), stepsOf("shortcut", l.Shortcut)
	for i := range shortcut {
		shortcut[i].name = "shortcut" + shortcut[i].name
	}
	return layers, shortcut
}

func (l ResidualLayer) check() error {
	if len(l.Layers) == 0 {
		return fmt.Errorf("residual has no layers: list them, such as [{\"conv\": 32}, {\"activation\": \"relu\"}, {\"conv\": 32}]")
	}
	layers, shortcut := l.parts()
	for _, part := range [][]step{layers, shortcut} {
		for _, inner := range part {
			if e, ok := inner.layer.(ender); ok && e.ends() {
				return stepError(inner, fmt.Errorf("its size is left out, which only a network's last layer may do: give it"))
			}
		}
		if err := checkSteps(part); err != nil {
			return err
		}
	}
	return nil
}

func (l ResidualLayer) plan(in []int, s NetworkSpec) ([]Layer, error) {
	layers, shortcut := l.parts()
	lines, out, err := planSteps(layers, in, s)
	if err != nil {
		return nil, err
	}
	beside, kept, err := planSteps(shortcut, in, s)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(out, kept) {
		return nil, fmt.Errorf("its layers make %v of rows of shape %v, which are added to %v: make both alike, or give \"shortcut\", layers that make the same shape of the row, such as a conv with kernel 1", out, in, kept)
	}
	lines = append(lines, beside...)
	for i := range lines {
		lines[i].Name = "." + lines[i].Name
	}
	return append(lines, Layer{Name: "residual sum", Output: out}), nil
}

func (l ResidualLayer) build(b *Graph, x *G.Node, s NetworkSpec, _ Init) *G.Node {
	layers, shortcut := l.parts()
	return b.Add(buildSteps(b, x, layers, s), buildSteps(b, x, shortcut, s))
}

func (l ResidualLayer) String() string {
	return fmt.Sprintf("residual block of %d layers", len(l.Layers))
}
