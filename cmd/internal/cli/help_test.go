package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
)

// The help of infer names every format that is read and written, every mode and every kind of codes.
func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if err := cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out}, "infer", cli.InferDescription, &cli.InferCommand{}, []string{"--help"}); err != nil {
		t.Fatal(err)
	}
	help := strings.Join(strings.Fields(out.String()), " ")
	words := []string{dataset.Describe()}
	for _, f := range dataset.Formats() {
		words = append(words, f.Name)
	}
	for _, list := range []string{"modes_help", "codes_help", "formats_help", "texts_help"} {
		words = append(words, infer.Words()[list])
	}
	for _, word := range words {
		if !strings.Contains(help, word) {
			t.Errorf("%q is missing in %s", word, help)
		}
	}
}
