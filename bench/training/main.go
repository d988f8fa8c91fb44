// Training times catvae's engines next to PyTorch: the same models, data and optimiser, in blocks that take turns on one
// machine with one number of threads. bench/training/run.sh makes PyTorch's environment and calls it.
//
//	go run ./bench/training --data mnist/ --python venv/bin/python
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	goruntime "runtime"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

type command struct {
	Data    string   `help:"Rows to train on: a folder with MNIST's files, or glyphs." default:"glyphs"`
	Python  string   `help:"Python with PyTorch; without it only our engines are timed."`
	Twin    string   `help:"The PyTorch script." default:"bench/training/twin.py"`
	Blocks  int      `help:"Blocks a row of the table." default:"15"`
	Seconds float64  `help:"Length of a block." default:"0.3"`
	Threads int      `help:"Threads of every contender; 0 means one per core."`
	Models  []string `help:"Models to time." default:"bernoulli,categorical,wide" enum:"bernoulli,categorical,wide,conv,conv-colour,conv-wide,conv-colour-wide"`
	Batches []int    `help:"Batch sizes." default:"32,128,512"`
	Modes   []string `help:"PyTorch's contenders." default:"eager,compile,bfloat16" enum:"eager,channels-last,compile,bfloat16"`
	Tape    bool     `help:"Time the tape engine too, at batch 128."`
	Epochs  bool     `help:"Time whole epochs of the first model at batch 128 instead: rows binarised anew, start-up apart."`
	Soak    int      `help:"Take so many steps of the first model at batch 128 instead, and fit a line to the resident memory."`
	Write   string   `help:"Write the training step of the first model and batch as ONNX instead, for op_times.py." placeholder:"FILE"`
	Memory  string   `help:"Take 50 steps of MODEL,BATCH and print the peak memory in MB; the table's rows call this." hidden:""`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Time training steps next to PyTorch."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}

// run prints results on standard output, and what it is doing on standard error.
func (c command) run(ctx context.Context) error {
	if c.Threads == 0 {
		c.Threads = goruntime.NumCPU()
	}
	backend, err := onnxruntime.Open(ctx, onnxruntime.WithThreads(c.Threads), onnxruntime.WithSpinning(true))
	if err != nil {
		return err
	}
	set, err := rows(ctx, c.Data, !c.Epochs)
	if err != nil {
		return err
	}
	if c.Memory != "" {
		return c.takeMemory(ctx, backend, set)
	}
	var python *twin
	var dataFile string
	if c.Python != "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		dataFile = filepath.Join(dir, "rows.bin")
		if err := writeRows(dataFile, set); err != nil {
			return err
		}
		if python, err = startTwin(ctx, c.Python, c.Twin, dataFile, c.Threads); err != nil {
			return err
		}
		defer python.Close()
	} else {
		c.Modes = nil
	}
	switch {
	case c.Write != "":
		return c.write(ctx, backend)
	case c.Epochs:
		return c.epochs(ctx, backend, python, set)
	case c.Soak > 0:
		return c.soak(ctx, backend, set)
	}
	return c.table(ctx, backend, python, set, dataFile)
}

// write writes the step's graph.
func (c command) write(ctx context.Context, backend backend.Backend) error {
	e, err := compile(ctx, backend, configs[c.Models[0]], c.Batches[0])
	if err != nil {
		return err
	}
	defer e.Close()
	fmt.Fprintln(os.Stderr, e.Model().Summary())
	model, err := e.Model().Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(c.Write, model, 0o644)
}
