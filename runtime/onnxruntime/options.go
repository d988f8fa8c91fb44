package onnxruntime

import (
	"fmt"
	"os"

	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/runtime/backend"
)

// An Option changes how graphs run, not what they compute.
type Option func(*options) error

type options struct {
	device   backend.Device
	threads  int
	library  string
	tf32     bool
	spinning bool
	// pinnedOnly refuses libraries whose SHA-256 is not known; hash has it computed, to be shown.
	pinnedOnly, hash bool
}

func newOptions(opts []Option) (options, error) {
	o := options{device: backend.CPU, pinnedOnly: os.Getenv(PinnedOnly) == "1"}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	if o.threads == 0 {
		o.threads = cores.Count()
	}
	return o, nil
}

// WithDevice chooses the device. The default is [backend.CPU]. A device that is not there is a [backend.ErrDevice], never
// a silent change to another.
func WithDevice(d backend.Device) Option {
	return func(o *options) (err error) {
		if o.device, err = backend.ParseDevice(string(d)); err != nil {
			err = fmt.Errorf("onnxruntime: %w", err)
		}
		return err
	}
}

// WithThreads sets how many threads one run uses on the CPU, 0 to 1024. 0, the default, means one for each core that the program may use: see package internal/cores.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 0 || n > 1024 {
			return fmt.Errorf("onnxruntime: %d threads: use 0 (one per core) to 1024: %w", n, backend.ErrInput)
		}
		o.threads = n
		return nil
	}
}

// WithLibrary names the onnxruntime library file, before every place that [FindLibrary] looks in. A relative path is taken from the
// folder that is the current one when the library is looked for.
func WithLibrary(path string) Option {
	return func(o *options) error { o.library = path; return nil }
}

// PinnedOnly is the environment variable that asks for [WithPinnedOnly] when it is "1".
const PinnedOnly = "CATVAE_PINNED_ONLY"

// WithPinnedOnly refuses every library whose SHA-256 this program does not know, wherever it lies. Known are those that [Install]
// fetches; Python's wheel of onnxruntime [Version] has one of them.
func WithPinnedOnly(on bool) Option {
	return func(o *options) error { o.pinnedOnly = o.pinnedOnly || on; return nil }
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
