//go:build cgo

package onnxruntime

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// sessions holds the loaded graphs of the process: one session for equal bytes and options, shared by its users.
var sessions = struct {
	sync.Mutex
	m map[sessionKey]*session
}{m: map[sessionKey]*session{}}

// sessionKey holds all that a session depends on.
type sessionKey struct {
	model    [sha256.Size]byte
	device   backend.Device
	threads  int
	tf32     bool
	spinning bool
	era      int // of the environment
}

// session is a native session with the number of its users.
type session struct {
	key      sessionKey
	provider *provider
	native   *ort.DynamicAdvancedSession
	inputs   []backend.TensorInfo
	outputs  []backend.TensorInfo
	users    int // guarded by sessions
	first    sync.Once
	made     chan struct{} // closed when native is there, or failed is
	failed   error
}

// call makes a native call. The first may load more of the provider's libraries.
func (s *session) call(f func()) {
	if s.provider.signals {
		done := false
		s.first.Do(func() { keepSignalHandlers(f); done = true })
		if done {
			return
		}
	}
	f()
}

// Load implements [backend.Backend]. onnxruntime cannot be interrupted while it makes a session: where ctx is done
// meanwhile, Load returns, and the session is freed once it is made.
func (r *onnxRuntime) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	now, err := era()
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return nil, fmt.Errorf("onnxruntime: load %s: %w", label, err)
	}
	type loaded struct {
		graph *graph
		err   error
	}
	done := make(chan loaded, 1)
	go func() {
		g, err := r.load(model, label, now)
		done <- loaded{g, err}
	}()
	select {
	case l := <-done:
		if l.err != nil {
			return nil, visible.Error(fmt.Errorf("onnxruntime: %s: %w", label, l.err))
		}
		return l.graph, nil
	case <-ctx.Done():
		go func() {
			if l := <-done; l.err == nil {
				_ = l.graph.Close() // nobody is left to be told
			}
		}()
		return nil, fmt.Errorf("onnxruntime: load %s: %w", label, ctx.Err())
	}
}

// load finds the session of a model, or makes it. Others load and close graphs meanwhile.
func (r *onnxRuntime) load(model backend.Checked, label string, era int) (*graph, error) {
	key := sessionKey{sha256.Sum256(model.Bytes()), r.provider.device, r.options.threads, r.options.tf32, r.options.spinning, era}
	sessions.Lock()
	s, ok := sessions.m[key]
	if !ok {
		s = &session{key: key, provider: r.provider, inputs: model.Inputs(), outputs: model.Outputs(), made: make(chan struct{})}
		sessions.m[key] = s
	}
	s.users++
	sessions.Unlock()
	if !ok {
		if s.failed = r.makeSession(s, model); s.failed != nil {
			sessions.Lock()
			delete(sessions.m, key) // another try may fare better
			sessions.Unlock()
		}
		close(s.made)
	}
	<-s.made
	if s.failed != nil {
		return nil, s.failed
	}
	return &graph{session: s, label: label}, nil
}

// makeSession makes the native session.
func (r *onnxRuntime) makeSession(s *session, model backend.Checked) error {
	if len(s.inputs) == 0 {
		return errors.New("the graph has no inputs, which onnxruntime_go cannot run: declare an input, used or not, or use runtime/purego")
	}
	var o *ort.SessionOptions
	var err error
	r.provider.guard(func() { o, err = r.sessionOptions(takesFloat64(s)) })
	if err != nil {
		return err
	}
	defer o.Destroy()
	r.provider.guard(func() {
		s.native, err = ort.NewDynamicAdvancedSessionWithONNXData(model.Bytes(), names(s.inputs), names(s.outputs), o)
	})
	if err != nil {
		return fmt.Errorf("make the session: %w", err)
	}
	return nil
}

func names(infos []backend.TensorInfo) []string {
	list := make([]string, len(infos))
	for i, info := range infos {
		list[i] = info.Name
	}
	return list
}

// takesFloat64 reports whether a graph takes or gives float64.
func takesFloat64(s *session) bool {
	double := func(info backend.TensorInfo) bool { return info.DType == backend.Float64 }
	return slices.ContainsFunc(s.inputs, double) || slices.ContainsFunc(s.outputs, double)
}

// sessionOptions returns how sessions are made. onnxruntime's further fusions put operators into graphs that it can run in
// float32 only (x·σ(x) in float64 becomes a QuickGelu without a kernel), so graphs in float64 do without them.
func (r *onnxRuntime) sessionOptions(float64s bool) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	steps := []func() error{
		func() error { return o.SetIntraOpNumThreads(r.options.threads) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error {
			return o.AddSessionConfigEntry("session.intra_op.allow_spinning", zeroOrOne(r.options.spinning))
		},
	}
	if float64s {
		steps = append(steps, func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableBasic) })
	}
	if r.provider.join != nil {
		steps = append(steps, func() error { return r.provider.join(o, r.options) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			o.Destroy()
			return nil, fmt.Errorf("session options: %w", err)
		}
	}
	return o, nil
}

// zeroOrOne is how onnxruntime's configuration writes a truth value.
func zeroOrOne(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
