// Package commands runs catvae and infer, and any other program, for the benchmarks and trials, and says how long each took and
// how much memory it needed.
package commands

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"
)

// Commands are catvae and infer, built beforehand.
type Commands struct {
	Folder  string // holds both
	Model   string // bundle that infer uses
	Threads int    // of infer; 0 means one per core
	Batch   int    // infer's --batch; 0 leaves infer's default
}

// TrainWhereNone trains a model for one epoch in a folder run of work, unless there is a model already.
func (c *Commands) TrainWhereNone(ctx context.Context, data, work string) error {
	if c.Model != "" {
		return nil
	}
	run := filepath.Join(work, "run")
	_, err := Run(ctx, filepath.Join(c.Folder, "catvae"), "train", "--data", data, "--epochs", "1", "--out", run)
	c.Model = filepath.Join(run, "bundle")
	return err
}

// Infer runs infer.
func (c *Commands) Infer(ctx context.Context, args ...string) (Outcome, error) {
	return Run(ctx, c.InferPath(), args...)
}

// InferPath is the name of infer's file.
func (c *Commands) InferPath() string { return filepath.Join(c.Folder, "infer") }

// Encode is infer's command line for packed codes.
func (c *Commands) Encode(in, out string, more ...string) []string {
	threads := c.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	args := []string{"--model", c.Model, "--in", in, "--out", out, "--threads", strconv.Itoa(threads)}
	if c.Batch > 0 {
		args = append(args, "--batch", strconv.Itoa(c.Batch))
	}
	return append(args, more...)
}
