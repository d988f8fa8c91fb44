//go:build !cgo

package onnxruntime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/runtime/backend"
)

// Linked says whether this program was built with cgo, through which onnxruntime is reached.
const Linked = false

// providers holds no execution provider: none can be reached without cgo.
var providers []*provider

type sessionOptions struct{}

// Open explains that this program was built without cgo, through which onnxruntime is reached.
func Open(context.Context, ...Option) (backend.Backend, error) {
	return nil, fmt.Errorf("onnxruntime: this program was built with CGO_ENABLED=0 and cannot load onnxruntime: build it with CGO_ENABLED=1 and a C compiler, or run graphs on runtime/purego: %w", backend.ErrLibrary)
}
