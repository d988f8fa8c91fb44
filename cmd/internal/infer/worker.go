package infer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"golang.org/x/sync/errgroup"
)

// A Worker makes the parts of a plan, with the model loaded. It is safe for concurrent use.
type Worker struct {
	plan  *Plan
	model *runtime.Model
	bad   *tolerance
	watch *watch
}

// Hooks are called as a run proceeds. Each may be nil.
type Hooks struct {
	// Done is called after each batch, and after each part that existed already, with the number of further rows. It
	// must not block.
	Done func(rows int)
	// Observe is called after each stage: see runtime.StreamOptions.
	Observe func(stage runtime.Stage, rows int, took time.Duration)
}

// OpenWorker loads the plan's model on a backend, whose name the plan's records then have. The worker must be closed; the plan's
// Close comes after.
func OpenWorker(ctx context.Context, p *Plan, on backend.Backend) (*Worker, error) {
	model, err := runtime.Open(ctx, p.Job.Model, runtime.WithBackend(on), runtime.WithVariant(p.Job.Variant))
	if err != nil {
		return nil, err
	}
	p.made.Backend = on.Name()
	loaded := bundle.Bundle{Dir: p.Job.Model, Manifest: model.Manifest()}
	if loaded.Hash() != p.bundle.Hash() || manifestSum(loaded.Manifest, p.Job.Variant) != manifestSum(p.bundle.Manifest, p.Job.Variant) {
		return nil, errors.Join(fmt.Errorf("infer: the bundle %s was replaced while the run began: give the command again", p.Job.Model), model.Close())
	}
	if err := p.texts.load(ctx, on, p.Job.Texts.Kept); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return &Worker{plan: p, model: model, watch: p.newWatch(), bad: &tolerance{most: dataset.Tolerated(p.Job.MaxBad, p.rows())}}, nil
}

// Model returns the loaded model.
func (w *Worker) Model() *runtime.Model { return w.model }

// Close frees the model.
func (w *Worker) Close() error { return errors.Join(w.plan.texts.close(), w.model.Close()) }

// Do makes the part of one block, or finds it done. Its folder must exist: see [Plan.Prepare].
func (w *Worker) Do(ctx context.Context, b Block) (Record, error) {
	records, err := w.Run(ctx, []Block{b}, Hooks{})
	if err != nil {
		return Record{}, err
	}
	return records[0], nil
}

// Run makes the parts of blocks in their order, except those that are done: see [Plan.keep]. Consecutive blocks are one stream,
// so that the graphs never wait for a part's end. Standard input can be read only once: from the first missing part on, all
// parts are made again.
func (w *Worker) Run(ctx context.Context, blocks []Block, h Hooks) ([]Record, error) {
	kept, err := w.plan.keep(ctx, blocks)
	if err != nil {
		return nil, err
	}
	var records []Record
	var run []Block
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		made, err := w.make(ctx, run, h)
		records, run = append(records, made...), nil
		return err
	}
	for _, b := range blocks {
		r, done := kept[b.Part]
		r.Skipped = done
		if n := len(run); done || n > 0 && run[n-1].Part+1 != b.Part {
			if err := flush(); err != nil {
				return records, err
			}
		}
		if !done {
			run = append(run, b)
			continue
		}
		if err := w.bad.take(r.Bad, errors.New("in a part that existed already")); err != nil {
			return records, err
		}
		records = append(records, r)
		if h.Done != nil {
			h.Done(b.Rows)
		}
	}
	return records, flush()
}

// make makes the parts of consecutive blocks.
func (w *Worker) make(ctx context.Context, blocks []Block, h Hooks) (records []Record, err error) {
	in, err := w.plan.take(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.reader.Close()) }()
	if err := in.skipTo(blocks[0].First); err != nil {
		return nil, err
	}
	c := &cutter{ctx: ctx, in: in, w: w, blocks: blocks, done: h.Done}
	c.finishing.SetLimit(1)
	defer c.abort()
	last := blocks[len(blocks)-1]
	o := runtime.StreamOptions{
		Batch: w.plan.Job.Batch, Callers: w.plan.Job.Callers, Observe: h.Observe,
		First: blocks[0].First, Rows: last.First + last.Rows - blocks[0].First,
	}
	n, err := w.stream(ctx, w.watch.over(w.plan.sources(in.reader)), o, c.write)
	if err == nil && n < o.Rows {
		err = fmt.Errorf("infer: %w: %s ends after row %d: its header says %d rows", dataset.ErrData, w.plan.Source.Source, o.First+n, w.plan.Source.Rows)
	}
	if failure := c.finishing.Wait(); failure != nil {
		return nil, failure // the reason of any other error
	}
	if err != nil {
		return nil, err
	}
	return c.records, nil
}

// stream makes the job's product of rows.
func (w *Worker) stream(ctx context.Context, rows sources, o runtime.StreamOptions, write writeResults) (int, error) {
	return w.plan.out.stream(ctx, w.model, rows, o, write)
}

// A cutter cuts a stream's results at the borders of blocks and writes each part. While a part is synced the next begins.
type cutter struct {
	ctx       context.Context
	in        *input
	w         *Worker
	blocks    []Block // still to come; the first one is being written
	part      *part   // of the first block, nil before its first row
	done      func(rows int)
	finishing errgroup.Group // at most one
	failed    atomic.Bool    // finishing has
	records   []Record       // written by finishing alone
}

func (c *cutter) write(r results, errs []error) error {
	if len(errs) > 0 {
		if err := c.w.bad.take(len(errs), c.w.plan.explained(errs[0])); err != nil {
			return err
		}
	}
	bad := c.w.plan.bad(errs)
	for from := 0; from < r.n; {
		if c.part == nil {
			if c.failed.Load() {
				return errors.New("infer: a part could not be finished")
			}
			var err error
			if c.part, err = c.w.plan.newPart(c.ctx, c.in, c.blocks[0]); err != nil {
				return err
			}
		}
		n := min(r.n-from, c.part.block.Rows-c.part.rows)
		mine := 0
		for mine < len(bad) && bad[mine].Row < r.first+from+n {
			mine++
		}
		if err := c.part.write(r.part(c.w.plan.out, from, n), bad[:mine]); err != nil {
			return err
		}
		from, bad = from+n, bad[mine:]
		if c.part.rows == c.part.block.Rows {
			c.finish()
		}
	}
	if c.done != nil {
		c.done(r.n)
	}
	return nil
}

// finish syncs and names the part on its own goroutine.
func (c *cutter) finish() {
	part := c.part
	c.part, c.blocks = nil, c.blocks[1:]
	c.finishing.Go(func() error {
		r, err := part.finish()
		if err != nil {
			c.failed.Store(true)
			return err
		}
		c.records = append(c.records, r)
		return nil
	})
}

// abort removes what was begun and not finished.
func (c *cutter) abort() {
	_ = c.finishing.Wait() // its error was reported
	if c.part != nil {
		c.part.body.abort()
	}
}
