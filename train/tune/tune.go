// Package tune searches for a configuration: it draws values for some keys, trains each for a short while, and the better ones for longer.
//
// Three nouns. A [Key] is a key of the configuration with the values to try. A *trial* is a training run in a folder of its own. A *bracket* is
// nine configurations by successive halving (Jamieson and Talwalkar 1502.07943, here by thirds): all nine are trained for a ninth of the
// steps, the best three for a third, the best one for all. Brackets follow each other until the time is spent.
//
//	k, err := tune.ParseKey("optimizer.learning_rate=log:0.0005..0.02")
//	trials, err := tune.Run(ctx, tune.Search{Base: config, Keys: []tune.Key{k}, Budget: time.Hour, Options: train.Options{Source: "mnist", Out: "search"}})
//
// Every trial begins anew, so that schedules of the learning rate fit its length. The figure is the bound on the held-out rows; test rows never choose.
// The same search in the same folder continues: trials that have ended are not repeated.
package tune

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train"
)

// The files of a search, next to its trials.
const (
	SearchFile = "search.json" // what is searched
	BestFile   = "best.json"   // the best configuration so far, for catvae train --config
	ReportFile = "report.html" // the trials side by side
	TrialsDir  = "trials"
)

// bracketSize is how many configurations begin a bracket, and keptPart the part of them that is trained for as many times longer.
const (
	bracketSize = 9
	keptPart    = 3
)

// A Search says what is tried, and for how long.
type Search struct {
	Base    train.Config
	Keys    []Key
	Seed    uint64        // of the values
	Budget  time.Duration // no trial begins after it, counting the time of trials that have ended
	Options train.Options // of every trial: Out is the search's folder; Force and Resume are not looked at
	Ended   func(Trial)   // called after each trial; may be nil
}

// A Trial is a run of the search that has ended.
type Trial struct {
	train.Trial
	Values map[string]string // of the keys that are searched
	Part   float64           // of the steps of a whole run
	Bound  float64           // -ELBO on the held-out rows, in nats a row; +Inf where the configuration failed
	Failed error             // why

	config train.Config
	draw   int
}

// Run searches until the budget is spent or ctx is done, and returns the trials, the longest and among them the best first. A context that is
// done is no error where a trial has ended: the search continues when it is called again.
func Run(ctx context.Context, s Search) ([]Trial, error) {
	if len(s.Keys) == 0 {
		return nil, fmt.Errorf("tune: no key is to be tried: give one, such as optimizer.learning_rate=log:0.0005..0.02: %w", ErrKey)
	}
	for _, k := range s.Keys { // before anything is written
		for i := range bracketSize {
			c := s.Base
			if err := c.Set(k.Name + "=" + k.Value(s.Seed, i)); err != nil {
				return nil, fmt.Errorf("tune: %w", err)
			}
		}
	}
	r := search{Search: s}
	var err error
	if r.steps, err = s.Base.TotalSteps(ctx, s.Options); err != nil {
		return nil, err
	}
	if r.steps < bracketSize {
		return nil, fmt.Errorf("tune: a run has %d steps, and the first trials take a ninth of them: set epochs or steps higher: %w", r.steps, ErrKey)
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	for bracket := 0; r.goesOn(ctx); bracket++ {
		if err := r.bracket(ctx, bracket); err != nil {
			return r.sorted(), err
		}
	}
	return r.sorted(), r.write(ctx)
}

// search is a search under way.
type search struct {
	Search
	steps  int // of a whole run
	trials []Trial
	spent  time.Duration
}

func (r *search) goesOn(ctx context.Context) bool { return ctx.Err() == nil && r.spent < r.Budget }

// open makes the folder, or finds that it is of the same search.
func (r *search) open() error {
	what, err := json.MarshalIndent(struct {
		Base train.Config `json:"base"`
		Keys []Key        `json:"keys"`
		Seed uint64       `json:"seed"`
		Data string       `json:"data"`
	}{r.Base, r.Keys, r.Seed, r.Options.Source}, "", "  ")
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	path := filepath.Join(r.Options.Out, SearchFile)
	there, err := os.ReadFile(path)
	switch {
	case err == nil && !bytes.Equal(there, what):
		return fmt.Errorf("tune: %s is of another search: choose another folder, or repeat the command that made it: %w", r.Options.Out, ErrKey)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("tune: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(r.Options.Out, TrialsDir), 0o755); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if err := atomicfile.WriteBytes(path, 0o644, what); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	return nil
}

// bracket trains nine configurations, then the best third of them for three times as long, and so on.
func (r *search) bracket(ctx context.Context, number int) error {
	draws := make([]int, bracketSize)
	for i := range draws {
		draws[i] = number*bracketSize + i
	}
	for part := bracketSize; part >= 1; part /= keptPart {
		var rung []Trial
		for _, draw := range draws {
			if !r.goesOn(ctx) {
				return nil
			}
			t, err := r.trial(ctx, draw, r.steps/part)
			if err != nil || ctx.Err() != nil {
				return err
			}
			rung = append(rung, t)
		}
		slices.SortStableFunc(rung, func(a, b Trial) int { return cmp.Compare(a.Bound, b.Bound) })
		draws = draws[:0]
		for _, t := range rung[:max(len(rung)/keptPart, 1)] {
			draws = append(draws, t.draw)
		}
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	return nil
}

// trial trains a configuration for some steps, unless that was done before.
func (r *search) trial(ctx context.Context, draw, steps int) (Trial, error) {
	t := Trial{Values: map[string]string{}, Part: float64(steps) / float64(r.steps), Bound: math.Inf(1), config: r.Base, draw: draw}
	t.Dir = filepath.Join(r.Options.Out, TrialsDir, fmt.Sprintf("%04d-%d", draw, steps))
	for _, k := range r.Keys {
		t.Values[k.Name] = k.Value(r.Seed, draw)
		if err := t.config.Set(k.Name + "=" + t.Values[k.Name]); err != nil {
			return t, fmt.Errorf("tune: %w", err)
		}
	}
	t.config.Steps = steps
	o := r.Options
	o.Out, o.Resume, o.Force, o.Samples, o.Queries = t.Dir, true, false, 1, 0
	began := time.Now()
	read, err := readTrial(t.Dir)
	if err == nil && read.Test == nil {
		if _, err = train.Run(ctx, t.config, o); err == nil {
			read, err = readTrial(t.Dir)
		}
	}
	if ctx.Err() != nil {
		return t, nil
	}
	if errors.Is(err, train.ErrConfig) { // what was drawn makes no sense together, or diverges
		t.Failed, err = err, nil
	}
	if err != nil {
		return t, err
	}
	if t.Failed == nil {
		if t.Trial = read; t.HeldOut != nil {
			t.Bound = -t.HeldOut.ELBO
		}
	}
	r.spent += max(time.Since(began), time.Duration(t.Seconds*float64(time.Second)))
	r.trials = append(r.trials, t)
	if r.Ended != nil {
		r.Ended(t)
	}
	return t, nil
}

// readTrial reads the run of a folder. Where none has begun, nothing was measured.
func readTrial(dir string) (train.Trial, error) {
	all, err := train.Trials([]string{dir})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return train.Trial{}, nil
	case err != nil:
		return train.Trial{}, err
	}
	return all[0], nil
}

// sorted returns the trials, the longest and among them the best first.
func (r *search) sorted() []Trial {
	slices.SortStableFunc(r.trials, func(a, b Trial) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Bound, b.Bound))
	})
	return r.trials
}

// write writes the best configuration and the page.
func (r *search) write(ctx context.Context) error {
	var shown []string
	for _, t := range r.sorted() {
		if t.Failed != nil {
			continue
		}
		if len(shown) == 0 {
			best := t.config
			best.Epochs, best.Steps = r.Base.Epochs, r.Base.Steps
			text, err := json.MarshalIndent(best, "", "  ")
			if err == nil {
				err = atomicfile.WriteBytes(filepath.Join(r.Options.Out, BestFile), 0o644, append(text, '\n'))
			}
			if err != nil {
				return fmt.Errorf("tune: %w", err)
			}
		}
		if len(shown) < mostShown {
			shown = append(shown, t.Dir)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	trials, err := train.Trials(shown) // with the keys in which these differ
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := train.WriteComparison(ctx, &page, trials, nil, nil); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(r.Options.Out, ReportFile), 0o644, page.Bytes()); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	return nil
}

// mostShown is how many trials the page has at most.
const mostShown = 24
