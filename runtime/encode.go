package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
)

// EncodeBytes appends the packed codes of rows of bytes to dst, [bundle.Latent.PackedBytes] bytes a row. The codes are
// those that [Model.Encode] gives of the bytes times the manifest's scale, bit for bit.
//
// Encoder and threshold run as one graph, which is made at the first call: a quarter of the memory goes in, packed bytes
// come out, and neither floats nor logits cross the border.
func (m *Model) EncodeBytes(ctx context.Context, dst, rows []byte) ([]byte, error) {
	size := m.manifest.Input.RowSize()
	if len(rows)%size != 0 {
		return dst, fmt.Errorf("runtime: %w: %d bytes are no whole number of rows of %d: the model takes rows of shape %s", ErrInput, len(rows), size, shapeText(m.manifest.Input.Shape))
	}
	if len(rows) == 0 {
		return dst, nil
	}
	g, err := m.bytesToCodes()
	if err != nil {
		return dst, err
	}
	input := bundle.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(len(rows) / size)}, m.manifest.Input.Shape...), Data: rows}
	return run(ctx, g, bundle.PackedCode, dst, input)
}

// bytesToCodes returns the graph from bytes to packed codes.
func (m *Model) bytesToCodes() (Graph, error) {
	m.stitched.Lock()
	defer m.stitched.Unlock()
	switch {
	case m.closed:
		return nil, fmt.Errorf("runtime: %w", ErrClosed)
	case m.stitched.graph != nil:
		return m.stitched.graph, nil
	}
	scale := m.manifest.Input.Scale
	if !(scale > 0) {
		return nil, fmt.Errorf("runtime: %w: the model's manifest does not say how bytes are scaled: give floats", ErrInput)
	}
	whole, err := onnxcompose.Chain(m.graphs[bundle.EncoderFile], m.graphs[bundle.ThresholdFile], bundle.PackedCode)
	if err == nil {
		whole, err = onnxcompose.FromBytes(whole, m.manifest.Input.Name, scale)
	}
	if err != nil {
		return nil, fmt.Errorf("runtime: encoder and threshold as one: %w", err)
	}
	m.stitched.graph, err = m.backend.Load(whole, "encoder and threshold")
	return m.stitched.graph, err
}
