package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
)

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
