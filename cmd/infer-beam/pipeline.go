package main

import (
	"context"
	"errors"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/catvae/catvae/cmd/internal/infer"
)

// A worker must know all parts of a pipeline before its main begins.
func init() {
	register.DoFn2x0[[]byte, func(int, Strip)](&dealParts{})
	register.DoFn4x1[context.Context, int, func(*Strip) bool, func(Made), error](&makeParts{})
	register.DoFn2x0[context.Context, Made](&countParts{})
	register.Emitter2[int, Strip]()
	register.Emitter1[Made]()
	register.Iter1[Strip]()
}

// A Strip is a range of consecutive parts, which one worker makes as one stream.
type Strip struct {
	First int // number of the first part, from 0, of the plan's
	Parts int
}

// Made describes a finished part to Beam.
type Made struct {
	File    string // in the folder of the parts
	SHA256  string
	First   int // row
	Rows    int
	Bad     int
	Skipped bool // it existed already
}

// build makes the pipeline:
//
//	impulse ──> dealParts ──> GroupByKey ──> makeParts ──> Reshuffle ──> countParts
//	            (i, Strip)                   Made
//
// The key is the strip's number: it spreads strips over workers, which prism does with keys alone. The last two steps
// exist for prism: its scheduler spins while a pipeline's last stage works.
func build(c Config) *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	dealt := beam.ParDo(s.Scope("deal parts"), &dealParts{Parts: c.Parts, Strips: c.Strips}, beam.Impulse(s))
	parts := beam.ParDo(s.Scope("make parts"), &makeParts{Config: c}, beam.GroupByKey(s, dealt))
	beam.ParDo0(s.Scope("count parts"), &countParts{}, beam.Reshuffle(s, parts))
	return p
}

// dealParts divides the parts into strips of nearly equal length.
type dealParts struct {
	Parts  int `json:"parts"`
	Strips int `json:"strips"`
}

// ProcessElement is Beam's.
func (d *dealParts) ProcessElement(_ []byte, emit func(int, Strip)) {
	for i := range d.Strips {
		first := d.Parts * i / d.Strips
		emit(i, Strip{First: first, Parts: d.Parts*(i+1)/d.Strips - first})
	}
}

// makeParts makes the parts of strips. A runner repeats it after a failure: parts that exist are kept.
type makeParts struct {
	Config Config `json:"config"`
}

// ProcessElement is Beam's.
func (m *makeParts) ProcessElement(ctx context.Context, _ int, strips func(*Strip) bool, emit func(Made)) error {
	w, err := workerOf(ctx, m.Config)
	if err != nil {
		return marked(err)
	}
	w.report(ctx)
	blocks := w.plan.Blocks()
	var strip Strip
	for strips(&strip) {
		if err := m.make(ctx, w, blocks[strip.First:][:strip.Parts], emit); err != nil {
			return marked(err)
		}
	}
	return nil
}

func (m *makeParts) make(ctx context.Context, w *worker, blocks []infer.Block, emit func(Made)) error {
	o := observer{ctx: ctx, rowBytes: w.rowBytes()}
	records, err := w.do(ctx, blocks, infer.Hooks{Observe: o.observe})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			failedBatches.Inc(ctx, 1)
		}
		return err
	}
	slices.SortFunc(records, func(a, b infer.Record) int { return a.Part - b.Part })
	for _, r := range records {
		emit(Made{File: r.File, SHA256: r.SHA256, First: r.First, Rows: r.Rows, Bad: r.Bad, Skipped: r.Skipped})
	}
	return nil
}

// countParts counts parts by what became of them.
type countParts struct{}

// ProcessElement is Beam's.
func (*countParts) ProcessElement(ctx context.Context, m Made) {
	if m.Skipped {
		skipped.Inc(ctx, 1)
		return
	}
	made.Inc(ctx, 1)
}
