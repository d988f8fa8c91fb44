package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
)

type trainCommand struct {
	Data            string        `help:"${sources}." required:"" placeholder:"SRC"`
	Out             string        `help:"Run folder to write." required:"" placeholder:"RUN"`
	Config          string        `help:"Name from the catalogue (see catvae models), or a JSON file; bernoulli-mlp where none is given." placeholder:"NAME|FILE.json"`
	Set             []string      `help:"Change one key of the configuration, such as latent.variables=64 (catvae models --keys lists them all); may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	Epochs          *int          `help:"Passes over the training rows." placeholder:"N" range:"any" xor:"budget"`
	Steps           *int          `help:"Steps of the whole run, instead of epochs." placeholder:"N" range:"any" xor:"budget"`
	Batch           *int          `help:"Rows a step." placeholder:"N" range:"any"`
	Seed            *uint64       `help:"Seed of all random numbers." placeholder:"N" range:"any"`
	Engine          string        `help:"What takes the steps: compiled (one ONNX graph on onnxruntime) or tape (gorgonia's tape machine, much slower)." default:"compiled" enum:"compiled,tape"`
	StepsPerCall    int           `help:"Steps that the compiled engine takes in one call; 0 means what the device takes best: more than 1 where each call copies the state." default:"0" placeholder:"N" range:"0,4096"`
	CheckpointEvery time.Duration `help:"Time between checkpoints inside an epoch; each epoch ends with one." default:"1m" range:"1ms,10000h"`
	Samples         int           `help:"K of the IWAE bound at the end." default:"10" range:"1,100000"`
	Queries         int           `help:"Rows by which the codes are compared with rivals at the end, for the report: 1000 is many; 0 leaves it out. catvae eval compares in any case." default:"0" range:"0,1000000000"`
	Resume          bool          `help:"Resume the run at --out from its newest checkpoint; start one where none exists." xor:"resume"`
	Force           bool          `help:"Replace an existing run at --out." xor:"resume"`
	Verbose         bool          `help:"Say what the exporter's passes did to the training graph."`
	badRows
	cli.Table
	textFlags
	cli.Download
	cli.Backend
}

// Help is printed under the flags' list.
func (trainCommand) Help() string {
	return `Examples:

  catvae train --data mnist/ --out run
  catvae train --data mnist/ --out run --config categorical-mlp --epochs 10
  catvae train --data rows.npy --out run --set latent.variables=37 --set encoder.hidden=33
  catvae train --data mnist/ --out run --resume --epochs 40
  catvae train --data texts.csv --column description --embedder minilm/ --out run --config embeddings-binary
  catvae train --data pictures/ --out run --set data.image_size=64x64 --set data.resize=bilinear --set data.binarize=none

catvae models lists the configurations for --config. catvae models --keys lists every key for --set, with its default, its range, and when to change it: the size of pictures, binarisation, hidden layers, learning rate, temperature, warm-up and so on.

RUN holds config.json, split.npy (which rows were held out), metrics.jsonl, checkpoints/, bundle/ and report.html. Ctrl-C finishes the current step, saves a checkpoint, exports the model so far and exits with 130; a second one ends at once. With --resume the same command continues after Ctrl-C, a crash or a power cut, and ends with the same weights, bit for bit, as a run without a pause (same engine, machine type and --threads). --resume with more --epochs trains for longer.

` + cli.ExitStatus
}

func (c trainCommand) Run(ctx context.Context, env cli.Env) (err error) {
	config, err := c.configured()
	if err != nil {
		return err
	}
	backend, err := c.OpenOrFetch(ctx, env, c.Backend, onnxruntime.WithSpinning(true))
	if err != nil {
		return err
	}
	texts, closeTexts, err := c.textFlags.open(ctx, backend, "", env.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTexts()) }()
	show := newTrainingProgress(ctx, env.Stderr)
	result, err := train.Run(ctx, config, train.Options{
		Source: c.Data, Texts: texts, Out: c.Out, Force: c.Force, Resume: c.Resume, Backend: backend, Samples: c.Samples, Queries: c.Queries, MaxBad: c.MaxBad,
		Engine: train.Engine(c.Engine), StepsPerCall: c.StepsPerCall, CheckpointEvery: c.CheckpointEvery,
		Progress: show.update, Log: show.log, Verbose: c.Verbose, Commands: nextSteps(c.Out, c.Data, c.MaxBad, c.textFlags.words()...),
	})
	show.end()
	if err != nil {
		return withBadHint(err, resumeHint)
	}
	printResult(env.Stderr, result)
	if result.Interrupted {
		fmt.Fprintf(env.Stderr, "stopped after %d steps; the bundle holds the model so far; the same command with --resume continues\n", result.Steps)
		return context.Canceled
	}
	for _, line := range nextSteps(c.Out, c.Data, c.MaxBad, c.textFlags.words()...)(result) {
		fmt.Fprintln(env.Stderr, "  "+line)
	}
	return passedOver(env.Stderr, c.Data, result.Bad)
}

// configured returns the configuration that the flags say.
func (c trainCommand) configured() (train.Config, error) {
	config, err := c.config()
	if err != nil {
		return config, cli.WithHint(err, resumeHint)
	}
	for _, assignment := range c.Set {
		if err := config.Set(assignment); err != nil {
			return config, err
		}
	}
	if c.Epochs != nil {
		config.Epochs, config.Steps = *c.Epochs, 0
	}
	if c.Steps != nil {
		config.Steps = *c.Steps
	}
	if c.Batch != nil {
		config.Batch = *c.Batch
	}
	if c.Seed != nil {
		config.Seed = *c.Seed
	}
	c.setTable(&config.Data.Table)
	return config, config.Validate()
}

// setTable sets what the flags of tables say.
func (c trainCommand) setTable(t *train.Table) {
	flags := c.Table.Table()
	t.FirstColumn = cmp.Or(flags.FirstColumn, t.FirstColumn)
	t.Header, t.Delimiter, t.Decimal = cmp.Or(flags.Header, t.Header), cmp.Or(flags.Delimiter, t.Delimiter), cmp.Or(flags.Decimal, t.Decimal)
	if len(flags.Columns) > 0 {
		t.Columns = flags.Columns
	}
}

var resumeHint = cli.Hint{Of: train.ErrResume, Text: "--force starts it again"}

// config returns the configuration to start from. Without --config, a resumed run keeps its own.
func (c trainCommand) config() (train.Config, error) {
	if c.Config == "" && c.Resume {
		config, err := train.RunConfig(c.Out)
		if !errors.Is(err, fs.ErrNotExist) {
			return config, err
		}
	}
	if c.Config == "" {
		c.Config = models.DefaultName
	}
	return train.LoadConfig(c.Config, readConfig)
}

// readConfig reads a configuration file, which is a regular file of a size that people write.
func readConfig(file string) ([]byte, error) { return readfile.Bytes(file, 1<<20) }

// printResult prints the result of a run.
func printResult(w io.Writer, r train.Result) {
	e := r.Test
	fmt.Fprintf(w, "engine %s, %d steps, %s\n", r.Engine, r.Steps, exported(r))
	fmt.Fprintf(w, "%s, %d rows: %s, %s\n", r.TestSplit, e.Rows, train.BoundText(e), manySamples(e))
	fmt.Fprintf(w, "hard codes: %v\n", e.Codes)
	if r.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", r.Hint)
	}
	if r.Retrieval != nil {
		fmt.Fprint(w, r.Retrieval)
	}
	printWarnings(w, r.Warnings)
	fmt.Fprintf(w, "bundle %s (verified), report %s\n", filepath.Join(r.Run, train.BundleDir), filepath.Join(r.Run, train.ReportFile))
}

// manySamples says the bound of several samples.
func manySamples(e evaluate.Evaluation) string {
	if e.Conditional {
		return fmt.Sprintf("%.2f nats by %d samples", -e.IWAE, e.Samples)
	}
	return fmt.Sprintf("-IWAE-%d %.2f nats", e.Samples, -e.IWAE)
}

// printWarnings prints what a user of a model must know.
func printWarnings(w io.Writer, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(w, "warning: %s\n", visible.Text(line))
	}
}

// exported says which epoch's weights a bundle holds.
func exported(r train.Result) string {
	switch {
	case r.Steps == 0:
		return "fitted to rows, not trained"
	case r.LostEpoch == 0:
		return fmt.Sprintf("best epoch %d", r.BestEpoch)
	case r.BestEpoch == 0:
		return fmt.Sprintf("the newest weights (those of the best epoch, %d, are lost: its checkpoint was damaged)", r.LostEpoch)
	}
	return fmt.Sprintf("epoch %d (the weights of the best, %d, are lost: its checkpoint was damaged)", r.BestEpoch, r.LostEpoch)
}

// trainingProgress draws one bar for all steps, and one for the evaluation at the end; messages are printed above it.
type trainingProgress struct {
	ctx     context.Context
	release func() // of the hold; nil before the first step
	w       io.Writer
	phase   string
	bar     *progress.Bar
}

// newTrainingProgress draws on w. From the first step to the end a signal ends training as [train.Run] says, which may take a while.
func newTrainingProgress(ctx context.Context, w io.Writer) *trainingProgress {
	return &trainingProgress{ctx: ctx, w: w}
}

func (t *trainingProgress) update(p train.Progress) {
	if t.release == nil {
		t.release = cli.Hold(t.ctx, "the step in hand, a checkpoint and the export are finished first")
	}
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

// log prints a line above the bar.
func (t *trainingProgress) log(line string) {
	if t.bar != nil {
		t.bar.Print(line)
		return
	}
	fmt.Fprintln(t.w, line)
}

func (t *trainingProgress) done() {
	if t.bar != nil {
		t.bar.Done("")
		t.bar = nil
	}
}

// end ends the last bar; training has returned.
func (t *trainingProgress) end() {
	t.done()
	if t.release != nil {
		t.release()
	}
}

// nextSteps returns commands to try after a run. texts are the flags of its texts.
func nextSteps(run, source string, maxBad float64, texts ...string) func(train.Result) []string {
	bundle := cli.ShellWord(filepath.ToSlash(filepath.Join(run, train.BundleDir)))
	source = strings.Join(append([]string{cli.ShellWord(source)}, texts...), " ")
	bad := ""
	if maxBad > 0 {
		bad = fmt.Sprintf(" --max-bad %g", maxBad)
	}
	return func(r train.Result) []string {
		samples := "samples.npy"
		if imgrid.Pictures(r.Shape) {
			samples = "samples.png"
		}
		last := fmt.Sprintf("catvae sample --model %s --out %s", bundle, samples)
		if r.Test.Conditional { // which draws nothing without a row
			last = fmt.Sprintf("infer --model %s --in %s --mode reconstruct --out predicted.npy%s", bundle, source, bad)
		}
		return []string{
			"catvae inspect " + bundle,
			fmt.Sprintf("catvae eval --model %s --data %s --samples 100%s", cli.ShellWord(filepath.ToSlash(run)), source, bad),
			fmt.Sprintf("infer --model %s --in %s --out codes.npy%s", bundle, source, bad),
			last,
		}
	}
}
