//go:build !cgo

package runtime

import "fmt"

// HasONNXRuntime says whether this program was built with cgo, through which onnxruntime is reached.
const HasONNXRuntime = false

// OpenONNXRuntime explains that this program was built without cgo, through which onnxruntime is reached.
func OpenONNXRuntime(...Option) (Backend, error) {
	return nil, fmt.Errorf("runtime: this program was built with CGO_ENABLED=0 and cannot load onnxruntime: build it with CGO_ENABLED=1 and a C compiler, or run graphs on runtime/purego: %w", ErrLibrary)
}
