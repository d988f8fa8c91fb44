package runtime_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/purego"
)

// What a backend cannot do is an error, never passed over.
func TestOptions(t *testing.T) {
	t.Parallel()
	dir := export(t, dist.Bernoulli, 4, 0)
	pure := runtime.WithBackend(purego.New())
	for name, c := range map[string]struct {
		options []runtime.Option
		want    error
		says    string
	}{
		"a backend":                       {[]runtime.Option{pure}, nil, ""},
		"its own device":                  {[]runtime.Option{pure, runtime.WithDevice(runtime.CPU)}, nil, ""},
		"any device":                      {[]runtime.Option{runtime.WithDevice(runtime.Auto), pure}, nil, ""},
		"another device":                  {[]runtime.Option{pure, runtime.WithDevice(runtime.CUDA)}, runtime.ErrDevice, "pure Go (cpu)"},
		"another device, first":           {[]runtime.Option{runtime.WithDevice(runtime.CUDA), pure}, runtime.ErrDevice, "runs on cpu"},
		"no device":                       {[]runtime.Option{runtime.WithDevice("tpu")}, runtime.ErrDevice, "cpu, cuda, auto"},
		"another backend's options":       {[]runtime.Option{pure, runtime.WithONNXRuntime(onnxruntime.WithThreads(1))}, runtime.ErrInput, "WithBackend"},
		"another backend's bad options":   {[]runtime.Option{runtime.WithONNXRuntime(onnxruntime.WithThreads(-1))}, runtime.ErrInput, "threads"},
		"onnxruntime's device, misspelt":  {[]runtime.Option{runtime.WithONNXRuntime(onnxruntime.WithDevice("gpu"))}, runtime.ErrDevice, "gpu"},
		"a variant that the bundle lacks": {[]runtime.Option{pure, runtime.WithVariant("int4")}, runtime.ErrVariant, "float32"},
		"float32, which is no variant":    {[]runtime.Option{pure, runtime.WithVariant(bundle.VariantFloat32)}, nil, ""},
	} {
		m, err := runtime.Open(t.Context(), dir, c.options...)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: the error is %v, want %v", name, err, c.want)
		}
		if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), " --")) {
			t.Errorf("%s: the error is %q, want one line about %q without flags", name, err, c.says)
		}
		if err == nil {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
