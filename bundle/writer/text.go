package writer

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// A Text is an embedder that a bundle is written with: see package runtime/embed.
type Text struct {
	Identity  bundle.Embedder
	Pooled    []byte // the model with its pooling
	Tokenizer []byte // tokenizer.json
}

// describe checks that an embedder fits a model, and writes it into the manifest.
func (t *Text) describe(m *bundle.Manifest) error {
	if t == nil {
		return nil
	}
	if e := m.Input.Embedder; e != nil && e.Differs(t.Identity) != "" {
		return fmt.Errorf("writer: the model was trained on embeddings of another embedder: %s: %w", e.Differs(t.Identity), backend.ErrInput)
	}
	if t.Identity.Width != m.Input.RowSize() || len(m.Input.Shape) != 1 {
		return fmt.Errorf("writer: the embedder makes rows of %d numbers, the model takes %v: %w", t.Identity.Width, m.Input.Shape, backend.ErrInput)
	}
	if v := m.Input.Values(); v.Numbers != 1 || v.Mean != 0 || v.Deviation != 1 {
		return fmt.Errorf("writer: the model takes numbers divided by %g, less %g, divided by %g: an embedder before it needs a model that takes them as they are: %w", v.Numbers, v.Mean, v.Deviation, backend.ErrInput)
	}
	m.Input.Embedder = &t.Identity
	return nil
}

// add adds the embedder, with the encoder and the threshold behind it in one graph.
func (t *Text) add(ctx context.Context, m *bundle.Manifest, content map[string][]byte, on backend.Backend) error {
	if t == nil {
		return nil
	}
	outputs := []string{bundle.LatentLogits, bundle.PackedCode}
	for _, o := range m.OutputsOf(bundle.EncoderFile, bundle.ThresholdFile) {
		outputs = append(outputs, o.Name)
	}
	graph, err := onnxcompose.Embedded(t.Pooled, content[bundle.EncoderFile], content[bundle.ThresholdFile], bundle.Sample, outputs...)
	if err != nil {
		return fmt.Errorf("writer: %s: %w: %w", bundle.TextFile, err, backend.ErrInput)
	}
	if err := verifyText(ctx, graph, content[bundle.EncoderFile], on); err != nil {
		return fmt.Errorf("writer: %s: %w", bundle.TextFile, err)
	}
	for name, data := range map[string][]byte{bundle.TextFile: graph, bundle.TokenizerFile: t.Tokenizer} {
		content[name], m.Files[name] = data, bundle.Hash(data)
	}
	return nil
}

// verifyText compares the logits of a graph that begins with tokens with those of the encoder, from the embeddings that it gives itself.
func verifyText(ctx context.Context, graph, encoder []byte, on backend.Backend) error {
	whole, err := backend.Load(ctx, on, graph, bundle.TextFile)
	if err != nil {
		return err
	}
	defer whole.Close()
	part, err := backend.Load(ctx, on, encoder, bundle.EncoderFile)
	if err != nil {
		return err
	}
	defer part.Close()
	shape := []int64{2, 3}
	var in []onnxtensor.Tensor
	for _, input := range whole.Inputs() {
		values := []int64{0, 0, 0, 0, 0, 0} // token 0 is one of every model's
		if input.Name == onnxcompose.AttentionMask {
			values = []int64{1, 1, 1, 1, 1, 0}
		}
		in = append(in, onnxtensor.Tensor{Name: input.Name, Shape: shape, Data: values})
	}
	out, err := whole.Run(ctx, in...)
	if err != nil {
		return err
	}
	out[0].Name = bundle.Sample
	logits, err := part.Run(ctx, out[0])
	if err != nil {
		return err
	}
	got, want := out[1].Data.([]float32), logits[0].Data.([]float32)
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-4*max(1, math.Abs(float64(want[i])))) {
			return fmt.Errorf("logit %d is %g, the encoder gives %g: %w", i, got[i], want[i], ErrVerification)
		}
	}
	return nil
}
