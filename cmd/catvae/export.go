package main

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/cli"
	"github.com/catvae/catvae/train"
)

type exportCommand struct {
	RunDir string `name:"run" help:"Run folder to read." required:"" placeholder:"RUN"`
	Out    string `help:"Bundle to write." required:"" placeholder:"BUNDLE"`
	Force  bool   `help:"Replace a folder that stands at --out."`
	cli.Backend
}

// Help is printed under the flags' list.
func (exportCommand) Help() string {
	return `Example:

  catvae export --run run --out my-bundle

The best weights become encoder.onnx, threshold.onnx and decoder.onnx with a manifest. Each graph is run on onnxruntime and compared with gorgonia at batches of 1, 2, 7 and 64 rows before anything is written; verification.json keeps what was compared.

` + cli.ExitStatus
}

func (c exportCommand) Run(ctx context.Context, env cli.Env) error {
	trained, err := train.OpenRun(c.RunDir, func(line string) { fmt.Fprintln(env.Stderr, line) })
	if err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	v, err := trained.WriteBundle(ctx, c.Out, train.BundleOptions{Force: c.Force, Backend: backend})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "wrote %s: three graphs verified on %s, %d bits compared end to end, %d left aside for their margin\n", c.Out, v.Runner, v.Codes.Bits, v.Codes.Aside)
	return nil
}
