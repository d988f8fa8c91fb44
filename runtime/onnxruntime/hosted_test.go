//go:build cgo

package onnxruntime_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	ort "github.com/yalue/onnxruntime_go"
)

// A program that uses onnxruntime by itself can open models too: before, after and while it does. If it destroys the environment, what
// is open ends with errors, closes without harm, and can be opened again.
func TestHosted(t *testing.T) {
	const child = "CATVAE_TEST_CHILD"
	if name := os.Getenv(child); strings.HasPrefix(name, "hosted ") {
		if err := hosted(t, strings.TrimPrefix(name, "hosted ")); err != nil {
			t.Fatal(err)
		}
		fmt.Println("well ended")
		return
	}
	ortest.Backend(t)
	t.Parallel()
	lib, _, err := onnxruntime.FindLibrary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "after", "destroyed", "destroyed after", "destroyed and made again", "another library", "that library"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHosted$")
		cmd.Env = append(os.Environ(), child+"=hosted "+name, "CATVAE_ORT_LIB="+lib.Path)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "well ended") {
			t.Errorf("%s: %v\n%.3000s", name, err, out)
		}
	}
}

func hosted(t *testing.T, name string) error {
	os.Setenv("ORT_DISABLE_TELEMETRY", "1")
	lib := os.Getenv("CATVAE_ORT_LIB")
	host := func() error {
		ort.SetSharedLibraryPath(lib)
		return ort.InitializeEnvironment()
	}
	if name != "after" && name != "destroyed after" {
		if err := host(); err != nil {
			return err
		}
	}
	if name == "another library" {
		_, err := onnxruntime.Open(t.Context(), onnxruntime.WithLibrary(filepath.Join(t.TempDir(), "libonnxruntime.so")))
		if !errors.Is(err, backend.ErrLibrary) {
			return fmt.Errorf("another library: %v", err)
		}
	}
	var opts []onnxruntime.Option
	if name == "that library" {
		opts = append(opts, onnxruntime.WithLibrary(lib))
	}
	b, err := onnxruntime.Open(t.Context(), opts...)
	if err != nil {
		return err
	}
	g, x, err := load(t, b)
	if err != nil {
		return err
	}
	if _, err := g.Run(t.Context(), x); err != nil {
		return err
	}
	if !strings.HasPrefix(name, "destroyed") {
		if err := errors.Join(g.Close(), ort.DisableTelemetry()); err != nil { // the environment is still there
			return err
		}
		return nil
	}
	bound, err := g.(backend.Binder).Bind([]backend.Tensor{x}, []backend.Tensor{{Name: g.Outputs()[0].Name, Shape: x.Shape, Data: make([]float32, 2)}})
	if err != nil {
		return err
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return err
	}
	_, runErr := g.Run(t.Context(), x)
	_, _, loadErr := load(t, b)
	for what, err := range map[string]error{"run": runErr, "bound run": bound.Run(t.Context()), "load": loadErr} {
		if !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "destroyed") {
			return fmt.Errorf("%s: %v", what, err)
		}
	}
	if name == "destroyed and made again" {
		if err := host(); err != nil {
			return err
		}
		if _, err := g.Run(t.Context(), x); err != nil {
			return err
		}
	}
	if err := errors.Join(bound.Close(), g.Close()); err != nil {
		return err
	}
	if b, err = onnxruntime.Open(t.Context()); err != nil {
		return err
	}
	if g, x, err = load(t, b); err != nil {
		return err
	}
	_, err = g.Run(t.Context(), x)
	return errors.Join(err, g.Close())
}

// load loads a graph that takes a row and gives one, and returns a row.
func load(t *testing.T, b backend.Backend) (backend.Graph, backend.Tensor, error) {
	g, err := backend.Load(t.Context(), b, onnxtest.Good(), "hosted")
	if err != nil {
		return nil, backend.Tensor{}, err
	}
	in := g.Inputs()[0]
	shape, n := []int64{}, int64(1)
	for _, d := range in.Shape {
		shape = append(shape, max(d, 1))
		n *= max(d, 1)
	}
	return g, backend.Tensor{Name: in.Name, Shape: shape, Data: make([]float32, n)}, nil
}
