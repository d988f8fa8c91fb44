// Training times catvae's engines beside PyTorch: the same models, data and optimiser, in blocks that take turns on one
// machine with one number of threads. bench/training/run.sh makes PyTorch's environment and calls it.
//
//	go run ./bench/training --data mnist/ --python venv/bin/python
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
)

type command struct {
	Data    string   `help:"Rows to train on: a folder with MNIST's files, or glyphs." default:"glyphs"`
	Python  string   `help:"Python with PyTorch; without it only our engines are timed."`
	Twin    string   `help:"The PyTorch script." default:"bench/training/twin.py"`
	Blocks  int      `help:"Blocks a row of the table." default:"15"`
	Seconds float64  `help:"Length of a block." default:"0.3"`
	Threads int      `help:"Threads of every contender; 0 means one per core."`
	Models  []string `help:"Models to time." default:"bernoulli,categorical,wide" enum:"bernoulli,categorical,wide"`
	Batches []int    `help:"Batch sizes." default:"32,128,512"`
	Modes   []string `help:"PyTorch's contenders." default:"eager,compile,bfloat16" enum:"eager,compile,bfloat16"`
	Tape    bool     `help:"Time the tape engine too, at batch 128."`
	Epochs  bool     `help:"Time whole epochs of the first model at batch 128 instead: rows binarised anew, start-up apart."`
	Soak    int      `help:"Take so many steps of the first model at batch 128 instead, and fit a line to the resident memory."`
	Write   string   `help:"Write the training step of the first model and batch as ONNX instead, for op_times.py." placeholder:"FILE"`
	Memory  string   `help:"Take 200 steps of MODEL,BATCH and print the peak memory: what the table's rows call." hidden:""`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Time training steps beside PyTorch."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}
