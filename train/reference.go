package train

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/models"
)

// writeReference writes the page that lists every key: docs/configuration.md. TestConfigurationPage keeps it current.
func writeReference(w io.Writer) error {
	c, err := LoadConfig(models.DefaultName, os.ReadFile)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Configuration\n\n")
	b.WriteString("Code generated from the tags of train.Config. DO NOT EDIT: run `go test ./train -run ConfigurationPage -update`.\n\n")
	fmt.Fprintf(&b, "A configuration is a JSON file (`catvae train --config FILE.json`), a name of the catalogue (`catvae models`), or either with\nsingle keys changed (`--set latent.variables=64`). Keys are nested in JSON and dotted on the command line. What a file leaves\nout is as in `%s`, whose values are the defaults below. A key that does not exist, or a value out of its range, is an error\nthat names the key. The run folder keeps the whole configuration as `config.json`: see [run.md](run.md).\n\n", models.DefaultName)
	b.WriteString("In a range a round bracket leaves the end out. Lists are written `400,200` or `28x28`, an empty one `[]`. `catvae models --keys` prints\nthis list, `catvae models --keys NAME` with the values of a model of the catalogue.\n\n")
	b.WriteString("| key | type | default | range | meaning, and when to change it |\n| --- | --- | --- | --- | --- |\n")
	for _, k := range keysOf(reflect.ValueOf(&c).Elem()) {
		k.writeRow(&b)
	}
	b.WriteString("\n## Networks\n\nThe keys of `encoder` and `decoder` are those of the network's kind. `encoder.kind` may be left out: with a `graph` the network is\nof kind `onnx`, otherwise `mlp`.\n")
	for _, kind := range builder.NetworkKinds() {
		n, err := builder.NewNetwork(kind)
		if err != nil {
			return err
		}
		if reflect.TypeOf(n).NumField() == 0 {
			fmt.Fprintf(&b, "\n### %s\n\nIt has no keys.\n", kind)
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| key | type | range | meaning, and when to change it |\n| --- | --- | --- | --- |\n", kind)
		writeFields(&b, reflect.TypeOf(n), true)
	}
	b.WriteString("\n## Layers\n\nThe layers of networks of kind `layers`, and of residual blocks: objects with one key, the layer's kind. A plain value in place of\nan object is that of one key: `{\"dense\": 256}` is `{\"dense\": {\"width\": 256}}`. [networks.md](networks.md) has examples.\n")
	for _, kind := range builder.LayerKinds() {
		layer, short, doc, err := builder.NewLayer(kind)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s%s.", kind, strings.ToUpper(doc[:1]), doc[1:])
		if t := reflect.TypeOf(layer); t.NumField() > 0 {
			fmt.Fprintf(&b, " A plain value is that of `%s`.\n", short)
			b.WriteString("\n| key | type | range | meaning |\n| --- | --- | --- | --- |\n")
			writeFields(&b, t, false)
		} else {
			b.WriteString("\n")
		}
	}
	b.WriteString("\n## Augmentations\n\nThe augmentations of `data.augment`: objects with one key, the augmentation's name. A plain value in place of an object is that of one\nkey: `{\"elastic\": 0.5}` is `{\"elastic\": {\"strength\": 0.5}}`. Each has the key `chance`, too, above 0 and up to 1: the share of the rows that it\nis made of, all where it is left out. What is left out is 0 and does nothing. [augmentation.md](augmentation.md) has examples.\n")
	for _, name := range augment.Kinds() {
		kind, short, doc, err := augment.NewKind(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s%s. A plain value is that of `%s`.\n\n| key | type | range | meaning |\n| --- | --- | --- | --- |\n", name, strings.ToUpper(doc[:1]), doc[1:], short)
		writeFields(&b, reflect.TypeOf(kind), false)
	}
	b.WriteString("\n## Names\n\nWhat the keys that take a name may be.\n\n| name | of | what it is |\n| --- | --- | --- |\n")
	for _, kind := range dist.FamilyNames() {
		fmt.Fprintf(&b, "| `%s` | `latent.kind` | %s |\n", kind, dist.FamilyOf(kind).Doc())
	}
	for _, name := range dist.LikelihoodNames() {
		l, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: name})
		if err != nil {
			return err
		}
		v := l.Values()
		takes := v.String()
		if v == dist.Unit() {
			takes = fmt.Sprintf("values lie within [%g,%g], bytes are divided by %g", v.Least, v.Most, v.Bytes)
		}
		fmt.Fprintf(&b, "| `%s` | `likelihood.kind` | %s; %s |\n", name, l.Doc(), takes)
	}
	for _, name := range dataset.Binarizations() {
		fmt.Fprintf(&b, "| `%s` | `data.binarize` | %s |\n", name, dataset.Binarization(name).Doc())
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// writeFields writes a row for each key of a network or a layer, and when to change it where that is said.
func writeFields(b *strings.Builder, t reflect.Type, when bool) {
	for i := range t.NumField() {
		k := key{name: strings.Split(t.Field(i).Tag.Get("json"), ",")[0], field: t.Field(i)}
		text := k.describe().Doc
		if when {
			text = k.describe().sentence()
		}
		if k.name != "-" {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.name, k.typeName(), k.rangeText(), text)
		}
	}
}

// writeRow writes the row of a key.
func (k key) writeRow(b *strings.Builder) {
	d := k.describe()
	value := "left out"
	if d.Value != "" {
		value = "`" + d.Value + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", d.Name, d.Type, value, k.rangeText(), d.sentence())
}

// sentence is what a key is for, and when to change it.
func (d KeyDoc) sentence() string { return d.Doc + ". *Change:* " + d.When }

// rangeText is the range, or the names that the key may have.
func (k key) rangeText() string {
	if list, ok := words[k.field.Tag.Get("oneof")]; ok {
		return "`" + strings.Join(list(), "`, `") + "`"
	}
	return k.field.Tag.Get("range")
}
