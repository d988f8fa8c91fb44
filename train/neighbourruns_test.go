package train_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// A run whose views are neighbours, and which is cut within an epoch, ends with the weights of one without a pause; from their first epoch on
// neighbours make a difference, and none before.
func TestRunsWithNeighbours(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir() // 10 steps an epoch
	with := func(more ...string) train.Config {
		sets := []string{"batch=50", "data.validation=200", "latent.variables=16", "encoder.hidden=20", "decoder.hidden=20", "objective.contrast.weight=1", "optimizer.name=sgd", "objective.kl_warmup=0"}
		return config(t, append(sets, more...)...)
	}
	near := []string{"objective.neighbours.count=3", "objective.neighbours.from=2"}
	whole, cut, without := filepath.Join(dir, "whole"), filepath.Join(dir, "cut"), filepath.Join(dir, "without")
	trained(t, with(append(near, "steps=30")...), data, whole, false)
	for _, steps := range []string{"steps=10", "steps=17", "steps=30"} {
		trained(t, with(append(near, steps)...), data, cut, true)
		trained(t, with(steps), data, without, true)
		if same := newestState(t, cut) == newestState(t, without); same != (steps == "steps=10") {
			t.Errorf("%s: weights with neighbours from epoch 2 on equal to those without: %v", steps, same)
		}
	}
	if newestState(t, cut) != newestState(t, whole) {
		t.Error("a run that is cut and resumed has other weights than one without a pause")
	}
	trained(t, with("objective.neighbours.count=3", "steps=30"), data, filepath.Join(dir, "half"), false)
	if from := runConfig(t, filepath.Join(dir, "half")).Objective.Neighbours.From; from != 2 {
		t.Errorf("neighbours are views from epoch %d of 3 on, want those after half of them, 2", from)
	}
	for name, c := range map[string]struct {
		set  []string
		want string
	}{
		"more neighbours than rows": {[]string{"objective.neighbours.count=60", "data.validation=645"}, "objective.neighbours.count"},
		"nothing compares":          {[]string{"objective.neighbours.count=3", "objective.contrast.weight=0"}, "objective.contrast.weight"},
		"an epoch and no count":     {[]string{"objective.neighbours.from=3"}, "objective.neighbours.count"},
	} {
		_, err := train.Run(t.Context(), with(c.set...), train.Options{Source: data, Out: filepath.Join(dir, "bad"), Backend: purego.New(), Samples: 1})
		if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}
