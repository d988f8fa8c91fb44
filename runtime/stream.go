package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// A ByteSource streams rows of bytes: dataset.ByteReader is one. NextBytes fills a row and returns io.EOF after the last.
type ByteSource interface {
	NextBytes(row []byte) (label int, err error)
}

// A batch is what travels through a stream: its memory is used again once it has been written.
type batch struct {
	first int // row
	rows  []byte
	codes []byte
	done  chan struct{} // closed when codes are there
}

// EncodeStream reads rows of bytes from source and hands their packed codes to write, in order, with the number of the
// first row of each. The slice is write's only until it returns. It returns the number of rows.
//
//	            ┌─> caller ─┐
//	reader ─────┼─> caller ─┼──> writer
//	            └─> caller ─┘
//
// One goroutine reads, some encode, the caller's own writes, so that reading and writing cost no time beside encoding.
// Batches are cut at multiples of batch, so that a row's neighbours never depend on how fast anybody is. At most
// 2·callers+1 batches are in memory, however many rows there are. The first error ends the stream.
func (m *Model) EncodeStream(ctx context.Context, source ByteSource, rows, callers int, write func(first int, codes []byte) error) (int, error) {
	if rows < 1 || callers < 1 || callers > 1024 {
		return 0, fmt.Errorf("runtime: %w: batches of %d rows and %d callers: use 1 or more", ErrInput, rows, callers)
	}
	group, ctx := errgroup.WithContext(ctx)
	inFlight := 2*callers + 1
	free, work, ordered := make(chan *batch, inFlight), make(chan *batch, inFlight), make(chan *batch, inFlight)
	for range inFlight {
		free <- &batch{rows: make([]byte, 0, rows*m.manifest.Input.RowSize())}
	}
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		return m.readBatches(ctx, source, rows, free, work, ordered)
	})
	for range callers {
		group.Go(func() error {
			for b := range work {
				var err error
				if b.codes, err = m.EncodeBytes(ctx, b.codes[:0], b.rows); err != nil {
					return fmt.Errorf("rows from %d: %w", b.first, err)
				}
				close(b.done)
			}
			return nil
		})
	}
	total, err := m.writeBatches(ctx, free, ordered, write)
	if err != nil {
		group.Go(func() error { return err }) // ends the others
	}
	return total, group.Wait()
}

// readBatches fills free batches and sends each to the callers and, in order, to the writer.
func (m *Model) readBatches(ctx context.Context, source ByteSource, rows int, free <-chan *batch, work, ordered chan<- *batch) error {
	size := m.manifest.Input.RowSize()
	for first := 0; ; {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		b.first, b.done = first, make(chan struct{})
		n := 0
		var err error
		for b.rows = b.rows[:0]; n < rows; n++ {
			b.rows = b.rows[:(n+1)*size]
			if _, err = source.NextBytes(b.rows[n*size:]); err != nil {
				b.rows = b.rows[:n*size]
				break
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			work <- b // neither blocks: there is room for every batch
			ordered <- b
		}
		if first += n; err != nil {
			return nil
		}
	}
}

// writeBatches waits for each batch in turn and writes it.
func (m *Model) writeBatches(ctx context.Context, free chan<- *batch, ordered <-chan *batch, write func(first int, codes []byte) error) (total int, err error) {
	size := m.manifest.Input.RowSize()
	for b := range ordered {
		select {
		case <-b.done:
		case <-ctx.Done():
			return total, ctx.Err()
		}
		if err := write(b.first, b.codes); err != nil {
			return total, err
		}
		total = b.first + len(b.rows)/size
		free <- b
	}
	return total, nil
}
