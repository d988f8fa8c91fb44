// Package tune searches for a configuration: it draws values for some keys, trains each for a short while, and the better ones for longer.
//
// Three nouns. A [Key] is a key of the configuration with the values to try. A *trial* is a training run in a folder of its own. A *bracket* is
// nine configurations by successive halving (Jamieson and Talwalkar 1502.07943, here by thirds): all nine are trained for a ninth of the
// steps, the best three for a third, the best one for all. Brackets follow each other until the time is spent.
//
//	k, err := tune.ParseKey("optimizer.learning_rate=log:0.0005..0.02")
//	trials, err := tune.Run(ctx, tune.Search{Base: config, Keys: []tune.Key{k}, Budget: time.Hour, Options: train.Options{Source: "mnist", Out: "search"}})
//
// Every trial begins anew, so that schedules of the learning rate fit its length. The figure is of the held-out rows: the bound, or what the codes
// find among them, see [By]. Test rows never choose.
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
	"strings"
	"time"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/retrieval"
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

// By is the figure of the held-out rows that the better trials are chosen by. What codes find is measured by the protocol of package retrieval:
// queries random rows search among 20,000 rows at most.
type By string

// The figures.
const (
	Bound     By = "bound"     // -ELBO in nats a row: lower is better. "" means it
	Precision By = "precision" // precision@100 by the rows' labels, which no loss sees
	Recall    By = "recall"    // recall@10 of the nearest rows of floats, without labels
)

// queries is how many of the held-out rows search.
const queries = 1000

// figures holds what each figure is: one row each.
var figures = map[By]struct {
	of           func(t train.Trial) (loss float64, ok bool) // lower is better
	name, number string                                      // for people, the second as a format
}{
	Bound: {func(t train.Trial) (float64, bool) {
		if t.HeldOut == nil {
			return 0, false
		}
		return -t.HeldOut.ELBO, true
	}, "-ELBO", "%.2f"},
	Precision: {found(func(f retrieval.Figures) *float64 { return f.Precision }), "precision@100", "%.3f"},
	Recall:    {found(func(f retrieval.Figures) *float64 { return f.Recall }), "recall@10", "%.3f"},
}

// Name is what the figure is called, with its sign.
func (by By) Name() string { return figures[cmp.Or(by, Bound)].name }

// Bys returns the names of all figures.
func Bys() []string { return []string{string(Bound), string(Precision), string(Recall)} }

// found returns a figure of the model's codes with its sign turned.
func found(of func(f retrieval.Figures) *float64) func(t train.Trial) (float64, bool) {
	return func(t train.Trial) (float64, bool) {
		if t.HeldOutRetrieval == nil || len(t.HeldOutRetrieval.Rows) == 0 {
			return 0, false
		}
		x := of(t.HeldOutRetrieval.Rows[0].Figures)
		if x == nil {
			return 0, false
		}
		return -*x, true
	}
}

// A Search says what is tried, and for how long.
type Search struct {
	Base    train.Config
	Keys    []Key
	By      By            // what chooses; "" means Bound
	Seed    uint64        // of the values
	Budget  time.Duration // no trial begins after it, counting the time of trials that have ended
	Options train.Options // of every trial: Out is the search's folder; Force, Resume and queries are not looked at
	Ended   func(Trial)   // called after each trial; may be nil
}

// A Trial is a run of the search that has ended.
type Trial struct {
	train.Trial
	Values map[string]string // of the keys that are searched
	Part   float64           // of the steps of a whole run
	By     By                // what the trials are chosen by
	Loss   float64           // that figure of the held-out rows: lower is better, so that precision and recall have their sign turned; +Inf where the configuration failed
	Failed error             // why

	config train.Config
	draw   int
}

// Figure is the figure that the trial was chosen by, for people: "" where it failed.
func (t Trial) Figure() string {
	if t.Failed != nil {
		return ""
	}
	x := t.Loss
	if t.By != Bound {
		x = -x
	}
	return fmt.Sprintf(figures[t.By].number, x)
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
	if r.By = cmp.Or(s.By, Bound); !slices.Contains(Bys(), string(r.By)) {
		return nil, fmt.Errorf("tune: the figure %q: use %s: %w", s.By, strings.Join(Bys(), ", "), ErrKey)
	}
	if r.Options.Queries, r.Options.HeldOutQueries = 0, 0; r.By != Bound {
		r.Options.HeldOutQueries = queries
	}
	scope, err := s.Base.Scope(ctx, r.Options)
	if err != nil {
		return nil, err
	}
	if err := r.check(scope.HeldOut); err != nil {
		return nil, err
	}
	r.steps = scope.Steps
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

// leastHeld is how many rows search each other at least: the ten nearest of eleven are the same by any code.
const leastHeld = 12

// check reports held-out rows that say nothing of the figure.
func (r *search) check(held *dataset.Set) error {
	switch {
	case r.By == Bound:
		return nil
	case r.Base.Data.Predict > 0:
		return fmt.Errorf("tune: %s chooses by what codes of whole rows find, and data.predict is %d: choose by %s: %w", r.By, r.Base.Data.Predict, Bound, ErrKey)
	case held == nil || held.Len() < leastHeld:
		return fmt.Errorf("tune: %s chooses by what held-out rows find: set data.validation to %d or more: %w", r.By, leastHeld, ErrKey)
	case r.By != Precision:
		return nil
	}
	seen := map[int]bool{}
	for i := range held.Len() {
		label := held.Label(i)
		if label != -1 && seen[label] {
			return nil
		}
		seen[label] = true
	}
	return fmt.Errorf("tune: %s chooses by labels, and no two rows held out of %s share one: choose by %s: %w", r.By, held.Source, Recall, ErrKey)
}

func (r *search) goesOn(ctx context.Context) bool { return ctx.Err() == nil && r.spent < r.Budget }

// named is the figure as searches are told apart by: "" for the bound, as in those that knew no other.
func (r *search) named() By {
	if r.By == Bound {
		return ""
	}
	return r.By
}

// open makes the folder, or finds that it is of the same search.
func (r *search) open() error {
	what, err := json.MarshalIndent(struct {
		Base train.Config `json:"base"`
		Keys []Key        `json:"keys"`
		Seed uint64       `json:"seed"`
		Data string       `json:"data"`
		By   By           `json:"by,omitempty"`
	}{r.Base, r.Keys, r.Seed, r.Options.Source, r.named()}, "", "  ")
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
		slices.SortStableFunc(rung, func(a, b Trial) int { return cmp.Compare(a.Loss, b.Loss) })
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
	t := Trial{Values: map[string]string{}, Part: float64(steps) / float64(r.steps), By: r.By, Loss: math.Inf(1), config: r.Base, draw: draw}
	t.Dir = filepath.Join(r.Options.Out, TrialsDir, fmt.Sprintf("%04d-%d", draw, steps))
	for _, k := range r.Keys {
		t.Values[k.Name] = k.Value(r.Seed, draw)
		if err := t.config.Set(k.Name + "=" + t.Values[k.Name]); err != nil {
			return t, fmt.Errorf("tune: %w", err)
		}
	}
	t.config.Steps = steps
	o := r.Options
	o.Out, o.Resume, o.Force, o.Samples = t.Dir, true, false, 1
	began := time.Now()
	read, err := readTrial(t.Dir)
	if err == nil && !r.ended(read) {
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
		t.Trial = read
		if loss, ok := figures[r.By].of(read); ok {
			t.Loss = loss
		} else {
			t.Failed = fmt.Errorf("tune: %s has no %s: choose by another figure", t.Dir, r.By.Name())
		}
	}
	r.spent += max(time.Since(began), time.Duration(t.Seconds*float64(time.Second)))
	r.trials = append(r.trials, t)
	if r.Ended != nil {
		r.Ended(t)
	}
	return t, nil
}

// ended reports a run that has ended and has the figure. One that was stopped has measured the model so far.
func (r *search) ended(t train.Trial) bool {
	_, measured := figures[r.By].of(t)
	return t.Test != nil && !t.Interrupted && (measured || r.By == Bound)
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
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Loss, b.Loss))
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
