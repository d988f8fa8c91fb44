package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// A RowSource streams rows: dataset.Reader is one. Next fills a row and returns io.EOF after the last.
type RowSource interface {
	Next(row []float32) (label int, err error)
}

// A BadRowError is an error about one row, after which its source can be read on: dataset.ValueError is one.
type BadRowError interface {
	error
	BadRow() int // the row, from 0
}

// DefaultBatch is how many rows go through a graph at once where nobody chose.
const DefaultBatch = 512

// EachBatch reads rows of the model's size from source, batch at a time, and hands them to f with the number of the first
// one. Batches are cut at multiples of batch, so that a row's neighbours never depend on anything but the source. The
// slice is f's only until it returns. It returns the number of rows.
//
// Each [BadRowError] is handed to bad. Where that returns nil the row stays in its place, as zeros, so that no other row
// moves; an error ends the reading, and so does every bad row where bad is nil.
func (m *Model) EachBatch(ctx context.Context, source RowSource, batch int, bad func(row int, err error) error, f func(first int, rows []float32) error) (int, error) {
	if batch <= 0 {
		return 0, fmt.Errorf("runtime: %w: a batch of %d rows: use 1 or more", ErrInput, batch)
	}
	size := m.manifest.Input.RowSize()
	buf := make([]float32, 0, batch*size)
	for first := 0; ; {
		if err := ctx.Err(); err != nil {
			return first, err
		}
		n := 0
		var err error
		for buf = buf[:0]; n < batch; n++ {
			buf = buf[:(n+1)*size]
			_, err = source.Next(buf[n*size:])
			var one BadRowError
			if bad != nil && errors.As(err, &one) {
				clear(buf[n*size:])
				err = bad(first+n, err)
			}
			if err != nil {
				break
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return first, err
		}
		if n > 0 {
			if err := f(first, buf[:n*size]); err != nil {
				return first, fmt.Errorf("rows %d to %d: %w", first, first+n-1, err)
			}
		}
		if first += n; err != nil {
			return first, nil
		}
	}
}
