package runtime

import (
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/catvae/catvae/bundle"
)

// These errors occur when a backend or a bundle is opened, or used.
var (
	// ErrLibrary: the onnxruntime library is missing, of another version, or the program was built without it.
	ErrLibrary = errors.New("onnxruntime is not available")
	// ErrDevice: the device that was asked for is not there.
	ErrDevice = errors.New("device is not available")
	// ErrInput: a row does not fit the model: its length, or a value outside the model's range.
	ErrInput = errors.New("bad input")
	// ErrClosed: a graph or model was used after Close.
	ErrClosed = errors.New("closed")
)

// A Device is where graphs run.
type Device string

// The devices. Auto is CUDA where it can be had and the CPU elsewhere; Backend.Name says which.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda"
	Auto Device = "auto"
)

// ParseDevice returns the device of a flag's text.
func ParseDevice(s string) (Device, error) {
	switch d := Device(s); d {
	case CPU, CUDA, Auto:
		return d, nil
	}
	return "", fmt.Errorf("runtime: device %q: use %s, %s or %s", s, CPU, CUDA, Auto)
}

// An Option changes how graphs run, not what they compute.
type Option func(*options) error

type options struct {
	device   Device
	threads  int
	library  string
	tf32     bool
	spinning bool
	backend  Backend
	variant  string
}

func newOptions(opts []Option) (options, error) {
	o := options{device: CPU}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	if o.threads == 0 {
		o.threads = goruntime.NumCPU()
	}
	return o, nil
}

// WithDevice chooses the device. The default is [CPU]. A device that is not there is an [ErrDevice], never a silent
// change to another.
func WithDevice(d Device) Option {
	return func(o *options) (err error) {
		o.device, err = ParseDevice(string(d))
		return err
	}
}

// WithThreads sets how many threads one run uses on the CPU. 0, the default, means one per core.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 0 || n > 1024 {
			return fmt.Errorf("runtime: %d threads: use 0 (one per core) to 1024", n)
		}
		o.threads = n
		return nil
	}
}

// WithLibrary names the onnxruntime library file, before every place that [FindLibrary] looks in.
func WithLibrary(path string) Option {
	return func(o *options) error { o.library = path; return nil }
}

// WithTF32 lets CUDA round the operands of matrix products to 10 bits. It is off by default, since codes would then
// differ between devices.
func WithTF32(on bool) Option {
	return func(o *options) error { o.tf32 = on; return nil }
}

// WithSpinning lets idle threads wait busily: faster when runs follow each other at once, at the price of whole cores.
// It is off by default.
func WithSpinning(on bool) Option {
	return func(o *options) error { o.spinning = on; return nil }
}

// WithBackend runs graphs on a backend of one's own instead of onnxruntime; the options above then have no effect.
func WithBackend(b Backend) Option {
	return func(o *options) error { o.backend = b; return nil }
}

// WithVariant encodes by one of the bundle's variants: "int8", "uint8" or "float16". "" and "float32" mean the encoder and
// threshold themselves. Codes of the variants differ a little from each other's, but for uint8, which is float32 with
// bytes going in.
func WithVariant(name string) Option {
	return func(o *options) error {
		o.variant = name
		if name == bundle.VariantFloat32 {
			o.variant = ""
		}
		return nil
	}
}
