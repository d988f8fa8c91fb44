//go:build cgo

package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

// Linked says whether this program was built with cgo, through which onnxruntime is reached.
const Linked = true

// providers are the execution providers, in the order in which [backend.Auto] tries them. The last is always there.
var providers = []*provider{&cudaProvider, &cpuProvider}

type sessionOptions = ort.SessionOptions

// onnxRuntime is the loaded library with the options of one [Open].
type onnxRuntime struct {
	options  options
	provider *provider
	version  string
}

// environment is the one onnxruntime of the process: the library cannot be loaded twice, nor safely unloaded. A program that uses
// onnxruntime_go by itself shares it: whoever comes first makes it, and it is never destroyed here.
var environment struct {
	sync.Mutex
	loaded  bool
	held    bool    // the library stays, whoever gives it back, and the sessions with it
	era     int     // grows where the environment was made anew and nothing of the one before can be used
	library Library // that is loaded; its path may not be known where the program has loaded it
}

// errDestroyed is the error for an environment that the program has destroyed under us.
var errDestroyed = fmt.Errorf("this program has destroyed onnxruntime's environment (DestroyEnvironment of onnxruntime_go), which its other users need: leave it, or open the model again: %w", backend.ErrLibrary)

// era returns which of the environments is there, or an error where none is.
func era() (int, error) {
	environment.Lock()
	defer environment.Unlock()
	if !ort.IsInitialized() {
		return environment.era, errDestroyed
	}
	return environment.era, nil
}

// release frees something native of the session. Where its environment is gone and the library may be, too, it is left: to free it
// would end the program.
func (s *session) release(free func() error) error {
	environment.Lock()
	gone := s.key.era != environment.era || !environment.held && !ort.IsInitialized()
	environment.Unlock()
	if gone {
		return nil
	}
	return free()
}

// Open loads onnxruntime, once a process, and returns it as a backend, which is safe for concurrent use. The library is
// found as [FindLibrary] says. Errors wrap [backend.ErrLibrary], [backend.ErrDevice] or [backend.ErrInput] (of options) and
// say what to do; a ctx that is done ends the search, and keeps the library from being loaded.
//
// A program that uses github.com/yalue/onnxruntime_go by itself may do so before or after: its environment is taken as it is, if its
// version suits, and is never destroyed. If the program destroys it, what is open here ends with errors.
func Open(ctx context.Context, opts ...Option) (backend.Backend, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if err := loadLibrary(ctx, o); err != nil {
		return nil, err
	}
	p, err := choose(o)
	if err != nil {
		return nil, err
	}
	return &onnxRuntime{options: o, provider: p, version: ort.GetVersion()}, nil
}

// choose returns the provider of the device that was asked for, once it has been tried.
func choose(o options) (*provider, error) {
	var failed error
	for _, p := range providers {
		if o.device != p.device && o.device != backend.Auto {
			continue
		}
		err := p.try(o)
		if err == nil {
			return p, nil
		}
		failed = errors.Join(failed, p.missing(err))
	}
	return nil, failed
}

// try puts a provider into the options of a session that is never made.
func (p *provider) try(chosen options) error {
	if p.join == nil {
		return nil
	}
	o, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer o.Destroy()
	p.guard(func() { err = p.join(o, chosen) })
	return err
}

// guard runs native code that may load the provider's libraries.
func (p *provider) guard(f func()) {
	if !p.signals {
		f()
		return
	}
	keepSignalHandlers(f)
}

func loadLibrary(ctx context.Context, o options) error {
	environment.Lock()
	defer environment.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("onnxruntime: open: %w", err)
	}
	switch {
	case ort.IsInitialized() && !environment.loaded:
		return adopt(ctx, o)
	case ort.IsInitialized():
		return alreadyLoaded(ctx, o)
	case environment.library.Path != "" && o.library == "": // and destroyed: a process holds one library
		o.library = environment.library.Path
	case environment.library.Path != "":
		if err := alreadyLoaded(ctx, o); err != nil {
			return err
		}
	}
	lib, _, err := findLibrary(ctx, o)
	if err != nil {
		return err
	}
	// onnxruntime 1.29 sets telemetry up before DisableTelemetry can be called: it leaves a log file for every process, and
	// dies where /etc/machine-id is missing, as in slim containers.
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return fmt.Errorf("onnxruntime: switch telemetry off: %w", err)
	}
	ort.SetSharedLibraryPath(lib.Path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return translateLoadError(lib, err)
	}
	if err := ort.DisableTelemetry(); err != nil {
		return fmt.Errorf("onnxruntime: switch telemetry off: %w", err)
	}
	if environment.loaded && !environment.held {
		environment.era++
	}
	environment.library, environment.loaded = lib, true
	environment.held = hold(lib.Path)
	return nil
}

// adopt takes the environment that the program has made.
func adopt(ctx context.Context, o options) error {
	lib := Library{Version: ort.GetVersion(), Source: "loaded by the program", Path: mapped()}
	if !suits(lib.Version) {
		return fmt.Errorf("onnxruntime: this program has loaded onnxruntime %s by itself, and a process holds one; 1.%d or later is needed: let it load that, or open the model first: %w", lib.Version, apiVersion, backend.ErrLibrary)
	}
	before := environment.library
	environment.library = lib
	if err := alreadyLoaded(ctx, o); err != nil {
		environment.library = before
		return err
	}
	environment.loaded = true
	environment.held = lib.Path != "" && hold(lib.Path)
	return nil
}

// alreadyLoaded says whether the library that is loaded is the one that is asked for.
func alreadyLoaded(ctx context.Context, o options) error {
	loaded := environment.library
	if loaded.Path == "" && (o.library != "" || o.pinnedOnly) {
		return fmt.Errorf("onnxruntime: this program has loaded onnxruntime %s by itself, from a file that is not known here, and a process holds one: leave out which library to load, and that it be pinned: %w", loaded.Version, backend.ErrLibrary)
	}
	if o.library != "" {
		real, err := filepath.Abs(o.library)
		if err == nil {
			real, err = filepath.EvalSymlinks(real)
		}
		if err != nil || real != loaded.Path {
			return fmt.Errorf("onnxruntime: onnxruntime is loaded from %s already: a process holds one, not %s too: %w", loaded.Path, o.library, backend.ErrLibrary)
		}
	}
	if o.pinnedOnly && !loaded.Pinned {
		if _, err := examine(ctx, loaded.Path, o); err != nil {
			return fmt.Errorf("onnxruntime: %s is loaded already: %w: %w", loaded.Path, err, backend.ErrLibrary)
		}
	}
	return nil
}

var versionRange = regexp.MustCompile(`only API versions \[1, (\d+)\]`)

// muslCannotLoad is how musl's loader words what glibc's words in another way: Alpine has it.
const muslCannotLoad = "Error loading shared library"

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
	if strings.Contains(err.Error(), muslCannotLoad) {
		return fmt.Errorf("onnxruntime: %s (onnxruntime %s) does not load: this program's C library is musl, and the library needs glibc: run it on a system with glibc, or the graphs in pure Go: %w: %w",
			lib.Path, found, backend.ErrLibrary, err)
	}
	return fmt.Errorf("onnxruntime: %s (onnxruntime %s) does not load; this program needs onnxruntime 1.%d or later: `catvae doctor --install` fetches %s: %w: %w",
		lib.Path, found, apiVersion, Version, backend.ErrLibrary, err)
}

// Name implements [backend.Backend].
func (r *onnxRuntime) Name() string {
	if r.options.tf32 && r.provider.device == backend.CUDA { // other results, hence another name
		return fmt.Sprintf("onnxruntime %s (%s, TF32)", r.version, r.provider.device)
	}
	return fmt.Sprintf("onnxruntime %s (%s)", r.version, r.provider.device)
}

// Device returns where the graphs run: see [backend.DeviceOf].
func (r *onnxRuntime) Device() backend.Device { return r.provider.device }

// StepsPerCall returns how many steps one run takes best: see [backend.StepsPerCall].
func (r *onnxRuntime) StepsPerCall() int { return r.provider.stepsPerCall }

// Resting returns onnxruntime without [WithSpinning]: see [backend.Resting].
func (r *onnxRuntime) Resting() backend.Backend {
	resting := *r
	resting.options.spinning = false
	return &resting
}
