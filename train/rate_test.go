package train_test

import (
	"errors"
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
