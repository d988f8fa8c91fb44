//go:build cgo

package onnxruntime

import (
	"cmp"
	"context"
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// graph is one user's hold on a session. It implements [backend.Graph] and [backend.Binder].
type graph struct {
	*session
	label string
	mu    sync.RWMutex // held for reading by runs, for writing by Close
	done  bool
	late  atomic.Int32 // runs whose callers have left
}

// Inputs implements [backend.Graph].
func (g *graph) Inputs() []backend.TensorInfo { return g.inputs }

// Outputs implements [backend.Graph].
func (g *graph) Outputs() []backend.TensorInfo { return g.outputs }

// Close gives the session back; the last user frees it. It does not wait for runs whose callers have left: the session is
// freed after them.
func (g *graph) Close() error {
	if g.late.Load() > 0 {
		go func() { _ = g.close() }() // nobody is left to be told
		return nil
	}
	return g.close()
}

func (g *graph) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done {
		return nil
	}
	g.done = true
	sessions.Lock()
	defer sessions.Unlock()
	if g.users--; g.users > 0 {
		return nil
	}
	delete(sessions.m, g.key)
	if err := g.session.release(g.session.native.Destroy); err != nil {
		return fmt.Errorf("onnxruntime: %s: close: %w", g.label, err)
	}
	return nil
}

// grace is how long a run may go on after its context is done. onnxruntime looks for the end between two nodes, and a run on
// bound memory cannot be told.
const grace = 200 * time.Millisecond

// native makes a native call and returns soon after ctx is done: stop asks the call to end, and if it does not within
// the grace, its caller leaves. free is called when the call has ended, by whoever is there. The graph is held until then.
func (g *graph) native(ctx context.Context, call func() error, stop func(), free func()) error {
	end := func() { free(); g.mu.RUnlock() }
	if ctx.Done() == nil {
		defer end()
		return call()
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		defer end()
		return cmp.Or(ctx.Err(), err)
	case <-ctx.Done():
	}
	stop()
	select {
	case <-done:
		end()
	case <-time.After(grace):
		g.late.Add(1)
		go func() {
			<-done
			end()
			g.late.Add(-1)
		}()
	}
	return ctx.Err()
}

// usable reports a graph that is closed, or whose environment is gone. g.mu is held.
func (g *graph) usable() error {
	if g.done {
		return fmt.Errorf("onnxruntime: %s: %w", g.label, backend.ErrClosed)
	}
	now, err := era()
	if err == nil && now != g.key.era {
		err = errDestroyed
	}
	if err != nil {
		return fmt.Errorf("onnxruntime: %s: %w", g.label, err)
	}
	return nil
}

// Run implements [backend.Graph].
func (g *graph) Run(ctx context.Context, inputs ...backend.Tensor) ([]backend.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.RLock()
	if err := g.usable(); err != nil {
		g.mu.RUnlock()
		return nil, err
	}
	r := &oneRun{graph: g}
	if err := r.prepare(inputs); err != nil {
		r.free()
		g.mu.RUnlock()
		return nil, visible.Error(fmt.Errorf("onnxruntime: %s: %w", g.label, err))
	}
	err := g.native(ctx, r.call, r.stop, r.free)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, visible.Error(fmt.Errorf("onnxruntime: %s: %w", g.label, err))
	}
	return r.results, nil
}

// oneRun is what one native run needs.
type oneRun struct {
	*graph
	pinner  goruntime.Pinner // native code keeps the address of a Go slice for the run's length
	in, out []ort.Value
	options *ort.RunOptions
	results []backend.Tensor
}

// prepare lends the inputs to onnxruntime.
func (r *oneRun) prepare(inputs []backend.Tensor) error {
	ordered, err := backend.Order(r.inputs, inputs)
	if err != nil {
		return err
	}
	r.in, r.out = make([]ort.Value, len(ordered)), make([]ort.Value, len(r.outputs))
	for i, t := range ordered {
		if r.in[i], err = newValue(t, &r.pinner); err != nil {
			return err
		}
	}
	for i, info := range r.outputs {
		if len(info.Shape) == 0 { // onnxruntime_go cannot allocate a result without dimensions by itself
			if r.out[i], err = newScalar(info.DType); err != nil {
				return fmt.Errorf("output %q: %w", info.Name, err)
			}
		}
	}
	if r.options, err = ort.NewRunOptions(); err != nil {
		return fmt.Errorf("run options: %w", err)
	}
	return nil
}

// call makes the native call and takes the results over.
func (r *oneRun) call() error {
	var err error
	r.session.call(func() { err = r.session.native.RunWithOptions(r.in, r.out, r.options) })
	if err != nil {
		return err
	}
	results := make([]backend.Tensor, len(r.out))
	for i, v := range r.out {
		if results[i], err = result(r.outputs[i].Name, v); err != nil {
			return err
		}
	}
	r.results = results
	return nil
}

// stop asks the native call to end; one that ends by itself at the same moment is as good.
func (r *oneRun) stop() { _ = r.options.Terminate() }

func (r *oneRun) free() {
	destroy(r.in)
	destroy(r.out)
	if r.options != nil {
		r.options.Destroy()
	}
	r.pinner.Unpin()
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			v.Destroy()
		}
	}
}
