// Inference times infer beside PyTorch and onnxruntime in Python, on the same rows in one run, and tries what infer promises:
// memory, start-up, killed runs, bad rows. bench/inference/run.sh makes Python's environment and calls it.
//
//	bench/inference/run.sh --data mnist/ --model bundle/
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	goruntime "runtime"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bundle"
)

type command struct {
	Data    string  `help:"Folder with MNIST's files." required:"" placeholder:"FOLDER"`
	Model   string  `help:"Bundle with Bernoulli variables; without it a model is trained for one epoch." placeholder:"BUNDLE"`
	Rows    int     `help:"Rows that the whole commands encode: MNIST's training split, repeated." default:"1000000"`
	Rounds  int     `help:"Turns of every contender." default:"5"`
	Longest float64 `help:"Seconds a turn may take: slower contenders get fewer rows." default:"20"`
	Seconds float64 `help:"Length of a turn without files." default:"2"`
	Threads int     `help:"Threads of every contender; 0 means one per core."`
	Batch   int     `help:"infer's --batch; 0 leaves infer's default."`
	Seed    uint64  `help:"Of moments to kill at and rows to damage." default:"1"`
	Work    string  `help:"Folder for rows and codes, which are removed at the end; 10 million rows take 8 GB." placeholder:"DIR"`

	Whole   bool `help:"Time whole commands: infer, PyTorch, onnxruntime in Python. Without any of these flags, this and --alone."`
	Alone   bool `help:"Time inference without files: infer --bench beside onnxruntime itself."`
	Memory  bool `help:"Measure infer's peak memory at 1 and 10 million rows."`
	Start   bool `help:"Time 20 runs of one row."`
	Kills   int  `help:"Kill so many runs at random moments, run again and compare; then shards." placeholder:"N"`
	Bad     bool `help:"Damage 1 % of 100,000 images, CSV and NPY rows."`
	Callers bool `help:"Time callers against threads, batch by batch."`

	Python   string `help:"Python with what requirements.txt names." required:"" hidden:""`
	Scripts  string `help:"Folder with the Python scripts." required:"" hidden:""`
	Binaries string `help:"Folder with infer and catvae." required:"" hidden:""`
}

// bench is a command with what all its sections need.
type bench struct {
	command
	variants map[string]bundle.Variant
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Time infer beside PyTorch and onnxruntime, and try its promises."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}

func (c command) run(ctx context.Context) (err error) {
	if c.Threads == 0 {
		c.Threads = goruntime.NumCPU()
	}
	if c.Work, err = os.MkdirTemp(c.Work, "bench-inference-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.Work)
	b := &bench{command: c}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if !c.Whole && !c.Alone && !c.Memory && !c.Start && c.Kills == 0 && !c.Bad && !c.Callers {
		c.Whole, c.Alone = true, true
	}
	for _, section := range []struct {
		wanted bool
		title  string
		run    func(context.Context) error
	}{
		{c.Whole, "Whole commands", b.whole},
		{c.Alone, "Inference alone", b.alone},
		{c.Callers, "Callers against threads", b.callers},
		{c.Memory, "Memory", b.memory},
		{c.Start, "Start", b.start},
		{c.Kills > 0, "Killed runs", b.kills},
		{c.Bad, "Bad rows", b.bad},
	} {
		if !section.wanted {
			continue
		}
		fmt.Printf("## %s\n\n", section.title)
		if err := section.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", section.title, err)
		}
		fmt.Println()
	}
	return nil
}

// prepare has a bundle, its weights for PyTorch, and its stitched graph for onnxruntime.
func (b *bench) prepare(ctx context.Context) error {
	if b.Model == "" {
		run := filepath.Join(b.Work, "run")
		fmt.Fprintln(os.Stderr, "training one epoch: speeds are those of any model of the shape")
		if _, err := b.child(ctx, filepath.Join(b.Binaries, "catvae"), "train", "--data", b.Data, "--epochs", "1", "--out", run); err != nil {
			return err
		}
		b.Model = filepath.Join(run, "bundle")
	}
	model, err := bundle.Open(b.Model)
	if err != nil {
		return err
	}
	b.variants = model.Manifest.Variants
	_, err = b.python(ctx, "prepare.py", b.Model, b.Work)
	return err
}

func (b *bench) hasVariant(name string) bool {
	_, ok := b.variants[name]
	return ok
}

// path returns the name of a file in the work folder.
func (b *bench) path(name string) string { return filepath.Join(b.Work, name) }

// remove removes what earlier runs left, files or folders.
func (b *bench) remove(paths ...string) error {
	var errs []error
	for _, p := range paths {
		errs = append(errs, os.RemoveAll(p))
	}
	return errors.Join(errs...)
}
