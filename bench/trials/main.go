//go:build unix

// Trials tries every promise of catvae and infer, with the built commands: a killed run continues and ends with the same bytes,
// a power cut leaves no record without its part, an error of the system is never taken for bad data, and so on. table.go has a row
// for each, and each has a file. A promise that is not kept makes the exit status 1.
//
//	bench/trials/run.sh                              every trial, large: several hours
//	bench/trials/run.sh --short                      small sizes: a minute and a half
//	bench/trials/run.sh --only kills,errno           some of them
//	bench/trials/run.sh --results long.json          in pieces: what the file has already is not done again
//	bench/trials/run.sh --results long.json --write docs/reliability.md    the document, from such a file; nothing is tried
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
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bench/internal/commands"
	"github.com/catvae/catvae/bench/internal/rows"
)

type command struct {
	Only     []string `help:"Trials to make, or one way as TRIAL/WAY, which may be repeated; without any, all." placeholder:"NAME" sep:"none"`
	Short    bool     `help:"Make the trials small, and leave out those that measure time."`
	Count    int      `help:"How many to count for each way, instead of the form's own number." placeholder:"N"`
	Data     string   `help:"Rows: a folder with MNIST's files, or glyphs." default:"glyphs" placeholder:"FOLDER"`
	Model    string   `help:"Bundle for rows of that shape; without it a model is trained on them for one epoch." placeholder:"BUNDLE"`
	Threads  int      `help:"infer's --threads; 0 means one per core."`
	Batch    int      `help:"infer's --batch; 0 leaves infer's default."`
	Seed     uint64   `help:"Of all that is drawn: moments, rows, ways." default:"1"`
	Work     string   `help:"Folder for what the trials make, which is removed at the end; 10 million rows take 8 GB." placeholder:"DIR"`
	Keep     bool     `help:"Leave that folder, to look at what broke."`
	Binaries string   `help:"Folder with infer, catvae and infer-purego." placeholder:"FOLDER"`
	Results  string   `help:"File of results to continue: what it has for the same programs is not done again." placeholder:"FILE"`
	Write    string   `help:"Write the document from --results, and try nothing." placeholder:"FILE.md"`
	Source   string   `help:"This module's folder, for its fuzz targets." default:"." placeholder:"DIR"`
}

// Help lists the trials.
func (command) Help() string {
	var s strings.Builder
	s.WriteString("Trials:\n\n")
	for _, t := range trials {
		fmt.Fprintf(&s, "%s: %s %s Long: %s. Short: %s.\n\n", t.name, t.promise, t.does, t.long.text(t.counts), t.short.text(t.counts))
	}
	return s.String()
}

func (s size) text(counts string) string {
	if s == (size{}) {
		return "left out"
	}
	var words []string
	if s.rows > 0 {
		words = append(words, fmt.Sprintf("%d rows", s.rows))
	}
	if s.times > 0 {
		words = append(words, fmt.Sprintf("%d %s for each way", s.times, counts))
	}
	if s.most > 0 {
		words = append(words, fmt.Sprintf("%d of the ways", s.most))
	} else {
		words = append(words, "all ways")
	}
	return strings.Join(words, ", ")
}

// bench is a command with what all its trials need.
type bench struct {
	command
	infer   commands.Commands
	program string // runs in infer's place where it is set
	source  rows.Source
	dir     string // of the trial that is made; empty when it begins
	results *results
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Try what catvae and infer promise."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}

func (c command) run(ctx context.Context) (err error) {
	c.Only = splitNames(c.Only)
	for _, name := range c.Only {
		name, _, _ = strings.Cut(name, "/")
		if !slices.ContainsFunc(trials, func(t trial) bool { return t.name == name }) {
			return fmt.Errorf("trials: there is no %q; --help lists them", name)
		}
	}
	if c.Write != "" {
		r, err := openResults(c.Results)
		if err != nil {
			return err
		}
		return os.WriteFile(c.Write, r.document(), 0o644)
	}
	b := &bench{
		command: c,
		infer:   commands.Commands{Folder: c.Binaries, Model: c.Model, Threads: c.Threads, Batch: c.Batch},
		source:  rows.Source(c.Data),
	}
	if b.results, err = openResults(c.Results); err != nil {
		return err
	}
	if err := b.absolute(); err != nil {
		return err
	}
	if b.Work, err = os.MkdirTemp(b.Work, "bench-trials-"); err != nil {
		return err
	}
	if !c.Keep {
		defer os.RemoveAll(b.Work)
	}
	if err := b.infer.TrainWhereNone(ctx, c.Data, b.Work); err != nil {
		return err
	}
	if err := b.results.identify(ctx, b); err != nil {
		return err
	}
	broken := 0
	for _, t := range trials {
		n, err := b.make(ctx, t)
		if err != nil {
			return err
		}
		broken += n
	}
	if broken > 0 {
		return fmt.Errorf("trials: promises that were not kept: %d", broken)
	}
	return nil
}

// absolute makes the names of folders so, since trials run commands in folders of their own.
func (b *bench) absolute() error {
	var errs []error
	for _, path := range []*string{&b.Work, &b.infer.Folder, &b.infer.Model, &b.Source} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		errs, *path = append(errs, err), full
	}
	if _, err := os.Stat(b.infer.InferPath()); err != nil {
		errs = append(errs, fmt.Errorf("trials: --binaries: %w", err))
	}
	return errors.Join(errs...)
}

// wanted reports whether --only asks for a trial, or for a way of it.
func (c command) wanted(trial, way string) bool {
	return len(c.Only) == 0 || slices.ContainsFunc(c.Only, func(name string) bool {
		t, w, one := strings.Cut(name, "/")
		return t == trial && (way == "" || !one || w == way)
	})
}

// named reports whether --only names a way of a trial.
func (c command) named(trial string) bool {
	return slices.ContainsFunc(c.Only, func(name string) bool { return strings.HasPrefix(name, trial+"/") })
}

// splitNames splits lists of trials at commas. Names of ways may hold some.
func splitNames(lists []string) (names []string) {
	for _, list := range lists {
		if strings.Contains(list, "/") {
			names = append(names, list)
		} else {
			names = append(names, strings.Split(list, ",")...)
		}
	}
	return names
}
