package builder

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// A Layer is a line of a network's plan: what a layer makes of a row, and what it costs.
type Layer struct {
	Name         string // its key in the configuration, and what it is: "channels[0]: conv 32, 3x3, stride 2"
	Output       []int  // shape of a row of the result
	Weights      int    // trained numbers, biases included
	MultiplyAdds int    // of products with weights, for one row
}

// Plan returns the layers of the model's networks, in order: see [Network]. What does not fit is an error that names the
// layer's key.
func (m Model) Plan() (encoder, decoder []Layer, err error) {
	if err := m.Validate(); err != nil {
		return nil, nil, err
	}
	l, err := m.likelihood()
	if err != nil {
		return nil, nil, fmt.Errorf("builder: %w", err)
	}
	return m.plan(l)
}

func (m Model) plan(l dist.Likelihood) (encoder, decoder []Layer, err error) {
	total := 0
	for _, part := range []struct {
		name    string
		network Network
		in      []int
		spec    NetworkSpec
		lines   *[]Layer
	}{
		{"encoder", m.Encoder, m.SeenShape(), m.encoderSpec(), &encoder},
		{"decoder", m.Decoder, m.Latent.Dist().Decoded().CodeShape(), m.decoderSpec(l), &decoder},
	} {
		lines, err := part.network.Plan(part.in, part.spec)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.%w", part.name, err)
		}
		weights, err := checkPlan(lines)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.%w", part.name, err)
		}
		if n := len(lines); n > 0 && flattened(lines[n-1].Output) != part.spec.Out {
			return nil, nil, fmt.Errorf("%s.%s gives rows of shape %v, the model wants %d numbers", part.name, lines[n-1].Name, lines[n-1].Output, part.spec.Out)
		}
		total += weights
		*part.lines = lines
	}
	if m.Latent.layered() {
		weights, err := m.planLayers(&encoder, &decoder)
		if err != nil {
			return nil, nil, err
		}
		total += weights
	}
	if total > maxWeights {
		return nil, nil, fmt.Errorf("the layers of encoder and decoder have %d weights, at most %d are allowed: make them narrower", total, maxWeights)
	}
	return encoder, decoder, nil
}

// maxMultiplyAdds bounds what a row costs, so that a mistyped number is an error and does not run for days.
const maxMultiplyAdds = 1 << 38

// maxLayers bounds how many layers a network has, those of residual blocks included.
const maxLayers = 1000

// A step is a layer in its place.
type step struct {
	key   string // in errors and tables: "layers[2]"
	name  string // leads the names of its parameters: "2"
	layer LayerKind
}

// checkSteps reports the first thing wrong with layers, whatever rows come in.
func checkSteps(steps []step) error {
	if n := countSteps(steps); n > maxLayers {
		return fmt.Errorf("%s and the others are %d layers: use at most %d", steps[0].key, n, maxLayers)
	}
	for i, l := range steps {
		if l.layer == nil {
			return fmt.Errorf("%s is empty: give a layer", l.key)
		}
		if err := l.layer.check(); err != nil {
			return stepError(l, err)
		}
		if e, ok := l.layer.(ender); ok && e.ends() && i < len(steps)-1 {
			return stepError(l, fmt.Errorf("its size is left out, which only a network's last layer may do: give it"))
		}
	}
	return nil
}

func countSteps(steps []step) int {
	n := len(steps)
	for _, l := range steps {
		if r, ok := l.layer.(ResidualLayer); ok && n <= maxLayers {
			n += countSteps(stepsOf("", r.Layers)) + countSteps(stepsOf("", r.Shortcut))
		}
	}
	return n
}

// stepError puts a layer's key in front of an error, which may begin with keys within it.
func stepError(l step, err error) error {
	if inner, ok := err.(*keyError); ok {
		return &keyError{l.key + "." + inner.key, inner.err}
	}
	return &keyError{l.key, err}
}

// A keyError is an error of a key of a configuration.
type keyError struct {
	key string
	err error
}

func (e *keyError) Error() string { return e.key + ": " + e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

// planSteps returns the lines of layers, one after the other, for rows of shape in, and the shape of their result.
func planSteps(steps []step, in []int, s NetworkSpec) (lines []Layer, out []int, err error) {
	for _, l := range steps {
		more, err := l.layer.plan(in, s)
		if err != nil {
			return nil, nil, stepError(l, err)
		}
		for _, line := range more {
			if size, err := sizeOf(line.Output); err != nil || size > maxWidth {
				return nil, nil, stepError(l, fmt.Errorf("%v gives rows of shape %v: a layer gives at most %d numbers a row: use fewer channels, a larger stride, or smaller pictures", l.layer, line.Output, maxWidth))
			}
			line.Name = l.key + separator(line.Name) + line.Name
			lines = append(lines, line)
		}
		in = lines[len(lines)-1].Output
	}
	return lines, in, nil
}

// separator stands between a layer's key and its description, or a key within it.
func separator(name string) string {
	if name != "" && name[0] == '.' {
		return ""
	}
	return ": "
}

// buildSteps makes layers, one after the other. Weights are drawn as the activation that follows wants them.
func buildSteps(b *Graph, x *G.Node, steps []step, s NetworkSpec) *G.Node {
	for i, l := range steps {
		x = b.In(l.name, func() *G.Node {
			if b.err != nil {
				return nil
			}
			return l.layer.build(b, x, s, followed(steps[i+1:], s))
		})
	}
	return x
}

// followed returns the initialisation of weights that lead into layers: that of the activation that comes before the next
// weights.
func followed(steps []step, s NetworkSpec) Init {
	for _, l := range steps {
		switch l := l.layer.(type) {
		case ActivationLayer:
			return l.of(s).Init()
		case ConvLayer, ConvTransposeLayer, DenseLayer, ResidualLayer:
			return GlorotNormal
		}
	}
	return GlorotNormal
}

// checkPlan adds up a network's lines and reports a network that is too large.
func checkPlan(lines []Layer) (weights int, err error) {
	adds := 0
	for _, line := range lines {
		if line.Weights > maxWeights || line.MultiplyAdds > maxMultiplyAdds { // before the sums, which cannot overflow then
			weights, adds = line.Weights, line.MultiplyAdds
		} else {
			weights, adds = weights+line.Weights, adds+line.MultiplyAdds
		}
		switch {
		case weights > maxWeights:
			return 0, fmt.Errorf("%s, %v: the layers to here have %d weights, at most %d are allowed: make the layers narrower", line.Name, line.Output, weights, maxWeights)
		case adds > maxMultiplyAdds:
			return 0, fmt.Errorf("%s, %v: the layers to here take %d multiply-adds a row, at most %d are allowed: use fewer channels, a larger stride, or smaller pictures", line.Name, line.Output, adds, maxMultiplyAdds)
		}
	}
	return weights, nil
}

// flattened returns how many numbers a row of the shape has.
func flattened(shape []int) int {
	n, err := sizeOf(shape)
	if err != nil {
		return maxSize
	}
	return n
}

// pictureShape returns the shape in which a row enters layers: with one channel where it has only its spatial axes, so many as
// dimensions says, 2 where that is 0.
func pictureShape(in []int, dimensions int) []int {
	if dimensions == 0 {
		dimensions = 2
	}
	if len(in) == dimensions {
		return append([]int{1}, in...)
	}
	return slices.Clone(in)
}
