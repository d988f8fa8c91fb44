// Package ortest gives tests an onnxruntime: found, or fetched once into the user's cache.
package ortest

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

var ensure = sync.OnceValues(func() (onnxruntime.Library, error) {
	return onnxruntime.EnsureLibrary(context.Background(), onnxruntime.InstallOptions{
		Progress: func(line string) { os.Stderr.WriteString("ortest: " + line + "\n") },
	})
})

// Backend returns onnxruntime. Where it cannot be had the test skips, or fails when CATVAE_NO_SKIP is "1".
func Backend(tb testing.TB, opts ...onnxruntime.Option) backend.Backend {
	tb.Helper()
	if _, err := ensure(); err != nil {
		Skip(tb, err.Error())
	}
	b, err := onnxruntime.Open(context.Background(), opts...) // tests also call this outside of a running test
	if err != nil {
		Skip(tb, err.Error())
	}
	return b
}

// Skip skips a test for want of something, and says what; when CATVAE_NO_SKIP is "1" it fails it instead.
func Skip(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("CATVAE_NO_SKIP") == "1" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

// MNIST returns the folder with MNIST's four files.
func MNIST(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("CATVAE_MNIST")
	if dir == "" {
		Skip(tb, "set CATVAE_MNIST to the folder with MNIST's four files to run this test")
	}
	return dir
}
