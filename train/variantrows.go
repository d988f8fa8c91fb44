package train

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dataset"
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

// VariantRows reads the rows that variants are made with: the first of those trained on to calibrate on, those of the test split to
// compare on. Where a source has no test split, those are the rows that the run held out, or that its configuration would hold
// out of other data. Floats are rounded to bytes where the model takes pixels. Bad rows are passed over, as many as the run did.
func (t Trained) VariantRows(ctx context.Context, source string) (writer.VariantRows, error) {
	var rows writer.VariantRows
	maxBad, err := BadRows(t.dir)
	if err != nil {
		return rows, err
	}
	c, err := t.Config.withHoldout(source)
	if err != nil {
		return rows, err
	}
	values, err := c.Values()
	if err != nil {
		return rows, err
	}
	o := c.reading(dataset.Train, values, maxBad)
	o.Shape = t.Model.Input
	set, err := dataset.Load(ctx, source, o)
	if err != nil {
		return rows, err
	}
	if set.RowSize() != t.Model.Width() {
		return rows, fmt.Errorf("train: %w: the rows of %s have the shape %v, the model takes %v", runtime.ErrInput, source, set.Shape, t.Model.Input)
	}
	rows.Fingerprint, rows.HeldOutIs = set.Fingerprint(), "test split"
	splits, err := dataset.HasSplits(source)
	if err != nil {
		return rows, err
	}
	training, held := set, set
	if splits {
		o.Split = dataset.Test
		if held, err = dataset.Load(ctx, source, o); err != nil {
			return rows, err
		}
	} else if training, held, rows.HeldOutIs, err = t.variantSplit(c, set); err != nil {
		return rows, err
	}
	inBytes := variant.InBytes(bundle.InputOf(values))
	rows.Calibration, rows.HeldOut = rowsOf(atMost(training, calibrationRows), inBytes), rowsOf(atMost(held, comparedRows), inBytes)
	return rows, nil
}

// variantSplit takes rows apart that have no splits of their own.
func (t Trained) variantSplit(c Config, set *dataset.Set) (training, held *dataset.Set, what string, err error) {
	if t.dir != "" {
		s, ok, err := SplitOf(t.dir, set)
		if err != nil || ok && s.HeldOut != nil {
			return s.Training, s.HeldOut, "held-out rows", err
		}
	}
	what = "held-out rows"
	n := c.heldRows(set.Len())
	if n <= 0 || n >= set.Len() {
		n, what = max(set.Len()/6, 1), "sixth of the rows"
	}
	if n == set.Len() {
		return nil, nil, "", fmt.Errorf("train: %s has %d rows: variants need some to calibrate on and others to compare on: %w", set.Source, n, dataset.ErrData)
	}
	trained, out := c.holdOut(set, n)
	return set.Select(trained), set.Select(out), what, nil
}

// rowsOf returns rows for variants: bytes, where floats become the nearest ones, or numbers where no bytes hold them.
func rowsOf(set *dataset.Set, inBytes bool) (rows variant.Rows) {
	row := make([]float32, set.RowSize())
	for i := range set.Len() {
		b := set.Bytes(i)
		switch {
		case !inBytes:
			set.Row(i, row)
			rows.Numbers = append(rows.Numbers, row...)
		case b != nil:
			rows.Bytes = append(rows.Bytes, b...)
		default:
			set.Row(i, row)
			for _, x := range row {
				rows.Bytes = append(rows.Bytes, set.Values().Nearest(x))
			}
		}
	}
	return rows
}
