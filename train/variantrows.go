package train

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
)

// The rows that variants are calibrated on and compared on, at most.
const (
	calibrationRows = 4096
	comparedRows    = 10_000
	mostBytes       = 1 << 26 // of either
)

// atMost returns the first rows of a set.
func atMost(set *dataset.Set, rows int) *dataset.Set {
	return set.Slice(0, min(set.Len(), rows, max(1, mostBytes/set.RowSize())))
}

// VariantRows reads the rows that variants are made with: the first of the training split to calibrate on, those of the test
// split to compare on. Where a source has no test split, those are the rows that were held out for validation, or the
// last sixth. Floats are rounded to bytes.
func (t Trained) VariantRows(ctx context.Context, source string) (writer.VariantRows, error) {
	values, err := t.Config.Values()
	if err != nil {
		return writer.VariantRows{}, err
	}
	o := dataset.Options{Split: dataset.Train, Seed: t.Config.Seed, Image: t.Config.Data.Image(), Values: values, Table: t.Config.Data.Table.options()}
	set, err := dataset.Load(ctx, source, o)
	if err != nil {
		return writer.VariantRows{}, err
	}
	if set.RowSize() != t.Model.Width() {
		return writer.VariantRows{}, fmt.Errorf("train: %w: the rows of %s have the shape %v, the model takes %v", runtime.ErrInput, source, set.Shape, t.Model.Input)
	}
	rows := writer.VariantRows{Fingerprint: set.Fingerprint(), HeldOutIs: "test split"}
	held := set
	splits, err := dataset.HasSplits(source)
	if err != nil {
		return rows, err
	}
	if splits {
		o.Split = dataset.Test
		if held, err = dataset.Load(ctx, source, o); err != nil {
			return rows, err
		}
	} else {
		rows.HeldOutIs = "validation rows"
		n := t.Config.Data.Validation
		if n <= 0 || n >= set.Len() {
			n, rows.HeldOutIs = max(set.Len()/6, 1), "last sixth of the rows"
		}
		if n == set.Len() {
			return rows, fmt.Errorf("train: %s has %d rows: variants need some to calibrate on and others to compare on: %w", source, n, dataset.ErrData)
		}
		set, held = set.Slice(0, set.Len()-n), set.Slice(set.Len()-n, set.Len())
	}
	rows.Calibration, rows.HeldOut = bytesOf(atMost(set, calibrationRows), values), bytesOf(atMost(held, comparedRows), values)
	return rows, nil
}

// bytesOf returns rows as bytes; floats become the nearest ones.
func bytesOf(set *dataset.Set, values dist.Values) []byte {
	size := set.RowSize()
	out := make([]byte, 0, set.Len()*size)
	row := make([]float32, size)
	for i := range set.Len() {
		if b := set.Bytes(i); b != nil {
			out = append(out, b...)
			continue
		}
		set.Row(i, row)
		for _, x := range row {
			out = append(out, values.Nearest(x))
		}
	}
	return out
}
