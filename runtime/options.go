package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// The errors of models are those of backends, under these names: see package backend.
var (
	ErrLibrary = backend.ErrLibrary
	ErrDevice  = backend.ErrDevice
	ErrInput   = backend.ErrInput
	ErrClosed  = backend.ErrClosed
)

// ErrVariant is the [ErrInput] of a variant that the bundle lacks, that is not made for the device, or that does not take
// the rows.
var ErrVariant = fmt.Errorf("%w: unsuitable variant", backend.ErrInput)

// The devices that [WithDevice] takes: see [backend.Device].
const (
	CPU  = backend.CPU
	CUDA = backend.CUDA
	Auto = backend.Auto
)

// An Option chooses what [Open] opens, and what runs it. An option may be used again.
type Option func(*options) error

type options struct {
	backend     backend.Backend
	onnxruntime []onnxruntime.Option
	device      backend.Device
	variant     string
}

// open returns the backend that the options ask for: the caller's, or onnxruntime. What the caller's cannot do is an error,
// never passed over.
func (o options) open(ctx context.Context) (backend.Backend, error) {
	if o.backend == nil {
		opts := o.onnxruntime
		if o.device != "" {
			opts = append(opts[:len(opts):len(opts)], onnxruntime.WithDevice(o.device))
		}
		return onnxruntime.Open(ctx, opts...)
	}
	if len(o.onnxruntime) > 0 {
		return nil, fmt.Errorf("runtime: options of onnxruntime are given together with the backend %s: give them to onnxruntime.Open, and its result to WithBackend: %w", o.backend.Name(), ErrInput)
	}
	if runs := backend.DeviceOf(o.backend); o.device != "" && o.device != Auto && o.device != runs {
		return nil, fmt.Errorf("runtime: the backend %s runs on %s, not on %s: open a backend for %s, or leave WithDevice out: %w", o.backend.Name(), runs, o.device, o.device, ErrDevice)
	}
	return o.backend, nil
}

func newOptions(opts []Option) (o options, err error) {
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// WithBackend runs graphs on an open backend instead of on onnxruntime on the CPU. The caller's backend has its options
// already, so that [WithONNXRuntime] together with it is an [ErrInput]. The backend stays the caller's: closing the model
// leaves it open. nil means onnxruntime.
func WithBackend(b backend.Backend) Option {
	return func(o *options) error { o.backend = b; return nil }
}

// WithONNXRuntime gives options to the onnxruntime that runs graphs by default: threads, the library's file. It may be given
// several times.
func WithONNXRuntime(opts ...onnxruntime.Option) Option {
	return func(o *options) error { o.onnxruntime = append(o.onnxruntime, opts...); return nil }
}

// WithDevice says where graphs must run. The default is the CPU, or where the backend of [WithBackend] runs. A device that
// is not there, or where that backend does not run, is an [ErrDevice].
func WithDevice(d backend.Device) Option {
	return func(o *options) (err error) {
		if o.device, err = backend.ParseDevice(string(d)); err != nil {
			err = fmt.Errorf("runtime: %w", err)
		}
		return err
	}
}

// WithVariant encodes by one of the bundle's variants: "int8", "uint8" or "float16". "" and "float32" mean the encoder and
// threshold themselves. The codes of variants differ a little, except uint8's, which is float32 that takes bytes. A variant
// that the bundle lacks, or that is made for another device, is an [ErrVariant] when the bundle is opened.
func WithVariant(name string) Option {
	return func(o *options) error {
		o.variant = name
		if name == bundle.VariantFloat32 {
			o.variant = ""
		}
		return nil
	}
}
