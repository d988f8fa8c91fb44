package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// records reads a run's metrics.
func records(t *testing.T, run string) (all []train.Record) {
	t.Helper()
	f, err := os.Open(filepath.Join(run, train.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var rec train.Record
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

// validations returns the steps and epochs of a run's validation records.
func validations(t *testing.T, run string) (steps, epochs []int) {
	t.Helper()
	for _, r := range records(t, run) {
		if r.Kind == "validation" {
			steps, epochs = append(steps, r.Step), append(epochs, r.Epoch)
		}
	}
	return steps, epochs
}

// trained runs a configuration in pure Go.
func trained(t *testing.T, c train.Config, data, out string, resume bool) train.Result {
	t.Helper()
	r, err := train.Run(t.Context(), c, train.Options{Source: data, Out: out, Resume: resume, Backend: purego.New(), Samples: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func runConfig(t *testing.T, run string) train.Config {
	t.Helper()
	c, err := train.RunConfig(run)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newestState returns the weights and moments of a run's newest checkpoint.
func newestState(t *testing.T, run string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(run, train.CheckpointsDir, "*", "state.safetensors"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	data, err := os.ReadFile(slices.Max(names))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A budget in steps ends within an epoch, which is measured; the run continues from there as if it had not ended.
func TestSteps(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "objective.kl_warmup=9"} // 10 steps an epoch
	run, whole := filepath.Join(dir, "run"), filepath.Join(dir, "whole")
	r := trained(t, config(t, append(sets, "steps=13")...), data, run, false)
	if steps, epochs := validations(t, run); r.Steps != 13 || !slices.Equal(steps, []int{10, 13}) || !slices.Equal(epochs, []int{1, 2}) {
		t.Errorf("%d steps, measured after %v, as epochs %v", r.Steps, steps, epochs)
	}
	trained(t, config(t, append(sets, "steps=13")...), data, run, true) // it has ended
	if steps, _ := validations(t, run); !slices.Equal(steps, []int{10, 13}) {
		t.Errorf("a run that had ended measures again: %v", steps)
	}
	r = trained(t, config(t, append(sets, "epochs=3")...), data, run, true)
	if steps, epochs := validations(t, run); r.Steps != 30 || !slices.Equal(steps, []int{10, 13, 20, 30}) || !slices.Equal(epochs, []int{1, 2, 2, 3}) {
		t.Errorf("%d steps, measured after %v, as epochs %v", r.Steps, steps, epochs)
	}
	trained(t, config(t, append(sets, "steps=30")...), data, whole, false)
	if newestState(t, run) != newestState(t, whole) {
		t.Error("the weights of a run that ended within an epoch and continued are not those of one that did not")
	}
	for _, rec := range records(t, run) {
		if rec.Kind == "lost" {
			t.Errorf("%+v", rec)
		}
	}
	if _, err := train.OpenRun(run, nil); err != nil {
		t.Error(err)
	}
}

// A warm-up that is a part of the run is written as steps, and stays as it is when the run is resumed for longer.
func TestWarmupPart(t *testing.T) {
	t.Parallel()
	data, run := glyphFile(t, 700), filepath.Join(t.TempDir(), "run")
	c := config(t, "batch=50", "data.validation=200", "objective.kl_warmup_part=0.25") // 2 epochs of 10 steps
	trained(t, c, data, run, false)
	if o := runConfig(t, run).Objective; o.KLWarmup != 5 || o.KLWarmupPart != 0 {
		t.Errorf("%+v", o)
	}
	longer := c
	longer.Epochs = 4
	trained(t, longer, data, run, true) // by the part
	c = runConfig(t, run)
	c.Epochs = 5
	trained(t, c, data, run, true) // by the run's own configuration
	if c := runConfig(t, run); c.Objective.KLWarmup != 5 || c.Epochs != 5 {
		t.Errorf("%+v", c)
	}
	other := c
	other.Objective.KLWarmup = 6
	if _, err := train.Run(t.Context(), other, train.Options{Source: data, Out: run, Resume: true, Backend: purego.New()}); !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "kl_warmup was 5 and is 6") {
		t.Errorf("another warm-up: %v", err)
	}
}

// The two ways to say how long the warm-up is exclude each other; the one that is said last does away with the other.
func TestWarmupKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]float64{ // steps, part
		`{}`: {0, 0.25},
		`{"objective": {"kl_weight": 1, "kl_warmup": 2000}}`: {2000, 0},
		`{"objective": {"kl_warmup": 0}}`:                    {0, 0},
		`{"objective": {"kl_warmup_part": 0.5}}`:             {0, 0.5},
		`{"objective": {"kl_weight": 2}}`:                    {0, 0.25},
		`{"objective": null}`:                                {0, 0.25},
	} {
		c, err := train.LoadConfig("x.json", func(string) ([]byte, error) { return []byte(text), nil })
		if err == nil {
			err = c.Validate()
		}
		if o := c.Objective; err != nil || float64(o.KLWarmup) != want[0] || o.KLWarmupPart != want[1] {
			t.Errorf("%s: %+v, %v", text, o, err)
		}
	}
	both := `{"objective": {"kl_warmup": 5, "kl_warmup_part": 0.5}}`
	c, err := train.LoadConfig("x.json", func(string) ([]byte, error) { return []byte(both), nil })
	if err == nil {
		err = c.Validate()
	}
	if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "objective.kl_warmup_part") {
		t.Errorf("both: %v", err)
	}
	c = config(t, "objective.kl_warmup=7", "steps=9")
	if c.Objective.KLWarmup != 7 || c.Objective.KLWarmupPart != 0 || c.Steps != 9 {
		t.Errorf("%+v", c)
	}
	for _, set := range []string{"objective.kl_warmup_part=0.5", "epochs=3"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	if c.Objective.KLWarmup != 0 || c.Objective.KLWarmupPart != 0.5 || c.Steps != 0 {
		t.Errorf("%+v", c)
	}
}

// A collapse and a warm-up that was not finished are told when the run begins, in the result, the report, the manifest, and that
// of a bundle which is exported later.
func TestWarnings(t *testing.T) {
	t.Parallel()
	data, run := glyphFile(t, 700), filepath.Join(t.TempDir(), "run")
	c := config(t, "batch=50", "data.validation=200", "objective.kl_weight=1000", "objective.kl_warmup=50", "epochs=3", "optimizer.learning_rate=0.05")
	var log []string
	r, err := train.Run(t.Context(), c, train.Options{Source: data, Out: run, Backend: purego.New(), Samples: 1, Log: func(line string) { log = append(log, line) }})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(log, "\n"), "after 50 steps, and the run ends after 30") {
		t.Errorf("the log is %q", log)
	}
	all := strings.Join(r.Warnings, "\n")
	for _, want := range []string{"KL is ", "distinct codes", "the warm-up was not finished", "objective.kl_warmup_part"} {
		if !strings.Contains(all, want) {
			t.Errorf("the warnings lack %q: %s", want, all)
		}
	}
	b, err := bundle.Open(filepath.Join(run, train.BundleDir))
	if err != nil || !slices.Equal(b.Manifest.Warnings, r.Warnings) {
		t.Fatalf("the manifest has %q, %v", b.Manifest.Warnings, err)
	}
	page, err := os.ReadFile(filepath.Join(run, train.ReportFile))
	if err != nil || strings.Count(string(page), "Warning:") != len(r.Warnings) {
		t.Errorf("the report has %d of %d warnings, %v", strings.Count(string(page), "Warning:"), len(r.Warnings), err)
	}
	opened, err := train.OpenRun(run, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	if _, err := opened.WriteBundle(t.Context(), out, train.BundleOptions{Backend: purego.New()}); err != nil {
		t.Fatal(err)
	}
	again, err := bundle.Open(out)
	if err != nil || again.Hash() != b.Hash() || !slices.Equal(again.Manifest.Warnings, r.Warnings) {
		t.Errorf("exported again: %q, %v", again.Manifest.Warnings, err)
	}
	var seen int
	for _, rec := range records(t, run) {
		if rec.Evaluation != nil && rec.Evaluation.Codes != nil && rec.Evaluation.Codes.Bits == 8 && rec.Evaluation.Codes.Rows == 200 {
			seen++
		}
	}
	if seen != 4 {
		t.Errorf("%d records have the use of the codes, want 4", seen)
	}
}

// A step record says how many rows a second were trained on, wherever within a call its steps lie.
func TestRate(t *testing.T) {
	t.Parallel()
	data, run := glyphFile(t, 755), filepath.Join(t.TempDir(), "run")
	c := config(t, "batch=10", "data.validation=200", "epochs=1") // 55 steps: the last call begins before the record of step 50
	_, err := train.Run(context.Background(), c, train.Options{Source: data, Out: run, Backend: ortest.Backend(t), Samples: 1, StepsPerCall: 16})
	if err != nil {
		t.Fatal(err)
	}
	var rates []float64
	for _, rec := range records(t, run) {
		if rec.Kind == "step" {
			rates = append(rates, rec.Rate)
		}
	}
	if len(rates) != 2 || slices.Min(rates) <= 0 || slices.Max(rates) > 1000*slices.Min(rates) { // it was 1e7 times
		t.Errorf("rows a second: %g", rates)
	}
}
