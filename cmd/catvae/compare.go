package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/report"
)

type compareCommand struct {
	Runs  []string `arg:"" help:"Run folders, finished or not." placeholder:"RUN"`
	Out   string   `help:"HTML file with curves, figures and, with --data, reconstructions side by side." placeholder:"FILE.html"`
	Data  string   `help:"Rows to reconstruct on the page: ${sources}." placeholder:"SRC"`
	Force bool     `help:"Replace the file."`
	JSON  bool     `help:"Print one JSON object a run instead of the table."`
	badRows
	cli.Table
	cli.Backend
}

// Help is printed under the flags' list.
func (compareCommand) Help() string {
	return `Examples:

  catvae compare run-a run-b
  catvae compare runs/* --out compare.html --data mnist/
  catvae compare run-a run-b --json

Prints a line for each run, the best by its held-out bound first, what their codes find where the runs measured it (catvae train --queries, catvae tune --by), with the protocol, and the keys in which the runs differ. The page has the curves, too, by steps and by time. Figures of runs on different data, or with different likelihoods, say nothing of each other.

` + cli.ExitStatus
}

func (c compareCommand) Run(ctx context.Context, env cli.Env) error {
	if c.Data != "" && c.Out == "" {
		return fmt.Errorf("%w: --data is for the pictures of a page: name the page with --out FILE.html", cli.ErrUsage)
	}
	trials, err := train.Trials(c.Runs)
	if err != nil {
		return err
	}
	slices.SortStableFunc(trials, func(a, b train.Trial) int { return better(a.HeldOut, b.HeldOut) })
	if c.Out != "" {
		if err := c.write(ctx, env, trials); err != nil {
			return err
		}
	}
	if c.JSON {
		out := json.NewEncoder(env.Stdout)
		for _, t := range trials {
			if err := out.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	return printTrials(env.Stdout, trials)
}

// better orders evaluations by their ELBO; what was not measured comes last.
func better(a, b *evaluate.Evaluation) int {
	switch {
	case a == nil && b == nil:
		return 0
	case b == nil || a != nil && a.ELBO > b.ELBO:
		return -1
	case a == nil || a.ELBO < b.ELBO:
		return 1
	}
	return 0
}

// write writes the page. Rows are read as the first bundle reads them.
func (c compareCommand) write(ctx context.Context, env cli.Env, trials []train.Trial) error {
	to, err := atomicfile.CheckFile(c.Out, c.Force)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if c.Data == "" {
		err = train.WriteComparison(ctx, &page, trials, nil, nil)
	} else {
		err = c.writeWithRows(ctx, env, &page, trials)
	}
	if err != nil {
		return err
	}
	f, err := to.Create(ctx, 0o644)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(page.Bytes()); err != nil {
		return err
	}
	return f.Commit()
}

func (c compareCommand) writeWithRows(ctx context.Context, env cli.Env, page io.Writer, trials []train.Trial) error {
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	models := make([]*runtime.Model, len(trials))
	first := -1
	for i, t := range trials {
		m, err := openModel(ctx, t.Dir, backend)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer m.Close()
		if models[i] = m; first < 0 {
			first = i
		}
	}
	if first < 0 {
		return fmt.Errorf("%w: none of the runs has a bundle yet: leave --data out, or let one end", bundle.ErrFormat)
	}
	measured, err := evalCommand{Model: trials[first].Dir, Data: c.Data, badRows: c.badRows, Table: c.Table}.rows(ctx, models[first].Manifest().Input, trials[first].Dir)
	if err != nil {
		return withBadHint(err)
	}
	if err := train.WriteComparison(ctx, page, trials, models, measured.set); err != nil {
		return err
	}
	return passedOver(env.Stderr, c.Data, measured.set.Bad())
}

// printTrials prints a line for each run, and the keys in which they differ.
func printTrials(w io.Writer, trials []train.Trial) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "run\tsteps\ts\t-ELBO held out\t-ELBO\t-IWAE\treconstruction\tKL\tdead bits")
	keys := map[string]bool{}
	for _, r := range trials {
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%s\t", visible.Name(r.Dir), r.Steps, r.Seconds, nats(r.HeldOut, func(e evaluate.Evaluation) float64 { return -e.ELBO }))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t", nats(r.Test, func(e evaluate.Evaluation) float64 { return -e.ELBO }), nats(r.Test, func(e evaluate.Evaluation) float64 { return -e.IWAE }),
			nats(r.Test, func(e evaluate.Evaluation) float64 { return e.Reconstruction }), nats(r.Test, func(e evaluate.Evaluation) float64 { return e.KL }))
		if r.Test != nil && r.Test.Codes != nil {
			fmt.Fprint(t, r.Test.Codes.Dead)
		}
		fmt.Fprintln(t)
		for key := range r.Settings {
			keys[key] = true
		}
	}
	if slices.ContainsFunc(trials, func(r train.Trial) bool { return r.Test != nil && r.Test.Conditional }) {
		fmt.Fprintln(t, "\nof runs with data.predict the bounds are of the predicted part of a row given the rest, ln p(y|x)")
	}
	printFound(t, train.Found(trials))
	for i, key := range slices.Sorted(maps.Keys(keys)) {
		if i == 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprint(t, key)
		for _, r := range trials {
			value, ok := r.Settings[key]
			if !ok {
				value = "-"
			}
			fmt.Fprintf(t, "\t%s", visible.Text(value))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// printFound prints what the codes find, where some run measured it.
func printFound(w io.Writer, found *report.Table) {
	if found == nil {
		return
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, strings.Join(found.Head, "\t"))
	for _, row := range found.Rows {
		row = slices.Clone(row)
		row[0] = visible.Name(row[0])
		for i, cell := range row {
			row[i] = cmp.Or(cell, "-")
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	for _, note := range found.Notes {
		fmt.Fprintln(w, visible.Line(note))
	}
}

// nats formats a figure, "-" where there is none.
func nats(e *evaluate.Evaluation, of func(e evaluate.Evaluation) float64) string {
	if e == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", of(*e))
}
