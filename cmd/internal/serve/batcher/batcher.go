package batcher

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sort"
	"sync"
	"time"
	"unsafe"
)

// ErrBusy is the error of a request that finds the queue full.
var ErrBusy = errors.New("too many rows wait already: try again later")

// ErrClosed is the error of a request after [Batcher.Close].
var ErrClosed = errors.New("the batcher is closed")

// A Run computes rows, one after the other in one piece of memory, which is aligned for float32. want has bit i set where output i is
// asked for. It returns one slice for each output, nil for those that nobody wants, each with as many bytes for every row. The results
// are the batcher's from then on; rows are read only during the call.
type Run func(ctx context.Context, rows []byte, n int, want uint32) (results [][]byte, err error)

// Options say how a batcher works.
type Options struct {
	RowBytes int   // of a row, at least 1
	Sizes    []int // the numbers of rows that Run is called with, ascending; the last is the largest batch

	Delay     time.Duration // how long a batch that is not full waits for rows while another runs
	QueueRows int           // how many rows may wait; a request of more is taken where nothing waits
	Slots     Slots         // how many batches run at once; shared by batchers
	Run       Run

	// Observe is called after each run. It may be nil. It must not block.
	Observe func(Batch)
}

// Slots bound how many batches run at once.
type Slots chan struct{}

// NewSlots returns n slots.
func NewSlots(n int) Slots { return make(Slots, n) }

// A Batch says what was run at once.
type Batch struct {
	Rows, Requests int // without the rows that fill up
	Size           int // with them
	Gather, Took   time.Duration
	Err            error
}

// A Result is what a request gets.
type Result struct {
	Outputs [][]byte // one for each output, nil where it was not wanted
	// Queued is how long the request waited, Gather how long its batch was put together, Took how long it ran, Batch how many rows ran.
	Queued, Gather, Took time.Duration
	Batch                int
}

// A Batcher joins requests. It is safe for concurrent use.
type Batcher struct {
	o       Options
	ctx     context.Context
	stop    context.CancelFunc
	buffers []sync.Pool // of []float32, one for each of Sizes

	mu      sync.Mutex
	queue   []*request
	waiting int           // rows in queue
	runners int           // goroutines that look at the queue
	running int           // batches under way
	full    chan struct{} // gets a token when a whole batch waits
	idle    *sync.Cond    // when runners falls to 0
	closed  bool
}

// request is one call of Do.
type request struct {
	ctx    context.Context
	rows   []byte
	n      int
	want   uint32
	came   time.Time
	result Result
	err    error
	done   chan struct{}
}

// New returns a batcher.
func New(o Options) *Batcher {
	b := &Batcher{o: o, full: make(chan struct{}, 1), buffers: make([]sync.Pool, len(o.Sizes))}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.idle = sync.NewCond(&b.mu)
	return b
}

// Max returns the most rows of a batch.
func (b *Batcher) Max() int { return b.o.Sizes[len(b.o.Sizes)-1] }

// Waiting returns how many rows wait.
func (b *Batcher) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// Do computes rows, which are whole ones and at least one. want has a bit set for each wanted output. rows must not change before Do
// returns; afterwards nothing refers to it. Requests of more rows than a batch become several.
//
// The error is [ErrBusy], [ErrClosed], ctx's, or that of the run.
func (b *Batcher) Do(ctx context.Context, rows []byte, want uint32) (Result, error) {
	most := b.Max() * b.o.RowBytes
	if len(rows) <= most {
		r := &request{ctx: ctx, rows: rows, n: len(rows) / b.o.RowBytes, want: want}
		if err := b.submit(r); err != nil {
			return Result{}, err
		}
		return r.wait(b)
	}
	var pieces []*request
	for len(rows) > 0 {
		piece := rows[:min(most, len(rows))]
		rows = rows[len(piece):]
		pieces = append(pieces, &request{ctx: ctx, rows: piece, n: len(piece) / b.o.RowBytes, want: want})
	}
	if err := b.submit(pieces...); err != nil {
		return Result{}, err
	}
	return b.join(pieces)
}

// join waits for all pieces of a request and puts their results together.
func (b *Batcher) join(pieces []*request) (all Result, err error) {
	for i, p := range pieces {
		part, failed := p.wait(b)
		if failed != nil && err == nil {
			err = failed
		}
		if err != nil {
			continue // the others' memory is in use until they are done
		}
		if i == 0 {
			all = part
			for j, o := range part.Outputs {
				if o != nil {
					all.Outputs[j] = append(make([]byte, 0, len(o)/p.n*b.Max()*len(pieces)), o...)
				}
			}
			continue
		}
		for j, o := range part.Outputs {
			all.Outputs[j] = append(all.Outputs[j], o...)
		}
		all.Took += part.Took
		all.Gather += part.Gather
	}
	return all, err
}

// submit puts requests into the queue, all or none.
func (b *Batcher) submit(list ...*request) error {
	now, rows := time.Now(), 0
	for _, r := range list {
		r.came, r.done = now, make(chan struct{})
		rows += r.n
	}
	if err := list[0].ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return ErrClosed
	case b.waiting > 0 && b.waiting+rows > b.o.QueueRows:
		return ErrBusy
	}
	b.queue = append(b.queue, list...)
	b.waiting += rows
	if b.waiting >= b.Max() {
		select {
		case b.full <- struct{}{}:
		default:
		}
	}
	if b.runners < cap(b.o.Slots) {
		b.runners++
		go b.work()
	}
	return nil
}

// wait returns a request's result. One that waits in the queue when its context is done leaves it.
func (r *request) wait(b *Batcher) (Result, error) {
	select {
	case <-r.done:
		return r.result, r.err
	case <-r.ctx.Done():
	}
	b.mu.Lock()
	for i, q := range b.queue {
		if q == r {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.waiting -= r.n
			b.mu.Unlock()
			return Result{}, r.ctx.Err()
		}
	}
	b.mu.Unlock()
	<-r.done
	return Result{}, r.ctx.Err()
}

// work runs batches until the queue is empty.
func (b *Batcher) work() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) > 0 {
		b.patience()
		b.mu.Unlock()
		b.o.Slots <- struct{}{} // more rows come meanwhile
		b.mu.Lock()
		b.yield()
		batch, rows := b.take()
		if len(batch) == 0 {
			<-b.o.Slots
			continue
		}
		b.running++
		b.mu.Unlock()
		b.run(batch, rows)
		<-b.o.Slots
		b.mu.Lock()
		b.running--
	}
	if b.runners--; b.runners == 0 {
		b.idle.Broadcast()
	}
}

// patience waits for a full batch, at most until the oldest request has waited for the delay, and only while another batch runs. The
// mutex is held before and after.
func (b *Batcher) patience() {
	for b.running > 0 && !b.closed && len(b.queue) > 0 && b.waiting < b.Max() {
		left := b.o.Delay - time.Since(b.queue[0].came)
		if left <= 0 {
			return
		}
		b.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-b.full:
		case <-timer.C:
		}
		timer.Stop()
		b.mu.Lock()
	}
}

// yield lets other goroutines run, as long as they bring rows: where the processor is the bottleneck, requests that have come are still on their
// way to the queue. Where nobody else can run it takes no time. The mutex is held before and after.
func (b *Batcher) yield() {
	for last := 0; b.waiting > last && b.waiting < b.Max(); {
		last = b.waiting
		b.mu.Unlock()
		for range yields {
			runtime.Gosched()
		}
		b.mu.Lock()
	}
}

// yields is how often others go first: those that can run, and those that the network has made able to.
const yields = 3

// take takes the oldest requests that fit into one batch out of the queue, and lets go of those whose context is done.
func (b *Batcher) take() (batch []*request, rows int) {
	taken := 0
	for _, r := range b.queue {
		if r.ctx.Err() == nil && rows+r.n > b.Max() {
			break
		}
		taken++
		b.waiting -= r.n
		if err := r.ctx.Err(); err != nil {
			r.err = err
			close(r.done)
			continue
		}
		batch = append(batch, r)
		rows += r.n
	}
	left := copy(b.queue, b.queue[taken:])
	clear(b.queue[left:])
	b.queue = b.queue[:left]
	return batch, rows
}

// run computes a batch and hands out the results. Where a batch of several fails, each is run alone: one request's bad row is not the
// others' fault.
func (b *Batcher) run(batch []*request, rows int) {
	began := time.Now()
	want := uint32(0)
	for _, r := range batch {
		r.result.Queued = began.Sub(r.came)
		want |= r.want
	}
	results, gather, took, err := b.compute(batch, rows, want)
	if err != nil && len(batch) > 1 && b.ctx.Err() == nil {
		for i, r := range batch {
			b.run(batch[i:i+1], r.n)
		}
		return
	}
	if b.o.Observe != nil {
		b.o.Observe(Batch{Rows: rows, Requests: len(batch), Size: b.o.Sizes[b.size(rows)], Gather: gather, Took: took, Err: err})
	}
	from := 0
	for _, r := range batch {
		r.result.Gather, r.result.Took, r.result.Batch, r.err = gather, took, rows, err
		if err == nil {
			r.result.Outputs = pieces(results, r.want, from, r.n, b.o.Sizes[b.size(rows)])
		}
		from += r.n
		close(r.done)
	}
}

// pieces returns a request's part of each output that it wants.
func pieces(results [][]byte, want uint32, from, n, size int) [][]byte {
	mine := make([][]byte, len(results))
	for i, all := range results {
		if want>>i&1 == 1 {
			width := len(all) / size
			mine[i] = all[from*width : (from+n)*width : (from+n)*width]
		}
	}
	return mine
}

// size returns which of the sizes holds so many rows.
func (b *Batcher) size(rows int) int { return sort.SearchInts(b.o.Sizes, rows) }

// compute runs the rows of a batch. A panic is an error: one request must not end the others.
func (b *Batcher) compute(batch []*request, rows int, want uint32) (results [][]byte, gather, took time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a run of %d rows panicked: %v\n%s", rows, p, debug.Stack())
		}
	}()
	began, which := time.Now(), b.size(rows)
	size := b.o.Sizes[which]
	in := batch[0].rows
	if len(batch) > 1 || size != rows || !Aligned(in) {
		memory := b.memory(which)
		defer b.buffers[which].Put(memory)
		in = gatherRows(Bytes(*memory)[:size*b.o.RowBytes], batch)
	}
	gather = time.Since(began)
	began = time.Now()
	results, err = b.o.Run(b.ctx, in, size, want)
	took = time.Since(began)
	if err == nil {
		err = whole(results, want, size)
	}
	return results, gather, took, err
}

// whole reports results that are not there, or not whole rows.
func whole(results [][]byte, want uint32, size int) error {
	for i := range 32 {
		if want>>i&1 == 1 && (i >= len(results) || len(results[i]) == 0 || len(results[i])%size != 0) {
			return fmt.Errorf("a run of %d rows gave no whole rows of output %d", size, i)
		}
	}
	return nil
}

// memory returns room for a batch of one of the sizes.
func (b *Batcher) memory(which int) *[]float32 {
	if m, ok := b.buffers[which].Get().(*[]float32); ok {
		return m
	}
	m := make([]float32, (b.o.Sizes[which]*b.o.RowBytes+3)/4)
	return &m
}

// gatherRows copies the rows of all requests behind each other, and the first of them again and again behind these: a row of zeros may be one that the model
// refuses, as those are that have no direction.
func gatherRows(dst []byte, batch []*request) []byte {
	at := 0
	for _, r := range batch {
		at += copy(dst[at:], r.rows)
	}
	first := batch[0].rows[:len(batch[0].rows)/batch[0].n]
	for at < len(dst) {
		at += copy(dst[at:], first)
	}
	return dst
}

// Close takes no more requests, and waits until all that were taken are done. When ctx is done first it interrupts them, and returns
// ctx's error when they have ended. It may be called twice.
func (b *Batcher) Close(ctx context.Context) error {
	defer b.stop()
	interrupt := context.AfterFunc(ctx, b.stop)
	defer interrupt()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	select {
	case b.full <- struct{}{}: // whoever is patient
	default:
	}
	for b.runners > 0 {
		b.idle.Wait()
	}
	return ctx.Err()
}

// Aligned reports memory that floats can be read from where it lies.
func Aligned(b []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))%unsafe.Alignof(float32(0)) == 0
}

// Bytes returns the memory of floats as bytes.
func Bytes(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}

// Floats returns aligned memory as floats.
func Floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
