package layout

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/catvae/catvae/bundle"
	"go.yaml.in/yaml/v3"
)

//go:embed card.md
var cardText string

var cardTemplate = template.Must(template.New("card.md").Funcs(template.FuncMap{"join": strings.Join}).Parse(cardText))

// huggingFace adds README.md, a model card, to a bundle, which catvae, infer and the clients open as it is.
func huggingFace(b Bundle) (map[string][]byte, error) {
	front, err := yaml.Marshal(b.front())
	if err != nil {
		return nil, err
	}
	var card bytes.Buffer
	fmt.Fprintf(&card, "---\n%s---\n\n", front)
	if err := cardTemplate.Execute(&card, b.card()); err != nil {
		return nil, err
	}
	files := maps.Clone(b.Files)
	files["README.md"] = card.Bytes()
	files[".gitattributes"] = []byte("*.onnx filter=lfs diff=lfs merge=lfs -text\n")
	return files, nil
}

// front is the card's metadata. The licence is the owner's to add.
func (b Bundle) front() map[string]any {
	front := map[string]any{
		"library_name": "catvae", "pipeline_tag": "feature-extraction",
		"tags": []string{"onnx", "onnxruntime", "variational-autoencoder", "discrete-codes", "hashing", b.Manifest.Latent.Kind},
	}
	test := b.test()
	if len(test) == 0 {
		return front
	}
	var metrics []map[string]any
	for _, f := range test {
		metrics = append(metrics, map[string]any{"type": f.Key, "name": f.Name, "value": f.Value})
	}
	front["model-index"] = []map[string]any{{
		"name": b.name(),
		"results": []map[string]any{{
			"task":    map[string]any{"type": "feature-extraction", "name": "Discrete codes"},
			"dataset": map[string]any{"type": "custom", "name": cmp.Or(b.data(), "rows of its owner")},
			"metrics": metrics,
		}},
	}}
	return front
}

// A card is what the model card's text is filled with.
type card struct {
	Name, Folder, Sample, Rows, Latent, Likelihood, Values, Data, DataHash, TestRows, Producer, Hash string

	Bits, Bytes                 int
	Columns, Variants, Warnings []string
	Test                        []figure
	Scored                      bool // whether infer gives a row's score
}

func (b Bundle) card() card {
	m := b.Manifest
	c := card{
		Name: m.Name, Folder: b.name(), Rows: fmt.Sprint(m.Input.Shape), Latent: b.latentWords(), Likelihood: m.Likelihood, Values: m.Input.Values().String(),
		Data: b.data(), Bits: m.Latent.Bits(), Bytes: m.Latent.PackedBytes(), Columns: m.Input.Columns, Test: b.test(),
		Variants: slices.Sorted(maps.Keys(m.Variants)), Warnings: m.Warnings, Producer: m.Producer, Sample: m.Input.Name, Hash: (&bundle.Bundle{Manifest: m}).Hash(), Scored: m.Predicted == nil,
	}
	c.DataHash, _ = b.Record["data_sha256"].(string)
	c.TestRows, _ = b.Record["test_rows"].(string)
	return c
}

// data names the training rows without the folder that they lay in.
func (b Bundle) data() string {
	name, _ := b.Record["data"].(string)
	if name == "" {
		return ""
	}
	return path.Base(strings.ReplaceAll(name, `\`, "/"))
}

// A figure is one number that was measured on test rows.
type figure struct {
	Key, Name string
	Value     float64
}

// Cell is the name as a table of Markdown takes it.
func (f figure) Cell() string { return strings.ReplaceAll(f.Name, "|", `\|`) }

// test returns what the run measured on test rows, none where it did not.
func (b Bundle) test() []figure {
	test, _ := b.Record["test"].(map[string]any)
	number := func(key string) (float64, bool) {
		x, ok := test[key].(float64)
		return x, ok
	}
	samples, _ := number("samples")
	var figures []figure
	add := func(key, name string, sign float64) {
		if x, ok := number(key); ok {
			figures = append(figures, figure{key, name, sign * x})
		}
	}
	add("elbo", "-ELBO, nats a row", -1)
	add("kl", "KL(q(z|x) || p(z)), nats a row", 1)
	if samples > 1 {
		add("iwae", fmt.Sprintf("-IWAE-%.0f, nats a row", samples), -1)
	}
	add("active_bits", "active bits", 1)
	return figures
}

// latentWords says what a code is made of.
func (b Bundle) latentWords() string {
	l := b.Manifest.Latent
	switch {
	case len(l.Groups) > 0:
		var groups []string
		for _, g := range l.Groups {
			groups = append(groups, g.String())
		}
		return l.Kind + " of " + strings.Join(groups, ", ")
	case l.Categories > 0:
		return fmt.Sprintf("%d %s variables of %d categories", l.Variables, l.Kind, l.Categories)
	}
	return fmt.Sprintf("%d %s variables", l.Variables, l.Kind)
}
