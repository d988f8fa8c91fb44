package backendtest_test

import (
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/backendtest"
	"github.com/catvae/catvae/runtime/purego"
)

// In a test of your own, with your own backend in the place of purego's.
func ExampleRun() {
	var _ = func(t *testing.T) { // TestMyBackend
		backendtest.Run(t, func(t *testing.T) backend.Backend { return purego.New() })
	}
	// Output:
}
