package backend

import "errors"

// These errors occur when a backend is opened or used. Every backend wraps them, so that callers can tell what went wrong
// whichever backend runs.
var (
	// ErrLibrary: the native library is missing, of another version, or the program was built without it.
	ErrLibrary = errors.New("onnxruntime is not available")
	// ErrDevice: the device that was asked for is not there.
	ErrDevice = errors.New("device is not available")
	// ErrInput: an input does not fit: its name, its type, its shape, or a value out of range.
	ErrInput = errors.New("bad input")
	// ErrClosed: a graph or model was used after Close.
	ErrClosed = errors.New("closed")
)
