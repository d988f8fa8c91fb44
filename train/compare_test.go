package train_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// Runs are compared by what they measured, and by the keys in which they differ; an unfinished one has what it has.
func TestTrials(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 700), t.TempDir()
	sets := []string{"batch=50", "data.validation=200", "objective.kl_warmup=0", "steps=10"}
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	trained(t, config(t, sets...), data, a, false)
	trained(t, config(t, append(sets, "optimizer.learning_rate=0.01", "encoder.kind=conv", "encoder.channels=4")...), data, b, false)
	trained(t, config(t, sets...), data, c, false)
	if err := os.WriteFile(filepath.Join(c, train.MetricsFile), []byte("{\"kind\": \"step\", \"epoch\": 1, \"step\": 5, \"parts\": {}}\nnonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	trials, err := train.Trials([]string{a, b, c})
	if err != nil {
		t.Fatal(err)
	}
	if trials[0].Steps != 10 || trials[0].HeldOut == nil || trials[0].Test == nil || trials[0].Seconds <= 0 {
		t.Errorf("the first run is %+v", trials[0])
	}
	if trials[2].Steps != 5 || trials[2].HeldOut != nil || trials[2].Test != nil {
		t.Errorf("the unfinished run is %+v", trials[2])
	}
	for key, want := range map[string]string{"optimizer.learning_rate": "0.01", "encoder.kind": `"conv"`, "encoder.channels": "[4]"} {
		if got := trials[1].Settings[key]; got != want {
			t.Errorf("%s of the second run is %q, want %q", key, got, want)
		}
	}
	for _, same := range []string{"batch", "encoder.residual", "decoder.hidden", "latent.variables"} {
		if got, ok := trials[1].Settings[same]; ok {
			t.Errorf("%s is %q, which the others say, too", same, got)
		}
	}
	if train.Found(trials) != nil {
		t.Error("nothing was measured of what the codes find, and there is a table of it")
	}
	d := filepath.Join(dir, "d")
	o := train.Options{Source: data, Out: d, Backend: purego.New(), Samples: 1, Queries: 30, HeldOutQueries: 40}
	r, err := train.Run(t.Context(), config(t, sets...), o)
	if err != nil {
		t.Fatal(err)
	}
	if trials, err = train.Trials([]string{a, b, c, d}); err != nil {
		t.Fatal(err)
	}
	if got, own := trials[3].Retrieval, trials[3].HeldOutRetrieval; got == nil || own == nil || *got.Rows[0].Recall != *r.Retrieval.Rows[0].Recall || *own.Rows[0].Recall != *r.HeldOut.Rows[0].Recall || len(own.Rows) != 1 || trials[3].Steps != 10 {
		t.Errorf("what was found is %+v and %+v, the run had %+v and %+v", got, own, r.Retrieval, r.HeldOut)
	}
	found := train.Found(trials)
	if len(found.Rows) != 2 || found.Rows[0][0] != d || found.Rows[0][1] != "test" || found.Rows[1][1] != "held out" || found.Rows[1][len(found.Head)-1] != "2" ||
		found.Rows[0][slices.Index(found.Head, "recall@10")] != fmt.Sprintf("%.3f", *r.Retrieval.Rows[0].Recall) || !strings.HasPrefix(found.Notes[1], "protocol 2: 40 random rows search all 200 rows") {
		t.Errorf("the table is %+v", found)
	}
	var page bytes.Buffer
	if err := train.WriteComparison(t.Context(), &page, trials, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{a, b, "not ended", "What the codes find", "protocol 2: 40 random rows", "optimizer.learning_rate", "<svg"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if _, err := train.Trials([]string{a, filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
