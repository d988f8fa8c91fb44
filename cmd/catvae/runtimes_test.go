package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// A bundle is warned of runtimes that would give other numbers, where it has what they get wrong.
func TestWrongRuntimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		manifest bundle.Manifest
		want     []string // in a line each
	}{
		{"bits", bundle.Manifest{Latent: bundle.Latent{Kind: dist.Bernoulli}}, nil},
		{"bits with int8", bundle.Manifest{Latent: bundle.Latent{Kind: dist.Bernoulli}, Variants: map[string]bundle.Variant{bundle.VariantInt8: {}}}, []string{"OpenCV"}},
		{"bits with uint8", bundle.Manifest{Latent: bundle.Latent{Kind: dist.Bernoulli}, Variants: map[string]bundle.Variant{"uint8": {}}}, nil},
		{"pixels", bundle.Manifest{Likelihood: "bernoulli", Latent: bundle.Latent{Kind: dist.Bernoulli}}, []string{"MNN"}},
		{"categories", bundle.Manifest{Latent: bundle.Latent{Kind: dist.Categorical, Variables: 2, Categories: 3}}, []string{"OpenCV 4.7 and 4.8 run threshold.onnx"}},
	} {
		var out bytes.Buffer
		printWrongRuntimes(&out, &c.manifest)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(c.want) == 0 {
			lines = strings.Fields(out.String())
		}
		if len(lines) != len(c.want) {
			t.Errorf("%s: %q, want a line each of %q", c.name, out.String(), c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], "warning ") || !strings.Contains(lines[i], want) {
				t.Errorf("%s: %q is no warning of %s", c.name, lines[i], want)
			}
		}
	}
}
