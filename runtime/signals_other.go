//go:build cgo && !unix

package runtime

// keepSignalHandlers runs f: signal handlers that native code may replace exist on Unix only.
func keepSignalHandlers(f func()) (restored int) {
	f()
	return 0
}
