package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
)

// The layers of a configuration are printed with their shapes and costs, and what does not fit names its key.
func TestInspectConfig(t *testing.T) {
	t.Parallel()
	conv := []string{"--set", "encoder.kind=conv", "--set", "encoder.channels=32,64", "--set", "encoder.dense=256"}
	for _, c := range []struct {
		args []string
		want []string
		code int
	}{
		{append([]string{"--shape", "28x28"}, conv...), []string{"channels[0]: conv 32, kernel 3, stride 2  [32 14 14]", "320         56,448", "channels[1]: conv 64, kernel 3, stride 2    [64 7 7]   18,496        903,168", "hidden[0]: dense 400   [400]   80,400         80,000"}, cli.Done},
		{append([]string{"--data", "glyphs"}, conv...), []string{"row          [28 28]", "dense[0]: dense 256"}, cli.Done},
		{append([]string{"--shape", "100"}, conv...), []string{"encoder.channels: convolutions take pictures", "[100]"}, cli.Usage},
		{[]string{"--shape", "28x28", "--set", "encoder.kind=layers", "--set", `encoder.layers=[{"conv":{"channels":2,"stride":9}},{"conv":{"channels":2,"kernel":5,"padding":0}}]`}, []string{"encoder.layers[1]: ", "[2 4 4]", "kernel of 5"}, cli.Usage},
		{nil, []string{"--shape 28x28"}, cli.Usage},
		{[]string{"--shape", "28xa"}, []string{"--shape 28xa"}, cli.Usage},
	} {
		var out bytes.Buffer
		err := cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out}, "catvae", description, &grammar{}, append([]string{"inspect", "bernoulli-mlp"}, c.args...))
		text := out.String()
		if err != nil {
			text += err.Error()
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%v prints %s, want %q", c.args, text, want)
			}
		}
		if got := code(err); got != c.code {
			t.Errorf("%v ends with %d, want %d", c.args, got, c.code)
		}
	}
}
