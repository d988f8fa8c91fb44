package bundle

import (
	"fmt"
	"slices"
)

// The further outputs that graphs may have. [Manifest.Outputs] names those that a bundle's have.
const (
	IndexCode = "index_code" // of the threshold: the category of each variable, a byte each
	Query     = "query"      // of the encoder: what a search scores codes by, see dist.Latent.Query
)

// mostIndexed is how many categories a byte counts.
const mostIndexed = 256

// An Output is an output of a graph, behind those that the graph always has.
type Output struct {
	Name  string
	DType DType
	Shape []int // of a row
}

// outputs are the further outputs, a row each, in the order that graphs have them in.
var outputs = []struct {
	name, file string
	dtype      DType
	fits       func(l Latent) bool
	shape      func(l Latent) []int
}{
	{Query, EncoderFile, Float32, func(l Latent) bool { return l.Dist().Discrete() }, func(l Latent) []int { return l.Dist().CodeShape() }},
	{IndexCode, ThresholdFile, Uint8, Latent.Indexed, func(l Latent) []int { return []int{l.Variables} }},
}

// Indexed reports variables whose code can be an index each: all are categorical, of at most 256 categories.
func (l Latent) Indexed() bool { return 0 < l.Categories && l.Categories <= mostIndexed }

// Has reports whether the graphs have a further output.
func (m *Manifest) Has(output string) bool { return slices.Contains(m.Outputs, output) }

// OutputsOf returns the further outputs of a graph, in their order. A variant, which is encoder and threshold in one, has those of both.
func (m *Manifest) OutputsOf(files ...string) (all []Output) {
	for _, o := range outputs {
		if m.Has(o.name) && slices.Contains(files, o.file) {
			all = append(all, Output{o.name, o.dtype, o.shape(m.Latent)})
		}
	}
	return all
}

func (m *Manifest) validateOutputs() error {
	known := make([]string, len(outputs))
	for i, o := range outputs {
		known[i] = o.name
		if m.Has(o.name) && !o.fits(m.Latent) {
			return fmt.Errorf("outputs has %q, which %.100s variables of %d categories have not", o.name, m.Latent.Kind, m.Latent.Categories)
		}
	}
	for i, name := range m.Outputs {
		if !slices.Contains(known, name) || slices.Contains(m.Outputs[:i], name) {
			return fmt.Errorf("outputs holds %.100q: this version knows %v, each once", name, known)
		}
	}
	return nil
}
