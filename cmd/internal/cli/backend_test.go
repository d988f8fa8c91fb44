package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/purego"
)

// Where onnxruntime cannot be installed, commands go on in pure Go and say why; asked for by name, it is an error.
func TestBackendWithoutCache(t *testing.T) {
	pure := PureGo
	PureGo = func(threads int) backend.Backend { return purego.New(purego.WithThreads(threads)) }
	t.Cleanup(func() { PureGo = pure })
	for _, v := range append([]string{"VIRTUAL_ENV", "LD_LIBRARY_PATH", "PATH"}, onnxruntime.LibraryVariables...) {
		t.Setenv(v, "")
	}
	none := filepath.Join(t.TempDir(), "none")
	for name, set := range map[string]map[string]string{
		"no home":                  {"HOME": "", "XDG_CACHE_HOME": ""},
		"a home that is not there": {"HOME": none, "XDG_CACHE_HOME": ""},
		"a relative home":          {"HOME": "home", "XDG_CACHE_HOME": ""},
		"a relative cache":         {"HOME": none, "XDG_CACHE_HOME": "cache"},
		"no place to write":        {"HOME": none, "XDG_CACHE_HOME": "/dev/null/cache"},
		"no pip and no npm":        {"HOME": none, "XDG_CACHE_HOME": t.TempDir()},
		"downloads are forbidden":  {"HOME": none, "XDG_CACHE_HOME": t.TempDir(), onnxruntime.NoDownload: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range set {
				t.Setenv(k, v)
			}
			var stderr strings.Builder
			b, err := Backend{Backend: BackendAuto, Device: "cpu"}.Open(t.Context(), Env{Stderr: &stderr}, true)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.Name(), "pure Go") || onnxruntime.Linked && !strings.Contains(stderr.String(), "pure Go instead") {
				t.Errorf("%s, %q", b.Name(), stderr.String())
			}
			_, err = Backend{Backend: BackendONNXRuntime, Device: "cpu"}.Open(t.Context(), Env{Stderr: &stderr}, true)
			if !errors.Is(err, runtime.ErrLibrary) {
				t.Errorf("by its name: %v", err)
			}
			done, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := (Backend{Backend: BackendAuto, Device: "cpu"}).Open(done, Env{Stderr: &stderr}, true); onnxruntime.Linked && !errors.Is(err, context.Canceled) {
				t.Errorf("a context that is done: %v", err)
			}
		})
	}
}
