package bundle

import (
	"fmt"
	"strings"

	"github.com/catvae/catvae/dist"
)

// FormatVersion is the version of a bundle that uses nothing that is newer. A reader takes any minor of its own major and refuses
// a newer major.
const FormatVersion = "1.0"

// newestVersion is the newest that this version writes.
const newestVersion = "1.1"

// features are what version 1.1 added: a row each. A bundle that uses none of them stays one of 1.0, in every byte. A reader of 1.0
// refuses each of the others by a name that it does not know: TestFeatures lists them, docs/bundle.md ("Versions") says what a reader of
// 1.0 answers.
var features = []struct {
	name string
	used func(m *Manifest) bool
}{
	{"likelihood other than bernoulli", func(m *Manifest) bool { return m.Likelihood != dist.Bernoulli }},
	{"latent.kind other than bernoulli and categorical", func(m *Manifest) bool { return m.Latent.Kind != dist.Bernoulli && m.Latent.Kind != dist.Categorical }},
	{"input.standard", func(m *Manifest) bool { return m.Input.Standard != nil }},
	{"input.image.color", func(m *Manifest) bool { return m.Input.Image != nil && m.Input.Image.Color != "" }},
	{"input.image.resize that keeps the aspect", func(m *Manifest) bool {
		return m.Input.Image != nil && strings.HasPrefix(m.Input.Image.Resize, "fi") // fit- and fill-
	}},
	{"predicted, with the conditional prior", func(m *Manifest) bool { return m.Predicted != nil }},
	{"input.embedder", func(m *Manifest) bool { return m.Input.Embedder != nil }},
	{"input.first_column", func(m *Manifest) bool { return m.Input.FirstColumn != nil }},
}

// Version returns the least version that has all that the manifest uses.
func (m *Manifest) Version() string {
	for _, f := range features {
		if f.used(m) {
			return newestVersion
		}
	}
	return FormatVersion
}

// LikelihoodConfig returns the likelihood with its parameters.
func (m *Manifest) LikelihoodConfig() dist.LikelihoodConfig {
	c := m.Parameters
	c.Kind = m.Likelihood
	return c
}

// SetLikelihood sets both fields of the likelihood.
func (m *Manifest) SetLikelihood(c dist.LikelihoodConfig) {
	m.Likelihood, m.Parameters = c.Name(), c.Canonical()
	m.Parameters.Kind = ""
}

func (m *Manifest) validateLikelihood() error {
	if m.Parameters.Kind != "" {
		return fmt.Errorf("likelihood_parameters.kind is %.100q: the kind is in likelihood", m.Parameters.Kind)
	}
	if m.Likelihood == "" { // which a configuration may leave out, and a manifest not
		return fmt.Errorf("likelihood is missing")
	}
	_, err := dist.LikelihoodOf(m.LikelihoodConfig())
	return err
}
