package onnxeval

// SetMaxMemory sets the bytes that a plan may take, and returns how to set them back.
func SetMaxMemory(n int64) (restore func()) {
	old := maxMemory
	maxMemory = n
	return func() { maxMemory = old }
}
