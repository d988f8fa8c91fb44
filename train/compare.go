package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/report"
	"github.com/catvae/catvae/train/rivals"
)

// A Trial is a run as it is compared with others: what it measured, and what it was told.
type Trial struct {
	Dir     string               `json:"run"`
	Steps   int                  `json:"steps"`
	Seconds float64              `json:"seconds"`            // until the last held-out figure, or the last step
	HeldOut *evaluate.Evaluation `json:"held_out,omitempty"` // the best epoch's, by the ELBO; nil where no epoch ended
	Test    *evaluate.Evaluation `json:"test,omitempty"`     // nil where the run has not ended
	// Retrieval is what the codes find of the test rows, HeldOutRetrieval of the rows held out; nil where it was not measured.
	Retrieval        *rivals.Comparison `json:"retrieval,omitempty"`
	HeldOutRetrieval *rivals.Comparison `json:"held_out_retrieval,omitempty"`
	Interrupted      bool               `json:"interrupted,omitempty"` // the run was stopped before its end, and what was measured is of the model so far

	Settings map[string]string `json:"different,omitempty"` // keys in which the compared runs differ, with this run's values as JSON

	records []Record
	all     []setting
}

// Trials reads runs, finished or not, and finds the keys in which they differ.
func Trials(dirs []string) ([]Trial, error) {
	var trials []Trial
	for _, dir := range dirs {
		t, err := readTrial(dir)
		if err != nil {
			return nil, err
		}
		trials = append(trials, t)
	}
	for i, t := range trials {
		trials[i].Settings = map[string]string{}
		for _, s := range t.all {
			if slices.ContainsFunc(trials, func(other Trial) bool { return said(other.value(s.key)) != said(s.value) }) {
				trials[i].Settings[s.key] = s.value
			}
		}
	}
	return trials, nil
}

// value returns the value of a key, "" where the run has no such key: networks of another kind have others.
func (t Trial) value(key string) string {
	for _, s := range t.all {
		if s.key == key {
			return s.value
		}
	}
	return ""
}

// said returns a value, and "" for all values that say as much as a key that is left out.
func said(value string) string {
	switch value {
	case "0", `""`, "null", "false", "[]", "{}":
		return ""
	}
	return value
}

func readTrial(dir string) (Trial, error) {
	c, _, err := readRunConfig(dir)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Dir: dir, all: settings(c)}
	if t.records, err = readRecords(filepath.Join(dir, MetricsFile)); err != nil {
		return Trial{}, fmt.Errorf("train: metrics of %s: %w", dir, err)
	}
	for _, r := range t.records {
		if r.Kind != "test" && r.Retrieval == nil {
			t.Steps, t.Seconds = max(t.Steps, r.Step), max(t.Seconds, r.Seconds)
		}
		switch {
		case r.Kind == "test":
			t.Test, t.Interrupted = r.Evaluation, r.Interrupted
		case r.Kind == "retrieval":
			t.Retrieval = r.Retrieval
		case r.Kind == "held_out_retrieval":
			t.HeldOutRetrieval = r.Retrieval
		case r.Kind == "validation" && (t.HeldOut == nil || r.Evaluation.ELBO > t.HeldOut.ELBO):
			t.HeldOut = r.Evaluation
		}
	}
	return t, nil
}

// readRecords returns the sound lines of a file of metrics, none where there is no file.
func readRecords(path string) (records []Record, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = eachRecord(f, func(rec Record, _ []byte) { records = append(records, rec) })
	return records, err
}

// shownRows is how many rows a comparison shows.
const shownRows = 16

// WriteComparison writes a page that shows runs side by side: their figures, the keys in which they differ, their curves, and where models
// and a set are given, one for each run or nil where a run has no bundle yet, the reconstructions of the set's first rows.
func WriteComparison(ctx context.Context, w io.Writer, trials []Trial, models []*runtime.Model, set *dataset.Set) error {
	p := report.Comparison{Title: fmt.Sprintf("%d runs", len(trials))}
	for _, t := range trials {
		p.Runs = append(p.Runs, report.ComparedRun{Name: t.Dir, Steps: t.Steps, Seconds: t.Seconds, HeldOut: bounds(t.HeldOut), Test: bounds(t.Test), Settings: t.Settings})
	}
	p.Retrieval = Found(trials)
	p.Curves = []report.Curve{
		{Name: "The bound on held-out rows by steps, from hard samples; lower is better.", XLabel: "step", YLabel: "-ELBO, nats a row", Series: curvesOf(trials, "validation", stepsOf, heldOut)},
		{Name: "The same by time.", XLabel: "seconds", YLabel: "-ELBO, nats a row", Series: curvesOf(trials, "validation", secondsOf, heldOut)},
		{Name: "The objective in training; that of a relaxation is no bound.", XLabel: "step", YLabel: "nats a row", Series: curvesOf(trials, "step", stepsOf, func(r Record) float64 { return r.Parts.Loss })},
		{Name: "The divergence on held-out rows.", XLabel: "step", YLabel: "nats a row", Series: curvesOf(trials, "validation", stepsOf, func(r Record) float64 { return r.Evaluation.KL })},
	}
	if set != nil {
		if err := reconstructRows(ctx, &p, trials, models, set); err != nil {
			return err
		}
	}
	if err := p.Write(w); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

func stepsOf(r Record) float64   { return float64(r.Step) }
func secondsOf(r Record) float64 { return r.Seconds }
func heldOut(r Record) float64   { return -r.Evaluation.ELBO }

// curvesOf returns a line for each run.
func curvesOf(trials []Trial, kind string, x, y func(Record) float64) (series []report.Series) {
	for _, t := range trials {
		s := report.Series{Name: t.Dir}
		for _, r := range t.records {
			if r.Kind == kind {
				s.X, s.Y = append(s.X, x(r)), append(s.Y, y(r))
			}
		}
		series = append(series, s)
	}
	return series
}

// bounds are the figures of an evaluation that a comparison shows.
func bounds(e *evaluate.Evaluation) *report.Bounds {
	if e == nil {
		return nil
	}
	b := &report.Bounds{ELBO: -e.ELBO, IWAE: -e.IWAE, Samples: e.Samples, Reconstruction: e.Reconstruction, KL: e.KL}
	if e.Codes != nil {
		b.Dead, b.Duplicate, b.Entropy = e.Codes.Dead, e.Codes.Duplicate, e.Codes.Entropy
	}
	return b
}

// reconstructRows adds the first rows of a set, and what each model makes of them.
func reconstructRows(ctx context.Context, p *report.Comparison, trials []Trial, models []*runtime.Model, set *dataset.Set) error {
	n, size := min(shownRows, set.Len()), set.RowSize()
	rows := make([]float32, n*size)
	for i := range n {
		set.Row(i, rows[i*size:][:size])
	}
	p.Shape = set.Shape
	p.Black, p.White = set.Values().Shades()
	p.Rows = split(rows, size)
	for i, m := range models {
		if m == nil {
			p.Runs[i].Note = "This run has no bundle yet."
			continue
		}
		seen := slices.Clone(rows) // the encoder gets what it was trained on
		rule, err := dataset.ParseBinarization(m.Manifest().Input.Seen)
		if err != nil {
			return fmt.Errorf("train: bundle of %s: %w", trials[i].Dir, err)
		}
		for j := range n {
			dataset.Binarizer{Rule: rule, Seed: 1}.Apply(seen[j*size:][:size], 0, uint32(j))
		}
		decoded, err := m.Reconstruct(ctx, nil, seen)
		if err != nil {
			return fmt.Errorf("train: rows of %s for the run %s: %w", set.Source, trials[i].Dir, err)
		}
		p.Runs[i].Reconstructions = split(completed(m, seen, decoded), size)
	}
	return nil
}
