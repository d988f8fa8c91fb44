package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
)

// retrievalFlags say how retrieval is measured.
type retrievalFlags struct {
	Queries   int      `help:"Rows that search for others, which measures what the codes find; 0 leaves it out." default:"1000" range:"0,1000000000"`
	QueryRows string   `help:"Which rows search: first, the first ones; random, drawn by --seed; each, as many of each label, the first ones; each-random, as many of each label, drawn." default:"first" enum:"first,random,each,each-random" placeholder:"WORD"`
	Against   string   `help:"Among which rows they search: all, all of them except the query itself; others, those that are no queries; splits, these and the rows of the source's other split." default:"all" enum:"all,others,splits" placeholder:"WORD"`
	Metric    string   `help:"By what floats are near: cosine or euclidean." default:"cosine" enum:"cosine,euclidean" placeholder:"cosine|euclidean"`
	Rivals    []string `help:"Which codes are compared with the model's: names of ${rivals_help}; all, or none." default:"all" placeholder:"LIST"`
}

// These are the words of --rivals that are no rival's name.
const (
	allRivals = "all"
	noRivals  = "none"
)

// names returns the rivals' names.
func (f retrievalFlags) names() ([]string, error) {
	switch {
	case slices.Equal(f.Rivals, []string{allRivals}):
		return rivals.Names(), nil
	case slices.Equal(f.Rivals, []string{noRivals}):
		return nil, nil
	}
	if err := rivals.Check(f.Rivals); err != nil {
		return nil, fmt.Errorf("%w: --rivals: %w, or %s, or %s", cli.ErrUsage, err, allRivals, noRivals)
	}
	return f.Rivals, nil
}

// Words of --against.
const (
	againstAll    = "all"
	againstSplits = "splits"
)

// otherSplit adds the source's other split: the rows trained on, to which rivals are fitted, and those that --against splits searches.
func (c evalCommand) otherSplit(ctx context.Context, in bundle.Input, split dataset.Split, r *measuredRows) error {
	if c.Queries == 0 || split == dataset.Train && c.Against != againstSplits {
		return nil
	}
	names, err := c.names()
	if err != nil || len(names) == 0 && c.Against != againstSplits {
		return err
	}
	o := c.reading(in)
	o.Rows = 0
	if o.Split = dataset.Train; split == dataset.Train {
		o.Split = dataset.Test
	}
	other, err := dataset.Load(ctx, c.Data, o)
	if errors.Is(err, fs.ErrNotExist) && c.Against != againstSplits { // a folder may hold test rows only
		return nil
	}
	if err != nil {
		return err
	}
	r.other = other
	if split != dataset.Train {
		r.apart = other
	}
	return nil
}

// compare measures retrieval: nil where it is not asked for, or where the rows are too few.
func (c evalCommand) compare(ctx context.Context, env cli.Env, model *runtime.Model, m evaluate.Distributions, r measuredRows) (*rivals.Comparison, error) {
	if c.Queries == 0 {
		return nil, nil
	}
	if !m.Cut.IsZero() {
		fmt.Fprintln(env.Stderr, "retrieval is not measured: the codes are of a part of a row")
		return nil, nil
	}
	names, err := c.names()
	if err != nil {
		return nil, err
	}
	sets := []*dataset.Set{r.set}
	if c.Against == againstSplits {
		if r.other == nil {
			return nil, fmt.Errorf("%w: --against splits: %s has no other split: use --against others", cli.ErrUsage, c.Data)
		}
		sets = append(sets, r.other)
	}
	if r.set.Len() < rivals.Least {
		fmt.Fprintf(env.Stderr, "retrieval is not measured: %d rows are too few\n", r.set.Len())
		return nil, nil
	}
	total := 0
	for _, s := range sets {
		total += s.Len()
	}
	bar := progress.New(env.Stderr, total, "searching")
	found, err := rivals.Compare(ctx, model, m.Latent.Bits(), sets, r.apart, rivals.Options{
		Queries: c.Queries, Which: c.QueryRows, Apart: c.Against != againstAll,
		Rivals: names, Metric: c.Metric, Standard: m.Standard, Seed: c.Seed, Progress: func(done, _ int) { bar.Set(done, "") },
	})
	bar.Done("")
	if err != nil {
		return nil, err
	}
	return &found, nil
}
