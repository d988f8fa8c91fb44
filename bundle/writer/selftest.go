package writer

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// selfTest returns the codes of generated rows, as the verified graphs in content give them: see [bundle.SelfTest].
func selfTest(ctx context.Context, m bundle.Manifest, content map[string][]byte, b backend.Backend) (*bundle.SelfTest, error) {
	t := &bundle.SelfTest{Seed: bundle.SelfTestSeed, Rows: bundle.SelfTestRows}
	values, asBytes := m.Input.Generated(t.Seed, t.Rows)
	rows := onnxtensor.Tensor{Name: m.Input.Name, Shape: append([]int64{int64(t.Rows)}, m.Input.Shape...), Data: values}
	encoded, err := runOnce(ctx, b, content[bundle.EncoderFile], bundle.EncoderFile, rows)
	if err != nil {
		return nil, err
	}
	logits := encoded[bundle.LatentLogits]
	coded, err := runOnce(ctx, b, content[bundle.ThresholdFile], bundle.ThresholdFile, logits)
	if err != nil {
		return nil, err
	}
	t.Codes, _ = coded[bundle.PackedCode].Data.([]byte)
	t.Aside = aside(m.Latent, logits.Floats())
	for name, v := range m.Variants {
		if variant.Exact(name) {
			continue
		}
		if rows.Data = values; v.Input == bundle.Uint8 {
			rows.Data = asBytes
		}
		out, err := runOnce(ctx, b, content[v.File], v.File, rows)
		if err != nil {
			return nil, err
		}
		if t.Variants == nil {
			t.Variants = map[string]bundle.Hex{}
		}
		t.Variants[name], _ = out[bundle.PackedCode].Data.([]byte)
	}
	return t, nil
}

// aside marks the bits of packed codes that rounding may flip, and those behind the last one.
func aside(l bundle.Latent, logits []float64) bundle.Hex {
	latent, bits, width := l.Dist(), l.Bits(), l.PackedBytes()
	var marked bundle.Hex
	for ; len(logits) > 0; logits = logits[latent.Logits():] {
		row := make([]byte, width)
		near := latent.NearDecision(logits[:latent.Logits()], variant.Margin)
		for i := range 8 * width {
			if i >= bits || near[i] {
				row[i/8] |= 0x80 >> (i % 8)
			}
		}
		marked = append(marked, row...)
	}
	return marked
}

// runOnce loads a graph, runs it, and returns its outputs by their names.
func runOnce(ctx context.Context, b backend.Backend, model []byte, label string, in onnxtensor.Tensor) (map[string]onnxtensor.Tensor, error) {
	g, err := backend.Load(ctx, b, model, label)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	out, err := g.Run(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	named := map[string]onnxtensor.Tensor{}
	for _, t := range out {
		named[t.Name] = t
	}
	return named, nil
}
