// Trials tries what infer promises, with the built commands: a run that was killed continues and ends with the same bytes, shards
// share the work out, bad rows are named and change no other, memory does not grow with the rows. A promise that is not kept
// makes the exit status 1.
//
//	bench/trials/run.sh                        every trial, large: half an hour
//	bench/trials/run.sh --short                small sizes: half a minute
//	bench/trials/run.sh --data mnist/ kills    one trial, on MNIST
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bench/internal/commands"
	"github.com/catvae/catvae/bench/internal/rows"
)

type command struct {
	Trials []string `arg:"" optional:"" help:"Trials to make; without any, all."`

	Short    bool   `help:"Make the trials small, and leave out those that measure time."`
	Data     string `help:"Rows: a folder with MNIST's files, or glyphs." default:"glyphs" placeholder:"FOLDER"`
	Model    string `help:"Bundle for rows of that shape; without it a model is trained on them for one epoch." placeholder:"BUNDLE"`
	Threads  int    `help:"infer's --threads; 0 means one per core."`
	Batch    int    `help:"infer's --batch; 0 leaves infer's default."`
	Seed     uint64 `help:"Of moments to kill at and rows to damage." default:"1"`
	Work     string `help:"Folder for rows and codes, which are removed at the end; 10 million rows take 8 GB." placeholder:"DIR"`
	Binaries string `help:"Folder with infer and catvae." required:"" placeholder:"FOLDER"`
}

// A trial is a promise that is tried.
type trial struct {
	name, doc   string
	short, long size // a zero size leaves the trial out
	run         func(*bench, context.Context, size) error
}

// A size says how large a trial is.
type size struct {
	rows  int // that are encoded
	times int // that it is repeated, where it is
}

var trials = []trial{
	{"kills", "Kill runs at random moments, run them again and compare with a run that was left alone.", size{60_000, 3}, size{300_000, 50}, (*bench).kills},
	{"shards", "Share the parts of one folder out to 1, 3 and 7 runs.", size{20_000, 1}, size{300_000, 1}, (*bench).shards},
	{"bad", "Damage 1 % of PNG, CSV and NPY rows.", size{2_000, 1}, size{100_000, 1}, (*bench).bad},
	{"memory", "Measure the peak memory at a tenth of the rows and at all.", size{200_000, 1}, size{10_000_000, 1}, (*bench).memory},
	{"start", "Time runs of one row.", size{}, size{1, 20}, (*bench).start},
}

// Help lists the trials.
func (command) Help() string {
	var s strings.Builder
	s.WriteString("Trials:\n\n")
	for _, t := range trials {
		fmt.Fprintf(&s, "%s: %s Long: %s. Short: %s.\n\n", t.name, t.doc, t.long, t.short)
	}
	return s.String()
}

func (s size) String() string {
	switch s {
	case size{}:
		return "left out"
	case size{1, s.times}:
		return fmt.Sprintf("1 row, %d times", s.times)
	case size{s.rows, 1}:
		return fmt.Sprintf("%d rows", s.rows)
	}
	return fmt.Sprintf("%d rows, %d times", s.rows, s.times)
}

// bench is a command with what all its trials need.
type bench struct {
	command
	infer  commands.Commands
	source rows.Source
	broken int // promises
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Try what infer promises."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}

func (c command) run(ctx context.Context) (err error) {
	for _, name := range c.Trials {
		if !slices.ContainsFunc(trials, func(t trial) bool { return t.name == name }) {
			return fmt.Errorf("trials: there is no %q; --help lists them", name)
		}
	}
	if c.Work, err = os.MkdirTemp(c.Work, "bench-trials-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.Work)
	b := &bench{
		command: c,
		infer:   commands.Commands{Folder: c.Binaries, Model: c.Model, Threads: c.Threads, Batch: c.Batch},
		source:  rows.Source(c.Data),
	}
	if err := b.infer.TrainWhereNone(ctx, c.Data, c.Work); err != nil {
		return err
	}
	for _, t := range trials {
		s := t.long
		if c.Short {
			s = t.short
		}
		if s == (size{}) || len(c.Trials) > 0 && !slices.Contains(c.Trials, t.name) {
			continue
		}
		fmt.Printf("## %s\n\n%s Size: %s; seed %d.\n\n", t.name, t.doc, s, c.Seed)
		if err := t.run(b, ctx, s); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Println()
	}
	if b.broken > 0 {
		return fmt.Errorf("trials: promises that were not kept: %d", b.broken)
	}
	return nil
}

// promise says whether a promise is kept.
func (b *bench) promise(kept bool, format string, args ...any) {
	word := "kept"
	if !kept {
		word = "NOT KEPT"
		b.broken++
	}
	fmt.Printf("- %s: %s\n", word, fmt.Sprintf(format, args...))
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
