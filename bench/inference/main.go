// Inference times infer next to PyTorch and onnxruntime in Python, on the same rows in one run. bench/inference/run.sh makes
// Python's environment and calls it. What infer promises besides speed is tried by bench/trials.
//
//	bench/inference/run.sh --data mnist/ --model bundle/
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	goruntime "runtime"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bench/internal/commands"
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
	Work    string  `help:"Folder for rows and codes, which are removed at the end; a million rows take 0.8 GB." placeholder:"DIR"`

	Whole   bool `help:"Time whole commands: infer, PyTorch, onnxruntime in Python. Without any of these flags, this and --alone."`
	Alone   bool `help:"Time inference without files: infer --bench next to onnxruntime itself."`
	Callers bool `help:"Time callers against threads, batch by batch."`

	Python   string `help:"Python with what requirements.txt names." required:"" hidden:""`
	Scripts  string `help:"Folder with the Python scripts." required:"" hidden:""`
	Binaries string `help:"Folder with infer and catvae." required:"" hidden:""`
}

// bench is a command with what all its sections need.
type bench struct {
	command
	infer    commands.Commands
	variants map[string]bundle.Variant
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Time infer next to PyTorch and onnxruntime."))
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
	b := &bench{command: c, infer: commands.Commands{Folder: c.Binaries, Model: c.Model, Threads: c.Threads, Batch: c.Batch}}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if !c.Whole && !c.Alone && !c.Callers {
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

// prepare makes a bundle where there is none, its weights for PyTorch, and its stitched graph for onnxruntime.
func (b *bench) prepare(ctx context.Context) error {
	if b.infer.Model == "" {
		fmt.Fprintln(os.Stderr, "training one epoch: speeds are those of any model of the shape")
	}
	if err := b.infer.TrainWhereNone(ctx, b.Data, b.Work); err != nil {
		return err
	}
	model, err := bundle.Open(b.infer.Model)
	if err != nil {
		return err
	}
	b.variants = model.Manifest.Variants
	_, err = b.python(ctx, "prepare.py", b.infer.Model, b.Work)
	return err
}

func (b *bench) hasVariant(name string) bool {
	_, ok := b.variants[name]
	return ok
}

func (b *bench) python(ctx context.Context, script string, args ...string) (commands.Outcome, error) {
	return commands.Run(ctx, b.Python, append([]string{b.script(script)}, args...)...)
}

// script returns the name of a Python script's file.
func (b *bench) script(name string) string { return filepath.Join(b.Scripts, name) }

// path returns the name of a file in the work folder.
func (b *bench) path(name string) string { return filepath.Join(b.Work, name) }
