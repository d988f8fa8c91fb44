//go:build !cgo

package cli

import (
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
)

// Without cgo no onnxruntime can be preferred.
func init() {
	PureGo = func(threads int) backend.Backend { return purego.New(purego.WithThreads(threads)) }
}
