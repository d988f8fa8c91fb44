package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/tune"
)

type tuneCommand struct {
	Data    string   `help:"${sources}." required:"" placeholder:"SRC"`
	Out     string   `help:"Folder of the search." required:"" placeholder:"DIR"`
	Try     []string `help:"Key to search, with its values: KEY=A|B|C, KEY=LOW..HIGH, or KEY=log:LOW..HIGH where the number's logarithm is uniform; may be repeated." required:"" placeholder:"KEY=VALUES" sep:"none"`
	Minutes float64  `help:"After so many minutes no trial begins; the last one ends." default:"30" range:"0.01,1000000"`
	Config  string   `help:"Name from the catalogue, or a JSON file: what all trials share; bernoulli-mlp where none is given." placeholder:"NAME|FILE.json"`
	Set     []string `help:"Change one key for all trials; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	By      string   `help:"Figure of the rows held out that chooses: bound (-ELBO), precision (precision@100 by their labels, which no training sees) or recall (recall@10 of the nearest rows of floats, without labels)." default:"bound" enum:"bound,precision,recall" placeholder:"FIGURE"`
	Seed    uint64   `help:"Seed of the values that are tried." default:"1" range:"any"`
	badRows
	cli.Table
	textFlags
	cli.Download
	cli.Backend
}

// Help is printed under the flags' list.
func (tuneCommand) Help() string {
	return `Examples:

  catvae tune --data mnist/ --out search --try optimizer.learning_rate=log:0.0005..0.02 --try 'encoder.hidden=200|400|800'
  catvae tune --data rows.npy --out search --config embeddings-binary --minutes 120 --try objective.kl_weight=log:0.01..1 --try latent.variables=64..256
  catvae tune --data mnist/ --out search --config mnist-search --by precision --try objective.contrast.temperature=log:0.1..1 --try 'latent.thresholds=zero|median'
  catvae train --data mnist/ --out run --config search/best.json

Values are drawn at random. Nine configurations are trained for a ninth of the steps, the best three for a third, the best one for all of them, and so on with nine more until the time is spent. The figure is of rows held out of the training split, and test rows never choose: -ELBO in nats a row, or what the codes find, which says more where they are for search. With --by precision 1,000 of these rows search the others by their labels, which no training sees; with --by recall they search the nearest rows of floats.

DIR holds a run for each trial, report.html, which shows them side by side, and best.json, the best configuration. The same command continues a search that was stopped; with more --minutes it goes on. stdout has a line for each trial, the longest and among them the best first.

` + cli.ExitStatus
}

func (c tuneCommand) Run(ctx context.Context, env cli.Env) (err error) {
	var keys []tune.Key
	for _, text := range c.Try {
		k, err := tune.ParseKey(text)
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	t := trainCommand{Data: c.Data, Config: c.Config, Set: c.Set, Table: c.Table}
	config, err := t.configured()
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
	began := time.Now()
	trials, err := tune.Run(ctx, tune.Search{
		Base: config, Keys: keys, By: tune.By(c.By), Seed: c.Seed, Budget: time.Duration(c.Minutes * float64(time.Minute)),
		Options: train.Options{Source: c.Data, Texts: texts, Out: c.Out, Backend: backend, MaxBad: c.MaxBad, Progress: quietly(show.update)},
		Ended: func(t tune.Trial) {
			show.log(fmt.Sprintf("%s after %s: %s", filepath.Base(t.Dir), time.Since(began).Round(time.Second), figure(t)))
		},
	})
	show.end()
	if err != nil {
		return withBadHint(err)
	}
	if err := printTuned(env.Stdout, tune.By(c.By), keys, trials); err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(env.Stderr, "stopped; the same command continues")
		return context.Canceled
	}
	if len(trials) > 0 {
		fmt.Fprintf(env.Stderr, "  catvae train --data %s --out run --config %s\n", visible.Name(c.Data), visible.Name(filepath.Join(c.Out, tune.BestFile)))
	}
	return nil
}

// quietly leaves out the lines that a run of its own would keep.
func quietly(update func(train.Progress)) func(train.Progress) {
	return func(p train.Progress) {
		p.Message = ""
		update(p)
	}
}

// figure says what a trial is chosen by.
func figure(t tune.Trial) string {
	if t.Failed != nil {
		return visible.Line(t.Failed.Error())
	}
	return fmt.Sprintf("%s %s on held-out rows", t.By.Name(), t.Figure())
}

// printTuned prints a line for each trial.
func printTuned(w io.Writer, by tune.By, keys []tune.Key, trials []tune.Trial) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "run\tsteps\t"+by.Name())
	for _, k := range keys {
		fmt.Fprint(t, "\t"+k.Name)
	}
	fmt.Fprintln(t)
	for _, trial := range trials {
		values := []string{visible.Name(trial.Dir), fmt.Sprint(trial.Steps), cmp.Or(trial.Figure(), "failed")}
		for _, k := range keys {
			values = append(values, visible.Text(trial.Values[k.Name]))
		}
		fmt.Fprintln(t, strings.Join(values, "\t"))
	}
	return t.Flush()
}
