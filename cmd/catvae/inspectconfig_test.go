package main

import (
	"bytes"
	"os"
	"path/filepath"
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

// --out shows what data.augment makes of rows; what cannot be shown, or may not be replaced, is refused with the way out.
func TestInspectAugmented(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, source := filepath.Join(dir, "moved.png"), filepath.Join(dir, "source.png")
	if err := os.WriteFile(source, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	list := []string{"--set", `data.augment=[{"affine": {"rotate": 20}}, {"elastic": 0.5}]`, "--set", "data.augment[1].elastic.strength=1"}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{append([]string{"--data", "glyphs", "--out", out}, list...), "", cli.Done},
		{append([]string{"--data", "glyphs", "--out", out}, list...), "--force", cli.BadInput},
		{append([]string{"--data", "glyphs", "--out", out, "--force"}, list...), "", cli.Done},
		{append([]string{"--data", source, "--out", source, "--force"}, list...), "which is read", cli.Usage},
		{append([]string{"--shape", "28x28", "--out", out}, list...), "--data SRC", cli.Usage},
		{append([]string{"--data", "glyphs", "--out", "moved.jpg"}, list...), ".png", cli.Usage},
		{[]string{"--data", "glyphs", "--out", filepath.Join(dir, "other.png")}, "data.augment is empty", cli.Usage},
		{[]string{"--data", "glyphs", "--set", `data.augment=[{"afine": 1}]`}, "did you mean affine?", cli.Usage},
		{[]string{"--data", "glyphs", "--set", `data.augment=[{"affine": 500}]`, "--out", filepath.Join(dir, "other.png")}, "data.augment[0].affine.rotate is 500", cli.Usage},
	} {
		var printed bytes.Buffer
		err := cli.Run(t.Context(), cli.Env{Stdout: &printed, Stderr: &printed}, "catvae", description, &grammar{}, append([]string{"inspect", "bernoulli-mlp"}, c.args...))
		if got := code(err); got != c.code || c.want != "" && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v ends with %d (%v), want %d and %q", c.args, got, err, c.code, c.want)
		}
	}
	if data, err := os.ReadFile(out); err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
		t.Errorf("the sheet: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 2 {
		t.Errorf("files are left: %v", left)
	}
}
