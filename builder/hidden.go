package builder

import "fmt"

// hiddenLayers is what the hidden layers of a network have in common.
type hiddenLayers struct {
	norm       string
	activation Activation
	dropout    float64
}

func (h hiddenLayers) check(part string) error {
	for _, check := range []func() error{
		func() error { return checkNorm(h.norm) },
		func() error { return checkActivation(h.activation) },
		func() error { return checkDropout("dropout", h.dropout) },
	} {
		if err := check(); err != nil {
			return fmt.Errorf("%s.%w", part, err)
		}
	}
	return nil
}

// after returns a product with weights and what follows it: normalisation, activation and dropout.
func (h hiddenLayers) after(key, name string, product LayerKind) []step {
	return append([]step{{key, name, product}}, h.ending(key, name, true)...)
}

// ending returns what follows a product with weights: an activation is left out before a residual sum.
func (h hiddenLayers) ending(key, name string, activation bool) []step {
	var steps []step
	if h.norm != "" {
		steps = append(steps, step{key, name, NormLayer{Kind: h.norm}})
	}
	if activation {
		steps = append(steps, step{key, name, ActivationLayer{Name: h.activation}})
	}
	if activation && h.dropout > 0 {
		steps = append(steps, step{key, name, DropoutLayer{Rate: h.dropout}})
	}
	return steps
}

// dense returns a hidden layer of a width.
func (h hiddenLayers) dense(key, name string, width int) []step {
	return h.after(key, name, DenseLayer{Width: width, NoBias: h.norm != ""})
}
