//go:build cgo

package onnxruntime

import (
	"context"
	"fmt"
	goruntime "runtime"
	"sync"

	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// graph is one user's hold on a session. It implements [backend.Graph] and [backend.Binder].
type graph struct {
	*session
	label string
	mu    sync.RWMutex // held for reading by runs, for writing by Close
	done  bool
}

// Inputs implements [backend.Graph].
func (g *graph) Inputs() []backend.TensorInfo { return g.inputs }

// Outputs implements [backend.Graph].
func (g *graph) Outputs() []backend.TensorInfo { return g.outputs }

// Close gives the session back; the last user frees it.
func (g *graph) Close() error {
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
	if err := g.native.Destroy(); err != nil {
		return fmt.Errorf("onnxruntime: %s: close: %w", g.label, err)
	}
	return nil
}

// Run implements [backend.Graph]. A ctx that is done ends the native call.
func (g *graph) Run(ctx context.Context, inputs ...backend.Tensor) ([]backend.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.done {
		return nil, fmt.Errorf("onnxruntime: %s: %w", g.label, backend.ErrClosed)
	}
	ordered, err := backend.Order(g.inputs, inputs)
	if err != nil {
		return nil, fmt.Errorf("onnxruntime: %s: %w", g.label, err)
	}
	out, err := g.run(ctx, ordered)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("onnxruntime: %s: %w", g.label, err)
	}
	return out, nil
}

// run lends the inputs to onnxruntime, makes one native call, and takes the results over.
func (g *graph) run(ctx context.Context, inputs []backend.Tensor) ([]backend.Tensor, error) {
	var pinner goruntime.Pinner // native code keeps the address of a Go slice for the run's length
	defer pinner.Unpin()
	in := make([]ort.Value, len(inputs))
	defer func() { destroy(in) }()
	for i, t := range inputs {
		var err error
		if in[i], err = newValue(t, &pinner); err != nil {
			return nil, err
		}
	}
	out := make([]ort.Value, len(g.outputs))
	defer func() { destroy(out) }()
	for i, info := range g.outputs {
		if len(info.Shape) == 0 { // onnxruntime_go cannot allocate a result without dimensions by itself
			var err error
			if out[i], err = newScalar(info.DType); err != nil {
				return nil, fmt.Errorf("output %q: %w", info.Name, err)
			}
		}
	}
	o, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("run options: %w", err)
	}
	defer o.Destroy()
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		_ = o.Terminate() // a run that ends by itself at the same moment is as good
	})
	g.call(func() { err = g.native.RunWithOptions(in, out, o) })
	if !stop() {
		<-terminated // before the options are destroyed
	}
	if err != nil {
		return nil, err
	}
	results := make([]backend.Tensor, len(out))
	for i, v := range out {
		if results[i], err = result(g.outputs[i].Name, v); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			v.Destroy()
		}
	}
}
