package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Source reads the next rows into dst, as many as it holds or as are left, and returns their number: 0 and io.EOF at the
// end. The methods Floats and Bytes of dataset's readers are sources.
//
// Where decode is not nil, dst holds the rows only once decode has returned. It is called once, by any goroutine, while
// later reads go on: one goroutine reads, many decode. It returns an error for each bad row, in order; bad rows are zeros in
// dst. The source itself is called by one goroutine at a time.
type Source[T Value] func(dst []T) (rows int, decode func() (bad []error, err error), err error)

// A BadRowError is an error about one row, after which its source can be read on: dataset.ValueError is one.
type BadRowError interface {
	error
	BadRow() int // the row of the source, from 0
}

// DefaultBatch is how many rows go through a graph at once where nobody chose. Batches of large rows are smaller: see
// [BatchOf].
const DefaultBatch = 512

// maxInFlight bounds the bytes of the batches that a stream holds.
const maxInFlight = 64 << 20

// BatchOf returns the batch that is right for rows of so many bytes, input and result together, and so many callers:
// DefaultBatch, or fewer where the batches in flight would pass 64 MiB.
func BatchOf(rowBytes, callers int) int {
	return max(1, min(DefaultBatch, maxInFlight/(inFlight(callers)*max(rowBytes, 1))))
}

// inFlight is how many batches are in memory: one for each caller, one that waits for each, and one that is read.
func inFlight(callers int) int { return 2*callers + 1 }

// A Stage is a part of a stream.
type Stage int

// The stages of a stream, each with its goroutines: one reads, callers decode and run graphs, and the caller of [Stream]
// writes.
const (
	StageRead Stage = iota
	StageDecode
	StageRun
	StageWrite
)

// String returns the stage's name: "read", "decode", "run" or "write".
func (s Stage) String() string { return [...]string{"read", "decode", "run", "write"}[s] }

// StreamOptions change how fast a stream is, not what comes out. The zero value is the default.
type StreamOptions struct {
	// Batch is the number of rows of one run; 0 means what [BatchOf] says.
	Batch int
	// Callers is the number of goroutines that decode and run graphs; 0 means one a core. Each run takes as many threads as
	// the backend was opened with: one is best for many callers.
	Callers int
	// First is the number of the source's next row, and Rows how many are read at most; 0 means all.
	First, Rows int
	// Observe is called with the time that each stage took for each batch, from several goroutines. It may be nil.
	Observe func(stage Stage, rows int, took time.Duration)
}

// Results are what a stream made of some rows that follow each other.
type Results[U Value] struct {
	First  int // the first row's number
	Rows   int
	Values []U     // row after row; zeros for bad rows. The slice is the receiver's only until it returns.
	Bad    []error // a [BadRowError] for each bad row, in order
}

// Stream reads rows from source, runs the task on them, and hands the results to write, in order. It returns the number of
// rows.
//
//	            ┌─> caller ─┐
//	reader ─────┼─> caller ─┼──> writer
//	            └─> caller ─┘
//
// One goroutine reads, callers decode and run graphs, the goroutine that called Stream writes, so that reading and writing
// take no time from the graphs. Batches are cut at multiples of the batch, and the last one is padded. At most 2·callers+1
// batches are in memory, and their memory is used again and again, however many rows there are.
//
// The first error ends the stream, ctx.Err() where ctx is done; bad rows do not. Values of floats that the manifest's range
// does not contain make a row bad, whatever the source says of it. An error of the model or the options wraps [ErrInput],
// [ErrVariant] or [ErrClosed]; those of source and write are passed on as they are.
func Stream[T, U Value](ctx context.Context, task Task[T, U], source Source[T], o StreamOptions, write func(Results[U]) error) (int, error) {
	s, err := newStream(ctx, task, source, o)
	if err != nil {
		return 0, err
	}
	defer s.close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(s.work)
		defer close(s.ordered)
		return s.read(ctx)
	})
	for range s.o.Callers {
		group.Go(func() error { return s.call(ctx) })
	}
	total, err := s.write(ctx, write)
	if err != nil {
		group.Go(func() error { return err }) // ends the others
	}
	return total, group.Wait()
}

// stream is a running Stream.
type stream[T, U Value] struct {
	task    Task[T, U]
	source  Source[T]
	o       StreamOptions
	batches []*batch[T, U]
	// A batch goes from free to work and ordered, and back to free. Each channel has room for all batches.
	free, work, ordered chan *batch[T, U]
}

// A batch is what travels through a stream.
type batch[T, U Value] struct {
	*slot[T, U]
	first, rows int
	decode      func() ([]error, error)
	bad         []error
	done        chan struct{} // gets a token when out is there
}

// newStream fills in the options and makes the memory of all batches.
func newStream[T, U Value](ctx context.Context, task Task[T, U], source Source[T], o StreamOptions) (*stream[T, U], error) {
	if o.Callers == 0 {
		o.Callers = goruntime.GOMAXPROCS(0)
	}
	if o.Batch == 0 {
		o.Batch = BatchOf(task.In*sizeOf[T]()+task.Out*sizeOf[U](), o.Callers)
	}
	if o.Batch < 1 || o.Callers < 1 || o.Callers > 1024 || o.Rows < 0 {
		return nil, fmt.Errorf("runtime: %w: batches of %d rows, %d callers, %d rows: use a batch of 1 or more and 1 to 1024 callers", ErrInput, o.Batch, o.Callers, o.Rows)
	}
	n := inFlight(o.Callers)
	s := &stream[T, U]{
		task: task, source: source, o: o,
		free: make(chan *batch[T, U], n), work: make(chan *batch[T, U], n), ordered: make(chan *batch[T, U], n),
	}
	for range n {
		slot, err := task.open(ctx, o.Batch)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		b := &batch[T, U]{slot: slot, done: make(chan struct{}, 1)}
		s.batches = append(s.batches, b)
		s.free <- b
	}
	return s, nil
}

// sizeOf returns the bytes of a value.
func sizeOf[T Value]() int {
	if _, ok := any(*new(T)).(byte); ok {
		return 1
	}
	return 4
}

// close frees the batches' memory: all goroutines have ended.
func (s *stream[T, U]) close() error {
	var errs []error
	for _, b := range s.batches {
		errs = append(errs, b.close())
	}
	return errors.Join(errs...)
}

// time tells the observer how long a stage took since began.
func (s *stream[T, U]) time(stage Stage, rows int, began time.Time) {
	if s.o.Observe != nil {
		s.o.Observe(stage, rows, time.Since(began))
	}
}

// read fills free batches and sends each to the callers and, in order, to the writer.
func (s *stream[T, U]) read(ctx context.Context) error {
	for first := s.o.First; ; {
		n := s.o.Batch
		if s.o.Rows > 0 {
			n = min(n, s.o.First+s.o.Rows-first)
		}
		if n == 0 {
			return nil
		}
		var b *batch[T, U]
		select {
		case b = <-s.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		began := time.Now()
		rows, decode, err := s.source(b.in[:n*s.task.In])
		s.time(StageRead, rows, began)
		if rows == 0 && err == nil {
			return fmt.Errorf("runtime: the source gives neither rows nor an error")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if rows > 0 {
			b.first, b.rows, b.decode, b.bad = first, rows, decode, nil
			s.work <- b // neither blocks
			s.ordered <- b
		}
		if first += rows; err != nil {
			return nil
		}
	}
}

// call decodes batches and runs the task on them.
func (s *stream[T, U]) call(ctx context.Context) error {
	for b := range s.work {
		if err := s.decode(b); err != nil {
			return err
		}
		began := time.Now()
		if err := b.run(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("rows %d to %d: %w", b.first, b.first+b.rows-1, err)
		}
		s.time(StageRun, b.rows, began)
		b.done <- struct{}{}
	}
	return nil
}

// decode puts a batch's rows in place, finds bad ones, and pads.
func (s *stream[T, U]) decode(b *batch[T, U]) error {
	began := time.Now()
	if b.decode != nil {
		var err error
		if b.bad, err = b.decode(); err != nil {
			return err
		}
	}
	b.bad = badRows(s.task.limits, b.in[:b.rows*s.task.In], s.task.In, b.first, b.bad)
	clear(b.in[b.rows*s.task.In:])
	s.time(StageDecode, b.rows, began)
	return nil
}

// badRow returns the row that an error is about.
func badRow(err error) int {
	var bad BadRowError
	if errors.As(err, &bad) {
		return bad.BadRow()
	}
	return -1
}

// write waits for each batch in turn and hands its results on.
func (s *stream[T, U]) write(ctx context.Context, write func(Results[U]) error) (total int, err error) {
	for b := range s.ordered {
		select {
		case <-b.done:
		case <-ctx.Done():
			return total, ctx.Err()
		}
		began := time.Now()
		values := b.out[:b.rows*s.task.Out]
		for _, bad := range b.bad {
			i := badRow(bad) - b.first
			if i < 0 || i >= b.rows {
				return total, fmt.Errorf("runtime: rows %d to %d: the source says that row %d is bad: %w", b.first, b.first+b.rows-1, badRow(bad), bad)
			}
			clear(values[i*s.task.Out:][:s.task.Out])
		}
		if err := write(Results[U]{First: b.first, Rows: b.rows, Values: values, Bad: b.bad}); err != nil {
			return total, err
		}
		s.time(StageWrite, b.rows, began)
		total += b.rows
		s.free <- b
	}
	return total, nil
}
