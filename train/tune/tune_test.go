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
		return map[bool]int{true: 1, false: -1}[a.Bound > b.Bound]
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
