package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/runtime/embed"
	"github.com/catvae/catvae/train"
)

type exportCommand struct {
	RunDir   string   `name:"run" help:"Run folder to read." required:"" placeholder:"RUN"`
	Out      string   `help:"Bundle to write." required:"" placeholder:"BUNDLE"`
	Variants []string `help:"Further encoders to make, separated by commas: int8, uint8, float16." placeholder:"LIST"`
	Data     string   `help:"Rows for variants: int8 is calibrated on the training split, and all are compared with float32 on the test split. ${sources}. Left out, the rows that the run was trained on." placeholder:"SRC"`
	Layout   string   `help:"How the files are arranged. ${layouts_help}." default:"plain" enum:"${layouts}"`
	Force    bool     `help:"Replace an existing bundle at --out, or a folder of the same layout."`
	textFlags
	cli.Backend
}

// Help is printed under the flags' list.
func (exportCommand) Help() string {
	return `Examples:

  catvae export --run run --out my-bundle
  catvae export --run run --out my-bundle --variants int8,uint8 --data mnist/
  catvae export --run run --out my-bundle --embedder minilm/
  catvae export --run run --out models/ --layout triton

The best weights become encoder.onnx, threshold.onnx and decoder.onnx with a manifest. Each graph is run on onnxruntime and compared with gorgonia at batches of 1, 2, 7 and 64 rows before anything is written; verification.json keeps what was compared.

A variant is encoder and threshold as one graph. uint8 takes pixels as bytes and gives float32's codes. int8 takes bytes too, with weights and activations of 8 bits and scales measured beforehand. float16 is for CUDA. How many bits agree with float32, and how fast each is here, is measured, printed and kept.

With --layout the same graphs are arranged for another program: docs/layouts.md has what each folder holds, and how it is used.

With --embedder the bundle has text/model.onnx, the embedder with encoder and threshold behind it in one graph, from tokens to codes, and text/tokenizer.json. infer then takes texts by --column alone.

` + cli.ExitStatus
}

func (c exportCommand) Run(ctx context.Context, env cli.Env) (err error) {
	for _, name := range c.Variants {
		if err := variant.CheckName(name); err != nil {
			return fmt.Errorf("%w: --variants: %w", cli.ErrUsage, err)
		}
	}
	trained, err := train.OpenRun(c.RunDir, func(line string) { fmt.Fprintln(env.Stderr, line) })
	if err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	o := train.BundleOptions{Force: c.Force, Backend: backend, Variants: c.Variants, Layout: c.Layout}
	if c.Embedder != "" {
		files, err := embed.Read(c.Embedder, c.Pooling)
		if err != nil {
			return err
		}
		o.Text = &writer.Text{Identity: files.Identity()}
		o.Text.Pooled, o.Text.Tokenizer = files.Content()
	}
	if len(c.Variants) > 0 {
		texts, closeTexts, err := c.textFlags.open(ctx, backend, c.RunDir, env.Stderr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeTexts()) }()
		trained.Config.Data.Texts = texts
		if err := c.forVariants(ctx, env, trained, &o); err != nil {
			return err
		}
	}
	v, err := trained.WriteBundle(ctx, c.Out, o)
	if err != nil {
		return err
	}
	for _, name := range c.Variants {
		x := v.Variants[name]
		fmt.Fprintf(env.Stderr, "%s: %.3f %% of %d bits agree with float32 (%s), %.1f MB, %s: %.0f rows/s to %.0f\n",
			name, 100*x.Agreement, x.Bits, v.HeldOut, float64(x.Bytes)/1e6, x.Note, x.RowsPerSecond, x.Float32RowsPerSecond)
	}
	fmt.Fprintf(env.Stderr, "wrote %s: %d graphs verified on %s, %d bits compared end to end, %d not compared for their margin\n", c.Out, len(v.Graphs), v.Runner, v.Codes.Bits, v.Codes.Aside)
	return nil
}

// forVariants adds what variants need: rows, and a backend of one thread to time them on.
func (c exportCommand) forVariants(ctx context.Context, env cli.Env, trained train.Trained, o *train.BundleOptions) error {
	source := c.Data
	if source == "" {
		var err error
		if source, err = trained.Source(); err != nil {
			return err
		}
		if source == "" {
			return fmt.Errorf("%w: --variants needs --data SRC, rows to calibrate on and to compare on: the run %s does not record its own", cli.ErrUsage, c.RunDir)
		}
		fmt.Fprintf(env.Stderr, "variants are made with the rows that the run was trained on: %s\n", source)
	}
	var err error
	if o.Rows, err = trained.VariantRows(ctx, source); err != nil {
		return err
	}
	single := c.Backend
	single.Threads = 1
	o.Timer, err = single.Open(ctx, env, false)
	return err
}
