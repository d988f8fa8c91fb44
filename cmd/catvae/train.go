package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/cli"
	"github.com/catvae/catvae/internal/progress"
	"github.com/catvae/catvae/train"
)

type trainCommand struct {
	Data    string   `help:"Folder with MNIST's four files, IDX or NPY file, or glyphs." required:"" placeholder:"SRC"`
	Out     string   `help:"Run folder to write." required:"" placeholder:"RUN"`
	Config  string   `help:"Name from the catalogue (see catvae models), or a JSON file." default:"bernoulli-mlp" placeholder:"NAME|FILE.json"`
	Set     []string `help:"Change one key of the configuration, such as latent.variables=64; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	Epochs  *int     `help:"Passes over the training rows." placeholder:"N"`
	Batch   *int     `help:"Rows a step." placeholder:"N"`
	Seed    *uint64  `help:"Seed of everything that is drawn." placeholder:"N"`
	Engine  string   `help:"What takes the steps: tape (gorgonia's tape machine)." default:"tape" enum:"tape"`
	Samples int      `help:"K of the IWAE bound at the end." default:"10"`
	Force   bool     `help:"Replace a run that stands at --out."`
	cli.Backend
}

// Help is printed under the flags' list.
func (trainCommand) Help() string {
	return `Examples:

  catvae train --data mnist/ --out run
  catvae train --data mnist/ --out run --config categorical-mlp --epochs 10
  catvae train --data rows.npy --out run --set latent.variables=37 --set encoder.hidden=33

RUN holds config.json, metrics.jsonl, checkpoints/, bundle/ and report.html. Ctrl-C ends the step in hand, exports what was reached and exits with 130; a second one ends at once.

` + cli.ExitStatus
}

func (c trainCommand) Run(ctx context.Context, env cli.Env) error {
	config, err := train.LoadConfig(c.Config, os.ReadFile)
	if err != nil {
		return err
	}
	for _, assignment := range c.Set {
		if err := config.Set(assignment); err != nil {
			return err
		}
	}
	if c.Epochs != nil {
		config.Epochs = *c.Epochs
	}
	if c.Batch != nil {
		config.Batch = *c.Batch
	}
	if c.Seed != nil {
		config.Seed = *c.Seed
	}
	if c.Samples < 1 || c.Samples > 100_000 {
		return fmt.Errorf("%w: --samples %d: use 1 to 100000", cli.ErrUsage, c.Samples)
	}
	if err := config.Validate(); err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	show := newTrainingProgress(env.Stderr)
	result, err := train.Run(ctx, config, train.Options{
		Source: c.Data, Out: c.Out, Force: c.Force, Backend: backend, Samples: c.Samples, Progress: show.update,
	})
	show.done()
	if err != nil {
		return err
	}
	printResult(env.Stderr, result)
	if result.Interrupted {
		fmt.Fprintf(env.Stderr, "stopped after %d steps; the bundle holds what was reached\n", result.Steps)
		return context.Canceled
	}
	for _, line := range train.NextSteps(c.Out, c.Data) {
		fmt.Fprintln(env.Stderr, "  "+line)
	}
	return nil
}

// printResult tells what a run came to.
func printResult(w io.Writer, r train.Result) {
	e := r.Test
	fmt.Fprintf(w, "engine %s, %d steps, best epoch %d\n", r.Engine, r.Steps, r.BestEpoch)
	fmt.Fprintf(w, "%s, %d rows: -ELBO %.2f nats (reconstruction %.2f, KL %.2f), -IWAE-%d %.2f nats, %d active bits\n",
		r.TestSplit, e.Rows, -e.ELBO, e.Reconstruction, e.KL, e.Samples, -e.IWAE, e.ActiveBits)
	fmt.Fprintf(w, "bundle %s (verified), report %s\n", filepath.Join(r.Run, train.BundleDir), filepath.Join(r.Run, train.ReportFile))
}

// trainingProgress draws one bar for all steps, and one for the evaluation at the end; what is worth keeping is printed
// above it.
type trainingProgress struct {
	w     io.Writer
	phase string
	bar   *progress.Bar
}

func newTrainingProgress(w io.Writer) *trainingProgress { return &trainingProgress{w: w} }

func (t *trainingProgress) update(p train.Progress) {
	if p.Phase == "validation" { // short, and between the epochs of one bar
		if p.Message != "" && t.bar != nil {
			t.bar.Print(p.Message)
		}
		return
	}
	if p.Phase != t.phase {
		t.done()
		t.phase = p.Phase
		if p.Total > 0 {
			t.bar = progress.New(t.w, p.Total, p.Phase)
		}
	}
	message := ""
	if p.Phase == "training" {
		message = fmt.Sprintf("epoch %d/%d loss %.2f", p.Epoch, p.Epochs, p.Loss)
	}
	if t.bar != nil {
		t.bar.Set(p.Done, message)
	}
}

func (t *trainingProgress) done() {
	if t.bar != nil {
		t.bar.Done("")
		t.bar = nil
	}
}
