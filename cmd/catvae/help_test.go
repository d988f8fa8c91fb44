package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train"
)

// The help of train shows how to find keys, and the list that it names has every key with a sentence about it.
func TestKeysListed(t *testing.T) {
	t.Parallel()
	output := func(args ...string) string {
		var out bytes.Buffer
		if err := cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out}, "catvae", description, &grammar{}, args); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if help := output("train", "--help"); !strings.Contains(help, "catvae models --keys") || !strings.Contains(help, "data.image_size") {
		t.Errorf("the help of train: %s", help)
	}
	list := output("models", "--keys")
	keys := train.Keys()
	if len(keys) < 25 || strings.Count(list, "\n    change: ") < 25 {
		t.Errorf("%d keys: %s", len(keys), list)
	}
	for _, key := range keys {
		imported := strings.HasSuffix(key, ".graph") || strings.HasSuffix(key, ".output") || strings.HasSuffix(key, ".gives")
		if !imported && !strings.Contains("\n"+list, "\n"+key+" = ") {
			t.Errorf("%s is not listed", key)
		}
	}
	if list := output("models", "--keys", "categorical-mlp"); !strings.Contains(list, "latent.categories = 10") {
		t.Errorf("the values of a model are missing: %s", list)
	}
	for _, name := range models.Names() {
		if list := output("models"); !strings.Contains(list, name) || !strings.Contains(list, models.Doc(name)) {
			t.Errorf("%s is missing in %s", name, list)
		}
	}
}

// The help of every verb that reads rows names every format that is read, and that of encode every format that is written.
func TestHelp(t *testing.T) {
	for verb, words := range map[string][]string{"train": nil, "eval": nil, "export": nil, "decode": nil, "encode": {infer.Words()["formats_help"], infer.Words()["codes_help"]}} {
		var out bytes.Buffer
		if err := cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out}, "catvae", description, &grammar{}, []string{verb, "--help"}); err != nil {
			t.Fatal(err)
		}
		help := strings.Join(strings.Fields(out.String()), " ")
		for _, f := range dataset.Formats() {
			words = append(words, f.Name)
		}
		for _, word := range append(words, dataset.Describe()) {
			if !strings.Contains(help, word) {
				t.Errorf("%s: %q is missing in %s", verb, word, help)
			}
		}
	}
}
