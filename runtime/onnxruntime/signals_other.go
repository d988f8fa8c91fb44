//go:build cgo && !unix

package onnxruntime

// keepSignalHandlers runs f: signal handlers that native code may replace exist on Unix only.
func keepSignalHandlers(f func()) (restored int) {
	f()
	return 0
}
