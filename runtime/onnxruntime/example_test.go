package onnxruntime_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// TestMain leaves the example out where onnxruntime cannot be had: examples cannot skip themselves.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := onnxruntime.EnsureLibrary(context.Background(), onnxruntime.InstallOptions{}); err != nil && os.Getenv("CATVAE_NO_SKIP") != "1" {
		flag.Set("test.run", "^Test")
	}
	os.Exit(m.Run())
}

// The library is found, or fetched once, and loaded.
func ExampleOpen() {
	ctx := context.Background()
	if _, err := onnxruntime.EnsureLibrary(ctx, onnxruntime.InstallOptions{}); err != nil {
		fmt.Println(err) // says what to do
		return
	}
	b, err := onnxruntime.Open(ctx, onnxruntime.WithThreads(1))
	if errors.Is(err, backend.ErrLibrary) {
		fmt.Println(err)
		return
	}
	fmt.Println(backend.DeviceOf(b))
	// Output: cpu
}
