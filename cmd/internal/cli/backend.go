package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// Backend are the flags that choose what runs the graphs.
type Backend struct {
	Backend    string `help:"What runs the graphs: onnxruntime, purego (pure Go: slower, needs no library), or auto: onnxruntime, or where it is missing pure Go with a warning, in programs that include it." default:"auto" enum:"auto,onnxruntime,purego" name:"backend"`
	Device     string `help:"Where the graphs run, one of ${devices}: auto takes the fastest available one, the others fail where they are missing." default:"cpu" enum:"${devices}"`
	Threads    int    `help:"Threads of one run on the CPU; 0 means one per core." default:"0" range:"0,1024"`
	Library    string `help:"onnxruntime library file to load, before every other place." placeholder:"FILE"`
	PinnedOnly bool   `help:"Load no onnxruntime library whose SHA-256 this program does not know: see catvae doctor."`
	TF32       bool   `help:"Let CUDA round the operands of matrix products to 10 bits: faster, and codes may differ from the CPU's." name:"tf32"`
}

// The choices of --backend.
const (
	BackendAuto        = "auto"
	BackendONNXRuntime = "onnxruntime"
	BackendPureGo      = "purego"
)

// PureGo makes the backend that is written in Go, with the given number of threads a run. It is nil in programs that do
// not link it, such as infer with cgo, which stays small.
var PureGo func(threads int) backend.Backend

// Options returns the flags as options of the runtime.
func (b Backend) Options() []onnxruntime.Option {
	return []onnxruntime.Option{onnxruntime.WithDevice(backend.Device(b.Device)), onnxruntime.WithThreads(b.Threads), onnxruntime.WithLibrary(b.Library), onnxruntime.WithPinnedOnly(b.PinnedOnly), onnxruntime.WithTF32(b.TF32)}
}

// Open returns the backend that the flags ask for. With install, a missing onnxruntime is fetched, and every step is
// printed on stderr. more holds options that no flag sets.
func (b Backend) Open(ctx context.Context, env Env, install bool, more ...onnxruntime.Option) (backend.Backend, error) {
	if b.Backend == BackendPureGo {
		switch {
		case PureGo == nil:
			return nil, fmt.Errorf("%w: --backend %s: this program was built with cgo and does not include it: build it with CGO_ENABLED=0, or use catvae", ErrUsage, BackendPureGo)
		case !b.cpuWillDo() || b.Library != "" || b.TF32:
			return nil, fmt.Errorf("%w: --backend %s runs on the CPU and loads no library: leave out --device, --library and --tf32", ErrUsage, BackendPureGo)
		}
		return pureGo{PureGo(b.Threads)}, nil
	}
	on, err := b.onnxruntime(ctx, env, install, more)
	if err == nil || ctx.Err() != nil {
		return on, err
	}
	if !b.mayFallBack(err) {
		return nil, b.withFlags(err)
	}
	if onnxruntime.Linked {
		hint := fmt.Sprintf("--backend %s makes this an error", BackendONNXRuntime)
		if env.fallBackHint != "" {
			hint = env.fallBackHint + ", " + hint
		}
		fmt.Fprintf(env.Stderr, "warning: %s; the graphs run in pure Go instead, which is slower (%s)\n", OneLine(err), hint)
	}
	return pureGo{PureGo(b.Threads)}, nil
}

func (b Backend) onnxruntime(ctx context.Context, env Env, install bool, more []onnxruntime.Option) (backend.Backend, error) {
	if install && onnxruntime.Linked {
		lib, err := onnxruntime.EnsureLibrary(ctx, onnxruntime.InstallOptions{
			Progress: func(line string) { fmt.Fprintln(env.Stderr, "onnxruntime: "+line) },
		}, b.Options()...)
		if err != nil {
			return nil, err
		}
		b.Library = lib.Path
	}
	return onnxruntime.Open(ctx, append(b.Options(), more...)...)
}

// withFlags says which flag asked for what is missing.
func (b Backend) withFlags(err error) error {
	switch {
	case errors.Is(err, runtime.ErrDevice):
		return fmt.Errorf("--device %s: %w", b.Device, err)
	case errors.Is(err, runtime.ErrLibrary) && b.Library != "":
		return fmt.Errorf("--library %s: %w", b.Library, err)
	}
	return err
}

// cpuWillDo reports whether the requested device may be the CPU.
func (b Backend) cpuWillDo() bool {
	return b.Device == string(runtime.CPU) || b.Device == string(runtime.Auto) || b.Device == ""
}

// mayFallBack reports whether pure Go may replace onnxruntime: it is linked, and no flag asks for onnxruntime by its
// name, its file or a device.
func (b Backend) mayFallBack(err error) bool {
	return PureGo != nil && b.Backend == BackendAuto && b.Library == "" && b.cpuWillDo() && onnxruntime.LibraryVariable() == "" && errors.Is(err, runtime.ErrLibrary)
}

// pureGo marks the backend that gains nothing from variants of fewer bits.
type pureGo struct{ backend.Backend }

// deviceOf returns the device by which the fastest variant is chosen; none for pure Go, which computes all of them in float32.
func deviceOf(b backend.Backend) backend.Device {
	if _, ok := b.(pureGo); ok {
		return ""
	}
	return backend.DeviceOf(b)
}
