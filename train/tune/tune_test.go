package tune_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/tune"
)

func key(t *testing.T, text string) tune.Key {
	t.Helper()
	k, err := tune.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Values lie within their ranges, are whole where the ends are, and come equally often.
func TestValues(t *testing.T) {
	const n = 30_000
	for text, c := range map[string]struct {
		low, high, median float64
		whole             bool
	}{
		"a=0.1..0.9":       {0.1, 0.9, 0.5, false},
		"a=log:0.001..0.1": {0.001, 0.1, 0.01, false},
		"a=10..1000":       {10, 1000, 505, true},
		"a=-5..5":          {-5, 5, 0, true},
	} {
		k, below := key(t, text), 0
		for i := range n {
			x, err := strconv.ParseFloat(k.Value(7, i), 64)
			if err != nil || x < c.low || x > c.high || c.whole && x != float64(int(x)) {
				t.Fatalf("%s gives %s", text, k.Value(7, i))
			}
			if x < c.median {
				below++
			}
		}
		if part := float64(below) / n; part < 0.44 || part > 0.52 { // whole numbers may be the median themselves
			t.Errorf("%s: %.3f of the values lie below %g", text, part, c.median)
		}
	}
	k, counts := key(t, "a=x|y|[1,2]"), map[string]int{}
	for i := range n {
		counts[k.Value(7, i)]++
	}
	for _, choice := range []string{"x", "y", "[1,2]"} {
		if part := float64(counts[choice]) / n; part < 0.32 || part > 0.35 {
			t.Errorf("%q is chosen in %.3f of the draws", choice, part)
		}
	}
	if key(t, "b=0..1").Value(1, 5) == key(t, "c=0..1").Value(1, 5) || key(t, "b=0..1").Value(1, 5) == key(t, "b=0..1").Value(2, 5) {
		t.Error("values do not depend on the seed and the name")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, text := range []string{"", "a", "a=", "=1|2", "a=1", "a=log:1|2", "a=2..1", "a=1..1", "a=x..y", "a=log:0..1", "a=log:-1..1", "a=NaN..1", "a=-1e308..1e308", "a=1..Inf"} {
		if _, err := tune.ParseKey(text); !errors.Is(err, tune.ErrKey) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line of ErrKey", text, err)
		}
	}
}

func search(t *testing.T, out string, texts ...string) tune.Search {
	t.Helper()
	c, err := train.LoadConfig("bernoulli-mlp", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"latent.variables=8", "encoder.hidden=6", "decoder.hidden=6", "steps=18", "batch=50", "data.validation=100", "objective.kl_warmup=0"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	s := tune.Search{Base: c, Seed: 3, Budget: time.Nanosecond, Options: train.Options{Source: "glyphs", Out: out, Backend: purego.New()}}
	for _, text := range texts {
		s.Keys = append(s.Keys, key(t, text))
	}
	return s
}

// A search that is stopped after its first trials and continued has the trials of one without a pause, and does not repeat any.
func TestSearch(t *testing.T) {
	out := filepath.Join(t.TempDir(), "search")
	s := search(t, out, "optimizer.learning_rate=log:0.0001..0.1", "activation=relu|tanh")
	ctx, stop := context.WithCancel(t.Context())
	s.Budget = time.Hour
	ran := 0
	s.Ended = func(tune.Trial) {
		if ran++; ran == 4 {
			stop()
		}
	}
	if trials, err := tune.Run(ctx, s); err != nil || len(trials) != 4 {
		t.Fatalf("stopped: %d trials, %v", len(trials), err)
	}
	var seconds []float64
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	s.Ended = func(trial tune.Trial) {
		if seconds = append(seconds, trial.Seconds); len(seconds) == 13 { // the first bracket: 9, 3 and 1
			stop()
		}
	}
	trials, err := tune.Run(ctx, s)
	if err != nil || len(trials) != 13 {
		t.Fatalf("%d trials, %v", len(trials), err)
	}
	steps := map[int]int{}
	for _, trial := range trials {
		steps[trial.Steps]++
	}
	if fmt.Sprint(steps) != "map[2:9 6:3 18:1]" {
		t.Errorf("trials by their steps: %v", steps)
	}
	if !slices.IsSortedFunc(trials, func(a, b tune.Trial) int {
		if a.Steps != b.Steps {
			return b.Steps - a.Steps
		}
		return map[bool]int{true: 1, false: -1}[a.Loss > b.Loss]
	}) {
		t.Error("the trials are not sorted")
	}
	best, err := train.LoadConfig(filepath.Join(out, tune.BestFile), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%.4g", best.Optimizer.LearningRate); got != trials[0].Values["optimizer.learning_rate"] && best.Steps != 18 {
		t.Errorf("the best configuration has the learning rate %s and %d steps, the best trial %s", got, best.Steps, trials[0].Values["optimizer.learning_rate"])
	}
	page, err := os.ReadFile(filepath.Join(out, tune.ReportFile))
	if err != nil || !strings.Contains(string(page), "optimizer.learning_rate") {
		t.Errorf("the page: %v", err)
	}
	other := search(t, out, "optimizer.learning_rate=log:0.0001..0.2")
	if _, err := tune.Run(t.Context(), other); !errors.Is(err, tune.ErrKey) {
		t.Errorf("another search in the same folder: %v", err)
	}
}

// What cannot be tried is an error before anything is written; a configuration that fails is a trial without a figure.
func TestSearchRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "search")
	for _, text := range []string{"optimizer.learning=1..2", "epochs=many|few"} {
		if _, err := tune.Run(t.Context(), search(t, out, text)); !errors.Is(err, train.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", text, err)
		}
	}
	if _, err := tune.Run(t.Context(), search(t, out)); !errors.Is(err, tune.ErrKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made")
	}
	s := search(t, out, "optimizer.learning_rate=1e-3|1e30")
	s.Base.Objective.KLWeight = 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := 0
	s.Budget = time.Hour
	s.Ended = func(tune.Trial) {
		if ran++; ran == 9 {
			stop()
		}
	}
	trials, err := tune.Run(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if wild := trial.Values["optimizer.learning_rate"] == "1e30"; wild != (trial.Failed != nil) {
			t.Errorf("a learning rate of %s: %v", trial.Values["optimizer.learning_rate"], trial.Failed)
		}
	}
}

// What codes find chooses where it is asked for: the better third of a rung goes on, whatever its bound. A trial that was stopped goes on to
// its end, and is measured there.
func TestSearchByRetrieval(t *testing.T) {
	t.Parallel()
	for _, by := range []tune.By{tune.Precision, tune.Recall} {
		t.Run(string(by), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "search")
			s := search(t, out, "optimizer.learning_rate=log:0.0001..0.1", "latent.variables=2..8")
			s.By, s.Budget, s.Options.Source = by, time.Hour, labelledRows(t)
			s.Base.Data.Binarize, s.Base.Data.Validation = dataset.None, 60
			ctx, stop := context.WithCancel(t.Context())
			done, ran := 0, 0
			s.Ended = func(tune.Trial) { done++ }
			s.Options.Progress = func(p train.Progress) {
				if p.Phase == "training" && p.Done == 1 && done == 2 { // within the third trial
					stop()
				}
			}
			if trials, err := tune.Run(ctx, s); err != nil || len(trials) != 2 {
				t.Fatalf("stopped: %d trials, %v", len(trials), err)
			}
			ctx, stop = context.WithCancel(t.Context())
			defer stop()
			s.Options.Progress = nil
			s.Ended = func(trial tune.Trial) {
				if got, ok := figureOf(trial, by); !ok || trial.Loss != -got || trial.Interrupted || !strings.HasPrefix(trial.Figure(), "0.") {
					t.Errorf("%s: loss %g, figure %q, %+v", trial.Dir, trial.Loss, trial.Figure(), trial.HeldOutRetrieval)
				}
				if ran++; ran == 13 {
					stop()
				}
			}
			trials, err := tune.Run(ctx, s)
			if err != nil || len(trials) != 13 {
				t.Fatalf("%d trials, %v", len(trials), err)
			}
			var first, went []string
			for _, trial := range trials {
				if trial.Steps == 2 {
					first = append(first, fmt.Sprint(trial.Values))
				} else if trial.Steps == 6 {
					went = append(went, fmt.Sprint(trial.Values))
				}
			}
			slices.Sort(went)
			if best := slices.Sorted(slices.Values(first[:3])); len(first) != 9 || !slices.Equal(went, best) {
				t.Errorf("%v went on, the best by %s are %v", went, by, best)
			}
			text, err := os.ReadFile(filepath.Join(out, tune.SearchFile))
			if err != nil || !strings.Contains(string(text), fmt.Sprintf(`"by": %q`, by)) {
				t.Errorf("%s says %s, %v", tune.SearchFile, text, err)
			}
			s.By = tune.Bound
			if _, err := tune.Run(t.Context(), s); !errors.Is(err, tune.ErrKey) {
				t.Errorf("the same folder by another figure: %v", err)
			}
		})
	}
}

func predicting(t *testing.T, c *train.Config) {
	t.Helper()
	if err := c.Set("data.predict=14"); err != nil {
		t.Fatal(err)
	}
}

// labelledRows writes a small table of four kinds of rows.
func labelledRows(t *testing.T) string {
	t.Helper()
	u := make([]float32, 300*8)
	noise.Stream{Seed: 2}.Uniform(u, 0, 0)
	text := "label,a,b,c,d,e,f,g,h\n"
	for i := range 300 {
		text += fmt.Sprint(i % 4)
		for j := range 8 {
			text += fmt.Sprintf(",%.3f", (u[8*i+j]+2*float32((i%4+1)>>(j%3)&1))/3)
		}
		text += "\n"
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func figureOf(t tune.Trial, by tune.By) (float64, bool) {
	if t.HeldOutRetrieval == nil {
		return 0, false
	}
	f := t.HeldOutRetrieval.Rows[0]
	if x := map[tune.By]*float64{tune.Precision: f.Precision, tune.Recall: f.Recall}[by]; x != nil {
		return *x, true
	}
	return 0, false
}

// Figures that nothing can be measured by are refused before anything is written. A search by the bound is told apart from no other by its file.
func TestSearchByRefuses(t *testing.T) {
	t.Parallel()
	const try = "optimizer.learning_rate=log:0.0001..0.1"
	out := filepath.Join(t.TempDir(), "search")
	unlabelled := filepath.Join(t.TempDir(), "rows-idx3-ubyte")
	if err := os.WriteFile(unlabelled, datatest.IDX(make([]byte, 400*784), 400, 28, 28), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(s *tune.Search){
		`the figure "elbo": use bound, precision, recall`: func(s *tune.Search) { s.By = "elbo" },
		"set data.validation to 12 or more":               func(s *tune.Search) { s.By, s.Base.Data.Validation = tune.Recall, 11 },
		"precision chooses by what held-out rows find":    func(s *tune.Search) { s.By, s.Base.Data.Validation = tune.Precision, 0 },
		"data.predict is 14: choose by bound":             func(s *tune.Search) { s.By = tune.Recall; predicting(t, &s.Base) },
		"share one: choose by recall":                     func(s *tune.Search) { s.By, s.Options.Source = tune.Precision, unlabelled },
	} {
		s := search(t, out, try)
		change(&s)
		if _, err := tune.Run(t.Context(), s); !errors.Is(err, tune.ErrKey) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made")
	}
	s := search(t, out, try)
	ctx, stop := context.WithCancel(t.Context())
	s.Ended = func(tune.Trial) { stop() }
	if trials, err := tune.Run(ctx, s); err != nil || len(trials) != 1 || trials[0].By != tune.Bound || trials[0].Figure() != fmt.Sprintf("%.2f", -trials[0].HeldOut.ELBO) {
		t.Errorf("%+v, %v", trials, err)
	}
	if text, err := os.ReadFile(filepath.Join(out, tune.SearchFile)); err != nil || strings.Contains(string(text), `"by"`) {
		t.Errorf("%s says %s, %v", tune.SearchFile, text, err)
	}
}
