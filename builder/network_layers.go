package builder

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// Layers is a network as a list of layers, of any of [LayerKinds].
//
// An encoder begins with the row, pictures [height, width] as [1, height, width]; a decoder with the code, [variables] or
// [variables, categories]. The last layer of a list may leave its size out: then it gives the network's result. Otherwise a
// dense layer is added that does.
type Layers struct {
	Layers     []LayerSpec `json:"layers" doc:"the layers, in order: objects with one key, the layer's kind" when:"for networks that kind conv does not have"`
	Dimensions int         `json:"dimensions,omitempty" doc:"axes of a row along which kernels slide: 2, where rows [height, width] become [1, height, width], or 1, where rows [length] become [1, length]; left out: 2" when:"1 for time series and spectra" range:"[0,2]"`
}

var _ Network = Layers{}

// Kind implements [Network].
func (Layers) Kind() string { return "layers" }

// Check implements [Network].
func (l Layers) Check(part string) error {
	err := between("dimensions", 0, 2, l.Dimensions)
	if err == nil && len(l.Layers) == 0 {
		err = fmt.Errorf("layers is empty: list the layers, such as [{\"dense\": 256}, {\"activation\": \"relu\"}]")
	}
	if err == nil {
		err = checkSteps(stepsOf("layers", l.Layers))
	}
	if err != nil {
		return fmt.Errorf("%s.%w", part, err)
	}
	return nil
}

// steps returns the layers, with those that are added before and behind.
func (l Layers) steps(in []int, s NetworkSpec) []step {
	steps := stepsOf("layers", l.Layers)
	if len(steps) > 0 {
		if e, ok := steps[len(steps)-1].layer.(ender); !ok || !e.ends() {
			steps = append(steps, step{"result", "logits", DenseLayer{}})
		}
	}
	if shape := pictureShape(in, l.Dimensions); s.Shape == nil && !slices.Equal(in, shape) {
		steps = append([]step{{"row", "row", ReshapeLayer{Shape: shape}}}, steps...)
	}
	return steps
}

// Plan implements [Network].
func (l Layers) Plan(in []int, s NetworkSpec) ([]Layer, error) {
	lines, _, err := planSteps(l.steps(in, s), in, s)
	return lines, err
}

// Build implements [Network].
func (l Layers) Build(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	return buildSteps(b, x, l.steps(x.Shape()[1:], s), s)
}
