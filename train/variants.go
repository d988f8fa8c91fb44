package train

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/export"
)

// The rows that variants are calibrated on and compared on, at most.
const (
	calibrationRows = 4096
	comparedRows    = 10_000
)

// VariantRows reads the rows that variants are made with: the first of the training split to calibrate on, those of the test
// split to compare on, or the training split's last where a source keeps none apart. Floats are rounded to bytes.
func VariantRows(source string, o dataset.Options) (export.Rows, error) {
	o.Split = dataset.Train
	set, err := dataset.Load(source, o)
	if err != nil {
		return export.Rows{}, err
	}
	rows := export.Rows{Fingerprint: set.Fingerprint(), HeldOutIs: "test split"}
	held := set
	if dataset.HasSplits(source) {
		o.Split = dataset.Test
		if held, err = dataset.Load(source, o); err != nil {
			return rows, err
		}
		held = held.Slice(0, min(held.Len(), comparedRows))
	} else {
		n := min(max(set.Len()/6, 1), comparedRows)
		if set.Len() < 2 {
			return rows, fmt.Errorf("train: %s has %d rows: variants want some to calibrate on and others to compare on: %w", source, set.Len(), dataset.ErrData)
		}
		rows.HeldOutIs = "last rows of the training split"
		set, held = set.Slice(0, set.Len()-n), set.Slice(set.Len()-n, set.Len())
	}
	rows.Calibration = bytesOf(set.Slice(0, min(set.Len(), calibrationRows)))
	rows.HeldOut = bytesOf(held)
	return rows, nil
}

// bytesOf returns rows as bytes.
func bytesOf(set *dataset.Set) []byte {
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
			out = append(out, byte(math.RoundToEven(float64(255*x))))
		}
	}
	return out
}
