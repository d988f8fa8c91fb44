package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime/backend"
)

// EncodeBytes appends the packed codes of rows of bytes to dst, [bundle.Latent.PackedBytes] bytes a row. The codes are
// those that [Model.Encode] gives of the bytes times the manifest's scale, bit for bit.
//
// Encoder and threshold run as one graph, which is made at the first call: a quarter of the memory goes in, packed bytes
// come out, and neither floats nor logits cross the border. For many rows see [Stream].
func (m *Model) EncodeBytes(ctx context.Context, dst, rows []byte) ([]byte, error) {
	size := m.manifest.Input.RowSize()
	if len(rows)%size != 0 {
		return dst, fmt.Errorf("runtime: %w: %d bytes are no whole number of rows of %d: the model takes rows of shape %s", ErrInput, len(rows), size, shapeText(m.manifest.Input.Shape))
	}
	if len(rows) == 0 {
		return dst, nil
	}
	g, err := m.program(backend.Uint8, bundle.PackedCode)
	if err != nil {
		return dst, err
	}
	input := backend.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(len(rows) / size)}, m.manifest.Input.Shape...), Data: rows}
	return run(ctx, g, bundle.PackedCode, dst, input)
}
