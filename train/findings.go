package train

import (
	"context"
	"fmt"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/projection"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/report"
	"github.com/catvae/catvae/train/retrieval"
	"github.com/catvae/catvae/train/rivals"
)

// findings measures what the exported codes find, where the options ask for it, and records it: of a set, beside rivals that are fitted to the
// rows trained on, and of the rows held out, alone.
func (r *run) findings(ctx context.Context, model *runtime.Model, set *dataset.Set) (err error) {
	if r.result.Retrieval, err = r.compare(ctx, "retrieval", model, set, r.options.Queries, rivals.Names()); err != nil {
		return err
	}
	r.result.HeldOut, err = r.compare(ctx, "held_out_retrieval", model, r.held, r.options.HeldOutQueries, nil)
	return err
}

// mostCompared is how many rows are compared, evenly taken: exact neighbours cost time for each.
const mostCompared = 20_000

// compare measures what codes find of a set, and records it under a kind. It returns nil where no row searches, or the rows are too few.
func (r *run) compare(ctx context.Context, kind string, model *runtime.Model, set *dataset.Set, queries int, others []string) (*rivals.Comparison, error) {
	if queries == 0 || set.Len() < rivals.Least {
		return nil, nil
	}
	if !r.trained.Model.Cut.IsZero() {
		r.options.Log("what the codes find is not compared with rivals: they are of a part of a row")
		return nil, nil
	}
	if n := set.Len(); n > mostCompared {
		set = set.Select(projection.Evenly(n, mostCompared))
	}
	c, err := rivals.Compare(ctx, model, r.trained.Model.Bits(), []*dataset.Set{set}, r.training, rivals.Options{
		Queries: queries, Which: rivals.RandomRows, Rivals: others, Metric: retrieval.Cosine, Standard: r.trained.Model.Standard, Seed: r.config.Seed,
		Progress: func(done, total int) { r.options.Progress(Progress{Phase: "searching", Done: done, Total: total}) },
	})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	rec := Record{Kind: kind, Epoch: r.result.BestEpoch, Step: r.step, Seconds: time.Since(r.began).Seconds(), Retrieval: &c}
	return &c, r.folder.record(rec)
}

// hint says what to change where bits of the exported codes are dead or duplicate.
func (r *run) hint() string {
	l := r.config.Latent
	d := l.Dist()
	d.Point = r.trained.Model.Certain()
	return r.result.Test.Hint(d, func(key string) bool {
		return key == "latent.norm" && l.Norm == builder.NormBatch || key == "latent.thresholds" && l.Calibrated()
	})
}

// retrievalTable is a comparison as the report shows it, nil for none.
func retrievalTable(c *rivals.Comparison) *report.Table {
	if c == nil {
		return nil
	}
	t := &report.Table{Notes: c.Notes(), Head: append([]string{"", "bits"}, c.Columns()...)}
	for _, row := range c.Rows {
		bits := ""
		if row.Bits > 0 {
			bits = fmt.Sprint(row.Bits)
		}
		t.Rows = append(t.Rows, append([]string{row.Name, bits}, c.Cells(row)...))
	}
	for _, why := range c.LeftOut {
		t.Notes = append(t.Notes, "left out: "+why)
	}
	return t
}
