package train

import (
	"context"
	"fmt"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/projection"
)

// checkUntrained reports a run without steps of networks that need some.
func (c Config) checkUntrained() error {
	if c.Epochs > 0 || c.Steps > 0 || builder.Fitted(c.Encoder.Network) && builder.Fitted(c.Decoder.Network) {
		return nil
	}
	encoders, decoders := builder.FittedKinds()
	return fmt.Errorf("train: epochs is 0, and encoder.kind %s with decoder.kind %s is to be trained: set epochs to 1 or more, or encoder.kind to a fitted network (%s) and decoder.kind likewise (%s): %w",
		c.Encoder.Kind(), c.Decoder.Kind(), strings.Join(encoders, ", "), strings.Join(decoders, ", "), ErrConfig)
}

// fit computes the fitted networks from training rows, evenly taken, before the first step.
func (r *run) fit(ctx context.Context) error {
	if !builder.Fitted(r.trained.Model.Encoder) {
		return nil
	}
	taken := projection.Evenly(r.training.Len(), r.trained.Model.FitRows(r.training.RowSize()))
	rows := builder.Rows{Count: len(taken), Width: r.training.RowSize()}
	rows.Values = make([]float32, rows.Count*rows.Width)
	for i, row := range taken {
		r.training.Row(row, rows.Values[i*rows.Width:][:rows.Width])
	}
	r.options.Log(fmt.Sprintf("fitting %s to %d of the training rows", r.trained.Model.Encoder.Kind(), rows.Count))
	if err := r.trained.Model.Fit(ctx, r.trained.Params, rows, r.config.Seed); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	return nil
}
