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
const newestVersion = "1.2"

// features are what later versions added: a row each, in the order of their versions. A bundle that uses none of them stays one of 1.0, in
// every byte. TestFeatures lists them, docs/bundle.md ("Versions") says what an older reader answers to each.
var features = []struct {
	since, name string
	used        func(m *Manifest) bool
}{
	{"1.1", "likelihood other than bernoulli", func(m *Manifest) bool { return m.Likelihood != dist.Bernoulli }},
	{"1.1", "latent.kind other than bernoulli and categorical", func(m *Manifest) bool { return m.Latent.Kind != dist.Bernoulli && m.Latent.Kind != dist.Categorical }},
	{"1.1", "input.standard", func(m *Manifest) bool { return m.Input.Standard != nil }},
	{"1.1", "input.image.color", func(m *Manifest) bool { return m.Input.Image != nil && m.Input.Image.Color != "" }},
	{"1.1", "input.image.resize that keeps the aspect", func(m *Manifest) bool {
		return m.Input.Image != nil && strings.HasPrefix(m.Input.Image.Resize, "fi") // fit- and fill-
	}},
	{"1.1", "predicted, with the conditional prior", func(m *Manifest) bool { return m.Predicted != nil }},
	{"1.1", "input.first_column", func(m *Manifest) bool { return m.Input.FirstColumn != nil }},
	{"1.2", "input.standard of vectors", func(m *Manifest) bool { return m.Input.Standard != nil && m.Input.Standard.Kind == dist.StandardVector }},
	{"1.2", "latent.posterior", func(m *Manifest) bool { return m.Latent.Posterior != "" }},
	{"1.2", "outputs", func(m *Manifest) bool { return len(m.Outputs) > 0 }},
	{"1.2", "input.embedder", func(m *Manifest) bool { return m.Input.Embedder != nil }},
}

// Version returns the least version that has all that the manifest uses.
func (m *Manifest) Version() string {
	version := FormatVersion
	for _, f := range features {
		if f.used(m) {
			version = f.since
		}
	}
	return version
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
