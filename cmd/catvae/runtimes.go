package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// A wrongRuntime is a program that runs a graph of a bundle without an error and gives other numbers: docs/runtimes.md has the figures.
type wrongRuntime struct {
	what     string // which graph, on what, and what to do
	concerns func(m *bundle.Manifest) bool
}

// wrongRuntimes lists those that were found. What refuses a graph does no harm and is not here.
var wrongRuntimes = []wrongRuntime{
	{"OpenCV 4.7 to 4.14 runs variants/int8.onnx without an error and gets up to half of the bits wrong: give it another variant, or take 5.0", func(m *bundle.Manifest) bool {
		_, ok := m.Variants[bundle.VariantInt8]
		return ok
	}},
	{"OpenCV 4.7 and 4.8 run threshold.onnx of categories, and all variants, without an error and get a sixth of the bits wrong: take 4.9 or later", func(m *bundle.Manifest) bool {
		return slices.ContainsFunc(m.Latent.Dist().Parts(), func(g dist.Part) bool { return g.Categories > 0 })
	}},
	{"MNN 3.6 gives reconstruction in place of decoder.onnx's reconstruction_logits: take the logarithm of p / (1 - p) yourself", func(m *bundle.Manifest) bool {
		return m.Likelihood == dist.Bernoulli
	}},
}

// printWrongRuntimes warns of runtimes that would give other numbers than catvae for one of the bundle's graphs.
func printWrongRuntimes(w io.Writer, m *bundle.Manifest) {
	for _, r := range wrongRuntimes {
		if r.concerns(m) {
			fmt.Fprintf(w, "warning      %s (docs/runtimes.md)\n", r.what)
		}
	}
}
