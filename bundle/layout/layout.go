// Package layout arranges a bundle's files as other programs want them: a repository of models for Triton, a model of MLflow, a folder for
// transformers.js or for Hugging Face.
//
// A bundle is the same three graphs everywhere. A layout names them as its readers do, writes what those readers want beside them, and joins encoder and
// threshold into one graph where a reader takes one graph alone. It computes nothing and changes no weight: a test runs each graph that was
// arranged, and each layout is opened by its reader's own library.
//
//	files, err := layout.Arrange("triton", layout.Bundle{Manifest: &m, Files: made.Files})
package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
)

// A Bundle is what is arranged: a bundle in memory.
type Bundle struct {
	Manifest *bundle.Manifest
	Files    map[string][]byte // all of the bundle's, the manifest's too, by their slash-separated names
	Record   map[string]any    // what is known of the weights, as verification.json has it: for people
}

// Plain is the layout of bundles, which docs/bundle.md describes.
const Plain = "plain"

// A layout is one way to arrange a bundle's files.
type layout struct {
	name, doc string
	arrange   func(b Bundle) (map[string][]byte, error)
}

// layouts has one row for each, the bundle's own first.
var layouts = []layout{
	{Plain, "a bundle, as catvae and infer read it", func(b Bundle) (map[string][]byte, error) { return b.Files, nil }},
	{"triton", "a repository of models for NVIDIA Triton: each graph, and ensembles that encode and that reconstruct", triton},
	{"mlflow", "a model of MLflow with the flavours onnx and python_function, rows to codes", mlflow},
	{"transformersjs", "a folder of transformers.js: model.onnx from rows to codes, and the three graphs", transformersJS},
	{"huggingface", "a bundle with a model card, made from its manifest and what was measured", huggingFace},
}

// Names returns the layouts' names.
func Names() []string {
	var names []string
	for _, l := range layouts {
		names = append(names, l.name)
	}
	return names
}

// Doc returns a line on each layout, for help and documents.
func Doc() string {
	var lines []string
	for _, l := range layouts {
		lines = append(lines, l.name+": "+l.doc)
	}
	return strings.Join(lines, "; ")
}

// Arrange returns the files of a bundle in a layout, by their slash-separated names. Equal bundles give equal files.
func Arrange(name string, b Bundle) (map[string][]byte, error) {
	at := slices.IndexFunc(layouts, func(l layout) bool { return l.name == name })
	if at < 0 {
		return nil, fmt.Errorf("layout: no layout is called %q: use %s", name, strings.Join(Names(), ", "))
	}
	files, err := layouts[at].arrange(b)
	if err != nil {
		return nil, fmt.Errorf("layout: %s: %w", name, err)
	}
	return files, nil
}

// encode returns encoder and threshold as one graph: rows to codes, with the logits and what else the two give.
func (b Bundle) encode() ([]byte, error) {
	outputs := []string{bundle.PackedCode, bundle.LatentLogits}
	for _, o := range b.Manifest.OutputsOf(bundle.EncoderFile, bundle.ThresholdFile) {
		outputs = append(outputs, o.Name)
	}
	return onnxcompose.Chain(b.Files[bundle.EncoderFile], b.Files[bundle.ThresholdFile], outputs...)
}

// name returns the model's name as one that every file system and every server takes.
func (b Bundle) name() string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return '-'
	}, b.Manifest.Name)
	if name = strings.Trim(name, "-"); name == "" {
		return "model"
	}
	return name
}
