package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// A Config is what a worker must know: plain data, which travels in the pipeline.
type Config struct {
	Job     infer.Job   `json:"job"`
	Backend cli.Backend `json:"backend"`
	// What the planning saw. A worker that sees something else has a different file under the same name.
	Bundle string `json:"bundle"` // hash
	Made   string `json:"made"`   // hash of everything that parts are made from, except rows and backend
	Parted string `json:"parted"` // the backend that made the parts that are there, "" where there are none
	Rows   int    `json:"rows"`   // of the source
	Bytes  int64  `json:"bytes"`  // of the source
	Parts  int    `json:"parts"`  // of the shard

	Strips int `json:"strips"` // into which the parts are divided
}

func newConfig(plan *infer.Plan, backend cli.Backend, strips int) Config {
	return Config{
		Job: plan.Job, Backend: backend, Strips: strips, Bundle: plan.Bundle().Hash(), Made: plan.Identity(), Parted: plan.Recorded,
		Rows: plan.Source.Rows, Bytes: plan.Source.Bytes, Parts: len(plan.Blocks()),
	}
}

// check reports a plan, made where the worker runs, that differs from the plan of the pipeline.
func (c Config) check(plan *infer.Plan) error {
	switch {
	case plan.Bundle().Hash() != c.Bundle:
		return fmt.Errorf("%w: %s has the hash %.12s here and %.12s where the pipeline was started: use one folder for both", bundle.ErrBad, c.Job.Model, plan.Bundle().Hash(), c.Bundle)
	case plan.Source.Rows != c.Rows || plan.Source.Bytes != c.Bytes || len(plan.Blocks()) != c.Parts:
		return fmt.Errorf("%s holds %d rows in %d bytes here, and %d in %d where the pipeline was started: use one file for both", c.Job.In, plan.Source.Rows, plan.Source.Bytes, c.Rows, c.Bytes)
	case plan.Identity() != c.Made:
		return fmt.Errorf("%w: %s and %s mean other parts here than where the pipeline was started: use one bundle, one source and one version of this program for both", bundle.ErrBad, c.Job.Model, c.Job.In)
	}
	return nil
}

// A worker makes parts. There is one for each configuration in a process, which all instances of the DoFn share.
type worker struct {
	*infer.Worker
	plan      *infer.Plan
	running   chan struct{} // holds one for each strip that is being made
	bytes     int64         // of the model's graphs
	loading   time.Duration
	reporting sync.Once // of bytes and loading
}

// workers holds a process's workers. None is ever closed: some runners never call a DoFn's Teardown, and the process
// ends soon after its pipeline.
var workers struct {
	sync.Mutex
	loaded map[string]*worker // by the configuration as JSON
}

// workerOf returns the process's worker for a configuration, and loads its model at the first call. Other callers wait
// meanwhile. A failure is not remembered, so the next call tries again.
func workerOf(ctx context.Context, c Config) (*worker, error) {
	workers.Lock()
	defer workers.Unlock()
	key, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if w := workers.loaded[string(key)]; w != nil {
		return w, nil
	}
	w, err := newWorker(ctx, c)
	if err != nil {
		return nil, err
	}
	if workers.loaded == nil {
		workers.loaded = map[string]*worker{}
	}
	workers.loaded[string(key)] = w
	return w, nil
}

// newWorker loads a model. A strip takes one thread, and the process makes as many strips at once as it has threads:
// unlike the rows of a batch, strips are independent of each other. Where strips are few, each takes several threads.
func newWorker(ctx context.Context, c Config) (*worker, error) {
	threads := c.Backend.Threads
	if threads == 0 {
		threads = cores.Count()
	}
	if c.Job.Callers == 0 {
		c.Job.Callers = max(1, threads/max(1, c.Strips))
	}
	plan, err := infer.NewPlan(interrupted, c.Job)
	if err != nil {
		return nil, err
	}
	w := &worker{plan: plan, running: make(chan struct{}, max(1, threads/c.Job.Callers))}
	// Its reader would end with this pipeline: each strip opens its own.
	if err := errors.Join(c.check(plan), plan.Close()); err != nil {
		return nil, err
	}
	began := time.Now()
	plan.Say = say
	backend, err := onnxruntime.Open(ctx, append(c.Backend.Options(), onnxruntime.WithThreads(1))...)
	if err == nil && c.Parted != "" && c.Parted != backend.Name() {
		err = fmt.Errorf("%w: the parts in %s were made by %s, this worker has %s: name another folder, or --force to replace the parts", infer.ErrJob, c.Job.Out, c.Parted, backend.Name())
	}
	if err == nil {
		w.Worker, err = infer.OpenWorker(ctx, plan, backend)
	}
	if err != nil {
		return nil, err
	}
	w.loading = time.Since(began)
	for _, f := range plan.Bundle().Manifest.Files {
		w.bytes += f.Size
	}
	return w, nil
}

// say prints what a plan tells.
func say(line string) { fmt.Fprintf(os.Stderr, "infer-beam: %s\n", line) }

// interrupted ends when this process gets a signal to stop. The DoFns that run in it watch it: a runner would let them
// run on.
var interrupted = context.Background()

// making counts the strips that are being made in this process, so that it does not end before they have tidied up.
var making sync.WaitGroup

// do makes the parts of a strip, once one of the process's places is free.
func (w *worker) do(ctx context.Context, blocks []infer.Block, h infer.Hooks) ([]infer.Record, error) {
	making.Add(1)
	defer making.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(interrupted, cancel)()
	select {
	case w.running <- struct{}{}:
		defer func() { <-w.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return w.Worker.Run(ctx, blocks, h)
}
