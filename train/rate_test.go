package train_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// A cosine ends where the run ends. A run that is cut and resumed ends with the same weights; one that is resumed for longer than its
// cosine is refused, since its rate would be 0.
func TestCosineOfARun(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "objective.kl_warmup=0", "optimizer.schedule=cosine", "optimizer.warmup=3"}
	with := func(more ...string) train.Config { return config(t, append(sets, more...)...) }
	whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
	trained(t, with("steps=20"), data, whole, false)
	if got := runConfig(t, whole).Optimizer.ScheduleSteps; got != 20 {
		t.Errorf("the cosine ends at step %d, the run at 20", got)
	}
	trained(t, with("steps=9", "optimizer.schedule_steps=20"), data, cut, false)
	trained(t, with("steps=20", "optimizer.schedule_steps=20"), data, cut, true)
	if newestState(t, cut) != newestState(t, whole) {
		t.Error("a run that is resumed within its cosine has other weights than one without a pause")
	}
	for name, c := range map[string]struct {
		set  []string
		out  string
		want string
	}{
		"longer than its cosine":        {[]string{"steps=30"}, whole, "optimizer.schedule_steps"},
		"a cosine shorter than the run": {[]string{"steps=30", "optimizer.schedule_steps=20"}, filepath.Join(dir, "new"), "optimizer.schedule_steps"},
		"a warm-up longer than the run": {[]string{"steps=30", "optimizer.warmup=40"}, filepath.Join(dir, "new"), "optimizer.warmup"},
	} {
		_, err := train.Run(t.Context(), with(c.set...), train.Options{Source: data, Out: c.out, Resume: true, Backend: purego.New(), Samples: 1})
		if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// A run that does not improve any more ends early; with more patience it goes on, as if it had not ended.
func TestPatience(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "optimizer.name=sgd", "optimizer.learning_rate=1e-30", "epochs=6"} // 10 steps an epoch, and no progress
	run, whole := filepath.Join(dir, "run"), filepath.Join(dir, "whole")
	r := trained(t, config(t, append(sets, "patience=2")...), data, run, false)
	if r.Steps >= 60 || r.Steps%10 != 0 || r.Steps < 30 {
		t.Errorf("the run ended after %d steps", r.Steps)
	}
	again := trained(t, config(t, append(sets, "patience=2")...), data, run, true)
	if again.Steps != r.Steps {
		t.Errorf("resumed with the same patience, the run took %d steps after %d", again.Steps, r.Steps)
	}
	trained(t, config(t, append(sets, "patience=0")...), data, run, true)
	trained(t, config(t, sets...), data, whole, false)
	if newestState(t, run) != newestState(t, whole) {
		t.Error("a run that ended early and was resumed has other weights than one that did not")
	}
}

// Bundles and bounds of a run that averages weights are those of the averages, and a resumed run goes on with both.
func TestAveragedWeights(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "optimizer.average=0.9", "objective.kl_warmup=0", "temperature.schedule=linear", "temperature.steps=20"}
	whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
	trained(t, config(t, append(sets, "steps=20")...), data, whole, false)
	trained(t, config(t, append(sets, "steps=10")...), data, cut, false)
	trained(t, config(t, append(sets, "steps=20")...), data, cut, true)
	if newestState(t, cut) != newestState(t, whole) {
		t.Error("a run that averages and was resumed has other weights than one without a pause")
	}
	opened, err := train.OpenRun(whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	state := newestState(t, whole)
	for _, name := range opened.Params.Names() {
		if !strings.Contains(state, "optimizer/average/"+name) {
			t.Errorf("the state has no average of %s", name)
		}
	}
	plain := filepath.Join(dir, "plain")
	trained(t, config(t, append(sets, "steps=20", "optimizer.average=0")...), data, plain, false)
	other, err := train.OpenRun(plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range opened.Params.Names() {
		a, b := fmt.Sprint(opened.Params.Value(name).Data()), fmt.Sprint(other.Params.Value(name).Data())
		if a == b {
			t.Errorf("%s: the averages are the last weights", name)
		}
	}
}

// Codes that the reconstruction does not shape are those of the last epoch, whatever the bound says; so are those of a run that asks for it.
func TestBestEpoch(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "epochs=3", "optimizer.learning_rate=0.5"} // the bound soon gets worse
	for name, c := range map[string]struct {
		set  []string
		last bool
	}{
		"bound":          {[]string{"best=bound"}, false},
		"last":           {[]string{"best=last"}, true},
		"detached":       {[]string{"objective.detached=true", "objective.contrast.weight=1"}, true},
		"detached bound": {[]string{"objective.detached=true", "objective.contrast.weight=1", "best=bound"}, false},
	} {
		run := filepath.Join(dir, name)
		r := trained(t, config(t, append(sets, c.set...)...), data, run, false)
		best, least := 0, math.Inf(1)
		for _, rec := range records(t, run) {
			if rec.Kind == "validation" && -rec.Evaluation.ELBO < least {
				best, least = rec.Epoch, -rec.Evaluation.ELBO
			}
		}
		if c.last {
			best = 3
		}
		if r.BestEpoch != best {
			t.Errorf("%s: the weights are of epoch %d, want %d", name, r.BestEpoch, best)
		}
	}
	if err := config(t, "best=last", "patience=3").Validate(); !errors.Is(err, train.ErrConfig) {
		t.Errorf("patience with the last epoch: %v", err)
	}
}
