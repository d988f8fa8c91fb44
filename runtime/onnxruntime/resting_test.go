//go:build cgo

package onnxruntime

import (
	"testing"

	"github.com/catvae/catvae/runtime/backend"
)

// Resting leaves everything as it is except the waiting, and the backend itself alone.
func TestResting(t *testing.T) {
	busy := &onnxRuntime{options: options{threads: 3, spinning: true}, version: "1"}
	rest := backend.Resting(busy).(*onnxRuntime)
	if rest.options.spinning || rest.options.threads != 3 || rest.version != "1" || !busy.options.spinning {
		t.Errorf("%+v at rest is %+v", busy, rest)
	}
}
