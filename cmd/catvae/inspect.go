package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime/backend"
)

type inspectCommand struct {
	Path  string   `arg:"" help:"Bundle, ONNX file, or configuration: a name from the catalogue or a JSON file." placeholder:"BUNDLE|FILE.onnx|CONFIG"`
	Data  string   `help:"Of a configuration: rows that it is for. ${sources}." placeholder:"SRC" xor:"rows"`
	Shape string   `help:"Of a configuration: the shape of a row, in place of --data." placeholder:"3x32x32" xor:"rows"`
	Set   []string `help:"Of a configuration: change one key, such as encoder.channels=32,64; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	Out   string   `help:"Of a configuration with data.augment: a PNG file to write, with pictures of --data and what becomes of them." placeholder:"FILE.png"`
	Force bool     `help:"Replace --out."`
}

// Help is printed under the flags' list.
func (inspectCommand) Help() string {
	return `Examples:

  catvae inspect run/bundle
  catvae inspect run/bundle/encoder.onnx
  catvae inspect bernoulli-mlp --data mnist/
  catvae inspect bernoulli-mlp --data mnist/ --set 'data.augment=[{"affine": {"rotate": 20}}, {"elastic": 0.5}]' --out moved.png
  catvae inspect mine.json --shape 3x32x32 --set encoder.kind=conv --set encoder.channels=32,64

It hashes every file of a bundle and checks every graph; it runs nothing. Of a configuration it prints the layers of encoder and decoder, each with the shape of its result, its weights, and the multiply-adds that it takes for a row, without building anything. With --out it shows what data.augment makes of rows: the first line as they are, then each augmentation alone, then all of them in two draws.

` + cli.ExitStatus
}

func (c inspectCommand) Run(ctx context.Context, env cli.Env) error {
	if c.config() {
		return c.inspectConfig(ctx, env)
	}
	if c.Data != "" || c.Shape != "" || len(c.Set) > 0 || c.Out != "" {
		return fmt.Errorf("%w: --data, --shape, --set and --out are for configurations, and %s is none: give a name of the catalogue (%s) or a file that ends in .json", cli.ErrUsage, visible.Name(c.Path), strings.Join(models.Names(), ", "))
	}
	if strings.HasSuffix(c.Path, ".onnx") {
		data, err := readGraph(c.Path)
		if err != nil {
			return err
		}
		return inspectGraph(env.Stdout, c.Path, data)
	}
	b, err := bundle.Open(c.Path)
	if err != nil {
		return err
	}
	if err := b.Verify(); err != nil {
		return err
	}
	m := b.Manifest
	fmt.Fprintf(env.Stdout, "%s: format %s, written by %s\n", visible.Name(m.Name), visible.Name(m.FormatVersion), visible.Name(m.Producer))
	fmt.Fprintf(env.Stdout, "bundle hash  %s\n", b.Hash())
	fmt.Fprintf(env.Stdout, "input        %s %s%v, values %g to %g, %s; trained on data binarised: %s\n", visible.Name(m.Input.Name), m.Input.DType, m.Input.Shape, m.Input.Range[0], m.Input.Range[1], scaleOf(m.Input), visible.Name(m.Input.Seen))
	if e := m.Input.Embedder; e != nil {
		fmt.Fprintf(env.Stdout, "embedder     of texts: model %s, tokenizer %s, pooling %s, normalized %v, %d tokens\n", e.Model, e.Tokenizer, e.Pooling, e.Normalize, e.Tokens)
	}
	if p := m.Predicted; p != nil {
		fmt.Fprintf(env.Stdout, "predicted    the last %d lines of a row, %s%v, from those before, which alone the encoder looks at\n", p.Lines, m.Input.DType, p.Shape)
	}
	fmt.Fprintf(env.Stdout, "latent       %s", m.Latent.Kind)
	for _, p := range m.Latent.Dist().Parts() {
		fmt.Fprintf(env.Stdout, ", %d variables", p.Variables)
		if p.Categories > 0 {
			fmt.Fprintf(env.Stdout, " of %d categories", p.Categories)
		}
	}
	if t := m.Latent.Thresholds; len(t) > 0 {
		fmt.Fprintf(env.Stdout, ", thresholds %.3g to %.3g", slices.Min(t), slices.Max(t))
	}
	if m.Latent.Posterior != "" {
		fmt.Fprintf(env.Stdout, ", posterior %s: the code that a search finds", m.Latent.Posterior)
	}
	fmt.Fprintf(env.Stdout, ", %s prior, %d bits in %d bytes, %s\n", m.Latent.Prior.Kind, m.Latent.Bits(), m.Latent.PackedBytes(), m.Latent.BitOrder)
	var model bytes.Buffer
	if err := json.Compact(&model, m.Model); err != nil {
		return visible.Error(fmt.Errorf("%s: model: %w: %w", c.Path, err, bundle.ErrFormat))
	}
	fmt.Fprintf(env.Stdout, "model        %s\n", visible.Text(model.String()))
	for _, line := range m.Warnings {
		fmt.Fprintf(env.Stdout, "warning      %s\n", visible.Text(line))
	}
	printWrongRuntimes(env.Stdout, m)
	for _, name := range slices.Sorted(maps.Keys(m.Variants)) {
		v := m.Variants[name]
		fmt.Fprintf(env.Stdout, "variant      %s: %s, takes %s, for %s", visible.Name(name), visible.Name(v.File), v.Input, visible.Name(strings.Join(v.Devices, " and ")))
		if v.Calibrated != nil {
			fmt.Fprintf(env.Stdout, ", calibrated on %d rows", v.Calibrated.Rows)
		}
		fmt.Fprintln(env.Stdout)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !strings.HasSuffix(name, ".onnx") {
			continue
		}
		data, err := b.File(name)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.Stdout)
		if err := inspectGraph(env.Stdout, name, data); err != nil {
			return err
		}
	}
	return nil
}

// scaleOf says what numbers become.
func scaleOf(in bundle.Input) string {
	if in.Numbers == "" {
		return fmt.Sprintf("bytes times %.6g, other numbers divided by %g", in.Scale, in.Values().Numbers)
	}
	text := fmt.Sprintf("numbers divided by %g", in.Divide)
	from := map[string]string{"configuration": "as data.divide says; the training rows", "pictures": "as those of pictures; the training rows", "rows": "found in the training rows, which"}[in.DivideFrom]
	hold := map[string]string{bundle.NumbersWhole: "whole numbers", bundle.NumbersReal: "numbers with fractions"}[in.Numbers]
	if from == "" {
		return text
	}
	return fmt.Sprintf("%s (%s were %s)", text, from, hold)
}

// readGraph reads an ONNX file, which may come from anywhere. What is no regular file, or larger than any, is no graph.
func readGraph(path string) ([]byte, error) {
	data, err := importer.ReadFile(path)
	if err != nil && !readfile.System(err) {
		err = fmt.Errorf("%w: %w", err, backend.ErrUnsafe)
	}
	return data, err
}

func inspectGraph(w io.Writer, name string, data []byte) error {
	info, err := onnxcheck.Describe(data)
	if err != nil {
		return visible.Error(fmt.Errorf("%s: %w", name, err))
	}
	fmt.Fprintf(w, "%s: %d bytes, opset %d, IR %d, producer %s\n", visible.Name(name), len(data), info.Opset, info.IRVersion, visible.Name(info.Producer))
	if info.Doc != "" {
		fmt.Fprintf(w, "  %s\n", visible.Line(info.Doc))
	}
	for _, part := range []struct {
		what   string
		values []onnxcheck.Value
	}{{"input ", info.Inputs}, {"output", info.Outputs}} {
		for _, v := range part.values {
			dims := make([]string, len(v.Shape))
			for i, d := range v.Shape {
				dims[i] = visible.Name(v.Axes[i])
				if d >= 0 {
					dims[i] = fmt.Sprint(d)
				}
			}
			fmt.Fprintf(w, "  %s %s %s[%s]\n", part.what, visible.Name(v.Name), v.DType, strings.Join(dims, " "))
		}
	}
	var operators []string
	for _, op := range slices.Sorted(maps.Keys(info.Operators)) {
		operators = append(operators, fmt.Sprintf("%s %d", visible.Name(op), info.Operators[op]))
	}
	fmt.Fprintf(w, "  nodes  %s; %d parameters\n", strings.Join(operators, ", "), info.Parameters)
	return nil
}
