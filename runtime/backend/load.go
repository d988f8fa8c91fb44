package backend

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/visible"
)

// ErrUnsafe is wrapped by the error for a model that the check refuses: it reads files, is broken, or asks for more than
// any model needs. The text says what was found.
var ErrUnsafe = onnxcheck.ErrUnsafe

// Load checks a model, the content of an .onnx file, and loads it on a backend. label names the graph in errors.
//
// Errors wrap [ErrUnsafe], ctx.Err(), or are the backend's. A done ctx ends loading at once.
func Load(ctx context.Context, b Backend, model []byte, label string) (Graph, error) {
	if err := ctx.Err(); err != nil {
		return nil, visible.Error(fmt.Errorf("backend: load %s: %w", label, err))
	}
	checked, err := Check(model)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("backend: %s: %w", label, err))
	}
	g, err := b.Load(ctx, checked, label)
	return g, visible.Error(err)
}

// A Checked is an ONNX model that has passed the check: what a [Backend] is given. Only [Check] makes one. It may hold the
// caller's bytes, which must not be changed. It may be used by many goroutines.
type Checked struct {
	model           []byte
	inputs, outputs []TensorInfo
}

// Check checks a model without loading it. Errors wrap [ErrUnsafe].
func Check(model []byte) (Checked, error) {
	info, err := onnxcheck.Describe(model)
	if err != nil {
		return Checked{}, err
	}
	return Checked{model: onnxcheck.Used(model), inputs: infos(info.Inputs), outputs: infos(info.Outputs)}, nil
}

func infos(values []onnxcheck.Value) []TensorInfo {
	list := make([]TensorInfo, len(values))
	for i, v := range values {
		list[i] = v.Info
	}
	return list
}

// Bytes returns the model as it is in a file, without declarations that no node uses: imports of other operator domains, and functions.
func (c Checked) Bytes() []byte { return c.model }

// Inputs describes what the model takes, in the order of the file. Inputs with an initialiser of the same name are
// constants, and left out.
func (c Checked) Inputs() []TensorInfo { return c.inputs }

// Outputs describes what the model gives, in the order of the file.
func (c Checked) Outputs() []TensorInfo { return c.outputs }
