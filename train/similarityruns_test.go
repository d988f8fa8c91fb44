package train_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// A run of similarity that is cut within an epoch ends with the weights of one without a pause, and its bundle has the query that was trained.
func TestRunsOfSimilarity(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 500), t.TempDir()
	with := func(more ...string) train.Config {
		sets := []string{"batch=50", "data.validation=200", "latent.variables=16", "encoder.kind=itq", "encoder.gain=1", "encoder.hidden=8", "encoder.query=true", "decoder.hidden=20",
			"objective.similarity.weight=1", "objective.similarity.query=1", "objective.detached=true", "objective.estimator=deterministic", "objective.kl_weight=0", "objective.kl_warmup=0"}
		return config(t, append(sets, more...)...)
	}
	whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
	trained(t, with("steps=14"), data, whole, false)
	for _, steps := range []string{"steps=9", "steps=14"} {
		trained(t, with(steps), data, cut, true)
	}
	if newestState(t, cut) != newestState(t, whole) {
		t.Error("a run that is cut and resumed has other weights than one without a pause")
	}
	for name, c := range map[string]struct {
		set  []string
		want string
	}{
		"a batch of two rows' near ones":  {[]string{"objective.similarity.near=30"}, "objective.similarity.near"},
		"more near rows than rows":        {[]string{"objective.similarity.near=60", "batch=130", "data.validation=445"}, "batch"},
		"categories":                      {[]string{"latent.kind=categorical", "latent.categories=4", "encoder.kind=mlp"}, "objective.similarity"},
		"queries that nothing trains":     {[]string{"objective.similarity.query=0"}, "encoder.query"},
		"a temperature that is no number": {[]string{"objective.similarity.temperature=-1"}, "objective.similarity.temperature"},
	} {
		_, err := train.Run(t.Context(), with(c.set...), train.Options{Source: data, Out: filepath.Join(dir, "bad"), Backend: purego.New(), Samples: 1})
		if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}
