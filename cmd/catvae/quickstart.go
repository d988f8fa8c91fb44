package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/train"
)

type quickstart struct {
	Out   string `help:"Run folder to write." default:"quickstart" placeholder:"DIR"`
	Force bool   `help:"Replace an existing run at --out."`
	cli.Backend
}

// Help is printed under the flags' list.
func (quickstart) Help() string {
	return `Example:

  catvae quickstart --out my-first-run

Draws glyphs, trains a Bernoulli model of 64 bits on them, exports three ONNX graphs, turns the test glyphs into packed codes, and leaves a report to open in a browser. If onnxruntime is missing, it is fetched once into the user's cache (about 30 MB; CATVAE_NO_DOWNLOAD=1 forbids it). Where that fails, the graphs run in pure Go, which is slower.

` + cli.ExitStatus
}

func (c quickstart) Run(ctx context.Context, env cli.Env) error {
	config, err := train.LoadConfig("quickstart", os.ReadFile)
	if err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, true, onnxruntime.WithSpinning(true))
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "training on generated glyphs, measuring on %s\n", backend.Name())
	show := newTrainingProgress(ctx, env.Stderr)
	result, err := train.Run(ctx, config, train.Options{
		Source: dataset.GlyphsSource, Out: c.Out, Force: c.Force, Backend: backend, Progress: show.update, Log: show.log, Commands: nextSteps(c.Out, dataset.GlyphsSource, 0),
	})
	show.end()
	if err != nil {
		return err
	}
	printResult(env.Stderr, result)
	if result.Interrupted {
		return context.Canceled
	}
	codes := filepath.Join(c.Out, "codes.npy")
	rows := cli.Rows{Model: filepath.Join(c.Out, train.BundleDir), In: dataset.GlyphsSource, Split: string(dataset.Test), Out: codes, Force: true, Backend: c.Backend}
	job, err := rows.Job(infer.Encode, infer.Packed, "")
	if err != nil {
		return err
	}
	if err := rows.Infer(ctx, env, job); err != nil {
		return err
	}
	report, err := filepath.Abs(filepath.Join(c.Out, train.ReportFile))
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "\nOpen %s in a browser, then try\n", report)
	for _, line := range nextSteps(c.Out, dataset.GlyphsSource, 0)(result) {
		fmt.Fprintln(env.Stderr, "  "+line)
	}
	fmt.Fprintf(env.Stderr, "  catvae train --data FOLDER_WITH_MNIST --out mnist-run\n")
	return nil
}
