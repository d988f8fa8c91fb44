//go:build cgo

package onnxruntime

import "github.com/catvae/catvae/runtime/backend"

// cpuProvider is onnxruntime's own provider: part of the library, in every session, for every operator.
var cpuProvider = provider{device: backend.CPU, stepsPerCall: 1}
