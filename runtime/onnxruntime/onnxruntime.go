//go:build cgo

package onnxruntime

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"regexp"
	goruntime "runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// Linked says whether this program was built with cgo, through which onnxruntime is reached.
const Linked = true

// ortBackend is onnxruntime through onnxruntime_go.
type ortBackend struct {
	options options
	device  backend.Device // the one that runs: CPU or CUDA
	version string
}

// environment is the one onnxruntime of the process: the library cannot be loaded twice, nor safely unloaded.
var environment struct {
	sync.Mutex
	library string // path of the loaded library, "" before
}

// Open loads onnxruntime, once a process, and returns it as a backend. The library is found as
// [FindLibrary] says. Errors wrap [ErrLibrary] or [ErrDevice] and say how to mend it.
func Open(opts ...Option) (backend.Backend, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if err := loadLibrary(o.library); err != nil {
		return nil, err
	}
	b := &ortBackend{options: o, device: backend.CPU, version: ort.GetVersion()}
	if o.device == backend.CPU {
		return b, nil
	}
	keepSignalHandlers(func() { err = b.probeCUDA() })
	switch {
	case err == nil:
		b.device = backend.CUDA
	case o.device == backend.CUDA:
		return nil, fmt.Errorf("onnxruntime: --device cuda: %w: install the CUDA 12 or 13 libraries and cuDNN 9 with a CUDA build of onnxruntime %s (pip install onnxruntime-gpu==%s), or use --device cpu; `catvae doctor` lists what is missing: %w",
			backend.ErrDevice, Version, Version, err)
	}
	return b, nil
}

func loadLibrary(explicit string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if explicit != "" && explicit != environment.library {
			return fmt.Errorf("onnxruntime: onnxruntime is loaded from %s already: a process holds one, not %s too: %w", environment.library, explicit, backend.ErrLibrary)
		}
		return nil
	}
	lib, _, err := FindLibrary(explicit)
	if err != nil {
		return err
	}
	// onnxruntime 1.29 sets telemetry up before DisableTelemetry can be called: it leaves a log file for every process, and
	// dies where /etc/machine-id is missing, as in slim containers.
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return fmt.Errorf("onnxruntime: switch telemetry off: %w", err)
	}
	ort.SetSharedLibraryPath(lib.Path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return translateLoadError(lib, err)
	}
	if err := ort.DisableTelemetry(); err != nil {
		return fmt.Errorf("onnxruntime: switch telemetry off: %w", err)
	}
	environment.library = lib.Path
	return nil
}

var versionRange = regexp.MustCompile(`only API versions \[1, (\d+)\]`)

// translateLoadError names both versions where they do not fit. onnxruntime answers a newer header with an error that
// knows API numbers only; API n belongs to release 1.n.
func translateLoadError(lib Library, err error) error {
	found := lib.Version
	if m := versionRange.FindStringSubmatch(err.Error()); m != nil {
		found = "1." + m[1]
	}
	if found == "" {
		found = "of unknown version"
	}
	return fmt.Errorf("onnxruntime: %s (onnxruntime %s) does not load; this program needs onnxruntime 1.%d or later: `catvae doctor --install` fetches %s: %w: %w",
		lib.Path, found, apiVersion, Version, backend.ErrLibrary, err)
}

func (b *ortBackend) Name() string { return fmt.Sprintf("onnxruntime %s (%s)", b.version, b.device) }

// Device returns where the graphs run: see [DeviceOf].
func (b *ortBackend) Device() backend.Device { return b.device }

// sessions holds the loaded graphs of the process: one session for equal bytes and options, shared by its users.
var sessions = struct {
	sync.Mutex
	m map[sessionKey]*ortSession
}{m: map[sessionKey]*ortSession{}}

type sessionKey struct {
	model    [sha256.Size]byte
	device   backend.Device
	threads  int
	tf32     bool
	spinning bool
}

// ortSession is a native session with the number of its users.
type ortSession struct {
	key     sessionKey
	session *ort.DynamicAdvancedSession
	inputs  []backend.TensorInfo
	outputs []backend.TensorInfo
	users   int // guarded by sessions
	first   sync.Once
}

// call makes a native call. The first on CUDA may load more of it.
func (s *ortSession) call(f func()) {
	if s.key.device == backend.CUDA {
		done := false
		s.first.Do(func() { keepSignalHandlers(f); done = true })
		if done {
			return
		}
	}
	f()
}

// ortGraph is one user's hold on a session.
type ortGraph struct {
	*ortSession
	label string
	mu    sync.RWMutex // held for reading by runs, for writing by Close
	done  bool
}

func (b *ortBackend) Load(model []byte, label string) (backend.Graph, error) {
	info, err := onnxcheck.Describe(model)
	if err != nil {
		return nil, fmt.Errorf("onnxruntime: %s: %w", label, err)
	}
	key := sessionKey{sha256.Sum256(model), b.device, b.options.threads, b.options.tf32, b.options.spinning}
	sessions.Lock()
	defer sessions.Unlock()
	s, ok := sessions.m[key]
	if !ok {
		if s, err = b.newSession(model, info); err != nil {
			return nil, fmt.Errorf("onnxruntime: %s: %w", label, err)
		}
		s.key = key
		sessions.m[key] = s
	}
	s.users++
	return &ortGraph{ortSession: s, label: label}, nil
}

func (b *ortBackend) newSession(model []byte, info onnxcheck.Info) (*ortSession, error) {
	s := &ortSession{}
	var inputs, outputs []string
	for _, v := range info.Inputs {
		s.inputs, inputs = append(s.inputs, v.Info), append(inputs, v.Name)
	}
	for _, v := range info.Outputs {
		s.outputs, outputs = append(s.outputs, v.Info), append(outputs, v.Name)
	}
	if len(inputs) == 0 {
		return nil, errors.New("the graph has no inputs")
	}
	var o *ort.SessionOptions
	var err error
	b.guard(func() { o, err = b.sessionOptions(usesFloat64(info)) })
	if err != nil {
		return nil, err
	}
	defer o.Destroy()
	b.guard(func() { s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, inputs, outputs, o) })
	if err != nil {
		return nil, fmt.Errorf("make the session: %w", err)
	}
	return s, nil
}

// guard runs native code that may load CUDA.
func (b *ortBackend) guard(f func()) {
	if b.device != backend.CUDA {
		f()
		return
	}
	keepSignalHandlers(f)
}

// usesFloat64 reports whether a graph takes or gives float64.
func usesFloat64(info onnxcheck.Info) bool {
	double := func(v onnxcheck.Value) bool { return v.DType == backend.Float64 }
	return slices.ContainsFunc(info.Inputs, double) || slices.ContainsFunc(info.Outputs, double)
}

// sessionOptions returns how sessions are made. onnxruntime's further fusions put operators into graphs that it can run in
// float32 only (x·σ(x) in float64 becomes a QuickGelu without a kernel), so graphs in float64 do without them.
func (b *ortBackend) sessionOptions(float64s bool) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	steps := []func() error{
		func() error { return o.SetIntraOpNumThreads(b.options.threads) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error {
			return o.AddSessionConfigEntry("session.intra_op.allow_spinning", strconv.Itoa(boolInt(b.options.spinning)))
		},
	}
	if float64s {
		steps = append(steps, func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableBasic) })
	}
	if b.device == backend.CUDA {
		steps = append(steps, func() error { return b.appendCUDA(o) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			o.Destroy()
			return nil, fmt.Errorf("session options: %w", err)
		}
	}
	return o, nil
}

func (g *ortGraph) Inputs() []backend.TensorInfo  { return g.inputs }
func (g *ortGraph) Outputs() []backend.TensorInfo { return g.outputs }

// Close gives the session back; the last user frees it.
func (g *ortGraph) Close() error {
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
	if err := g.session.Destroy(); err != nil {
		return fmt.Errorf("onnxruntime: %s: close: %w", g.label, err)
	}
	return nil
}

func (g *ortGraph) Run(ctx context.Context, inputs ...backend.Tensor) ([]backend.Tensor, error) {
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

func (g *ortGraph) run(ctx context.Context, inputs []backend.Tensor) ([]backend.Tensor, error) {
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
	g.call(func() { err = g.session.RunWithOptions(in, out, o) })
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
