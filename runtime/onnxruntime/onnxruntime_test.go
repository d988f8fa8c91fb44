package onnxruntime_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/backendtest"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

func TestONNXRuntime(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backend.Backend { return ortest.Backend(t) })
	backendtest.Run(t, func(t *testing.T) backend.Backend {
		return ortest.Backend(t, onnxruntime.WithThreads(1), onnxruntime.WithSpinning(true))
	})
}

// A device that is not there is an error that says what to install; auto says what it took.
func TestDevices(t *testing.T) {
	ortest.Backend(t)
	b, err := onnxruntime.Open(t.Context(), onnxruntime.WithDevice(backend.CUDA))
	if err == nil {
		t.Skipf("CUDA is here: %s", b.Name())
	}
	if !errors.Is(err, backend.ErrDevice) || !strings.Contains(err.Error(), "cuDNN") || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is %v", err)
	}
	b, err = onnxruntime.Open(t.Context(), onnxruntime.WithDevice(backend.Auto))
	if err != nil || !strings.Contains(b.Name(), "(cpu)") {
		t.Errorf("auto gives %v, %v", b, err)
	}
	if n := backend.StepsPerCall(b); n != 1 {
		t.Errorf("the CPU takes %d steps a call", n)
	}
	if _, err := onnxruntime.Open(t.Context(), onnxruntime.WithDevice("tpu")); !errors.Is(err, backend.ErrDevice) {
		t.Errorf("a device that nobody has: %v", err)
	}
	if _, err := onnxruntime.Open(t.Context(), onnxruntime.WithThreads(-1)); !errors.Is(err, backend.ErrInput) {
		t.Errorf("-1 threads: %v", err)
	}
}

// A context that is done ends the search for the library and keeps it from being loaded.
func TestDoneContext(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := onnxruntime.FindLibrary(done); !errors.Is(err, context.Canceled) {
		t.Errorf("FindLibrary: %v", err)
	}
	if _, err := onnxruntime.Open(done); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if _, err := onnxruntime.EnsureLibrary(done, onnxruntime.InstallOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("EnsureLibrary: %v", err)
	}
}

// Nothing is downloaded where that is forbidden.
func TestInstallRefusesToDownload(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv(onnxruntime.NoDownload, "1")
	_, err := onnxruntime.Install(context.Background(), onnxruntime.InstallOptions{})
	if !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), onnxruntime.NoDownload) {
		t.Errorf("the error is %v", err)
	}
}

func TestDiagnose(t *testing.T) {
	ortest.Backend(t)
	var text strings.Builder
	d := onnxruntime.Diagnose(t.Context())
	if err := d.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user cache", "named by the caller", "execution providers", "cpu", "processor", "onnxruntime 1."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the diagnosis lacks %q:\n%s", want, text.String())
		}
	}
}
