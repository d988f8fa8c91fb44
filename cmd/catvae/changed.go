package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
)

// withoutChanged are the flags of what is not measured with --changed.
var withoutChanged = []string{"samples", "rows", "binarize", "bits", "queries", "query-rows", "against", "metric"}

// Validate refuses flags that have no say with --changed.
func (c *evalCommand) Validate(line *kong.Context) error {
	if len(c.Changed.list) == 0 {
		return nil
	}
	for _, given := range line.Path {
		if given.Flag != nil && slices.Contains(withoutChanged, given.Flag.Name) {
			return fmt.Errorf("--%s and --changed can't be used together: it measures neither bounds nor labels, and all rows are searched", given.Flag.Name)
		}
	}
	return nil
}

// originals measures how changed rows find their originals.
func (c evalCommand) originals(ctx context.Context, env cli.Env, model *runtime.Model) error {
	names, err := c.names()
	if err != nil {
		return err
	}
	m, err := evaluate.DistributionsOf(model.Manifest())
	if err != nil {
		return err
	}
	base, changed, err := c.changedRows(ctx, model)
	if err != nil {
		return withBadHint(infer.WithDivideHint(err))
	}
	changes, err := rivals.Changes(base, changed)
	if err != nil {
		return err
	}
	total := base.Len()
	for _, s := range changes {
		total += s.Set.Len()
	}
	bar := progress.New(env.Stderr, total, "searching")
	found, err := rivals.FindOriginals(ctx, model, m.Latent.Bits(), base, changes, rivals.Options{
		Rivals: names, Standard: m.Standard, Seed: c.Seed, Progress: func(done, _ int) { bar.Set(done, "") },
	})
	bar.Done("")
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(env.Stdout).Encode(found)
	} else {
		_, err = fmt.Fprint(env.Stdout, found)
	}
	if err != nil {
		return err
	}
	bad := base.Bad()
	for _, s := range changed {
		bad = append(bad, s.Bad()...)
	}
	return passedOver(env.Stderr, c.Data, bad)
}

// changedRows reads the rows that are searched, which are all of the source or of its split, and those that search.
func (c evalCommand) changedRows(ctx context.Context, model *runtime.Model) (base *dataset.Set, changed []*dataset.Set, err error) {
	in := model.Manifest().Input
	o := c.reading(in)
	o.IDs, o.Labels = true, false
	splits, err := dataset.HasSplits(c.Data)
	if err != nil {
		return nil, nil, err
	}
	if splits && c.Split == "" {
		o.Split = dataset.Test
	}
	if !splits && c.Split != "" {
		return nil, nil, fmt.Errorf("%w: --split: %s has no splits, and with --changed all of its rows are searched: leave --split out", cli.ErrUsage, c.Data)
	}
	for i, source := range append([]string{c.Data}, c.Changed.list...) {
		set, err := dataset.Load(ctx, source, o)
		if err != nil {
			return nil, nil, err
		}
		if err := takes(in, set); err != nil {
			return nil, nil, err
		}
		if i == 0 {
			base = set
			continue
		}
		changed = append(changed, set)
	}
	return base, changed, nil
}
