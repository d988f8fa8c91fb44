package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
)

// CheckRows reports rows that the model does not take, as [Model.Logits] does, without running anything: an [ErrInput] that names the first
// bad row and column.
func (m *Model) CheckRows(rows []float32) error {
	_, err := checkRows(m, rows)
	return err
}

// CheckBytes is [Model.CheckRows] for rows of bytes, as [Model.EncodeBytes] takes them.
func (m *Model) CheckBytes(rows []byte) error {
	_, err := checkRows(m, rows)
	return err
}

// CheckCodes reports codes that the decoder does not take, as [Model.Decode] does, without running anything.
func (m *Model) CheckCodes(codes []float32) error { return m.checkCodes(codes) }

// CheckLogits reports latent logits of no whole rows, and NaN, of which the threshold would make a code without a word.
func (m *Model) CheckLogits(logits []float32) error {
	if err := m.wholeLogits(logits); err != nil {
		return err
	}
	n := m.latent.Logits()
	for i, x := range logits {
		if x != x {
			return fmt.Errorf("runtime: %w: row %d, column %d is NaN: logits are numbers", ErrInput, i/n, i%n)
		}
	}
	return nil
}

// ThresholdBoth appends the codes of latent logits to codes, as [Model.Codes] has them, and to packed, as [Model.Threshold] has them: one run
// gives both.
func (m *Model) ThresholdBoth(ctx context.Context, codes []float32, packed []byte, logits []float32) ([]float32, []byte, error) {
	if err := m.wholeLogits(logits); err != nil || len(logits) == 0 {
		return codes, packed, err
	}
	in := m.logitsTensor(logits)
	out, err := runGraph(ctx, m.threshold, in)
	if err != nil {
		return codes, packed, err
	}
	if codes, err = appendOutput(m.threshold, out, bundle.Code, codes, in.Shape[0]); err != nil {
		return codes, packed, err
	}
	packed, err = appendOutput(m.threshold, out, bundle.PackedCode, packed, in.Shape[0])
	return codes, packed, err
}

// DecodeBoth appends what [Model.Decode] gives of codes to reconstructions, and what [Model.DecodeLogits] gives to logits: one run gives both.
func (m *Model) DecodeBoth(ctx context.Context, reconstructions, logits, codes []float32) (_, _ []float32, err error) {
	if err := m.checkCodes(codes); err != nil || len(codes) == 0 {
		return reconstructions, logits, err
	}
	in := m.codeTensor(codes)
	out, err := runGraph(ctx, m.decoder, in)
	if err != nil {
		return reconstructions, logits, err
	}
	if reconstructions, err = appendOutput(m.decoder, out, bundle.Reconstruction, reconstructions, in.Shape[0]); err != nil {
		return reconstructions, logits, err
	}
	logits, err = appendOutput(m.decoder, out, bundle.ReconstructionLogits, logits, in.Shape[0])
	return reconstructions, logits, err
}
