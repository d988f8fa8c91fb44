package batcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// double is a run of two outputs: each byte plus one, and the first byte of each row.
func double(width int) Run {
	return func(_ context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
		if len(rows) != n*width {
			return nil, fmt.Errorf("%d bytes are no %d rows", len(rows), n)
		}
		results := make([][]byte, 2)
		if want&1 != 0 {
			results[0] = make([]byte, len(rows))
			for i, b := range rows {
				results[0][i] = b + 1
			}
		}
		if want&2 != 0 {
			for i := range n {
				results[1] = append(results[1], rows[i*width])
			}
		}
		return results, nil
	}
}

func options(run Run) Options {
	return Options{RowBytes: 4, Sizes: []int{1, 2, 4, 8}, QueueRows: 64, Slots: NewSlots(2), Run: run}
}

// Requests of all sizes, at once, get what each would get alone.
func TestDo(t *testing.T) {
	var rows, batches atomic.Int64
	o := options(double(4))
	o.QueueRows = 1 << 20
	o.Observe = func(x Batch) { rows.Add(int64(x.Rows)); batches.Add(1) }
	b := New(o)
	var wg sync.WaitGroup
	total := 0
	for i := range 200 {
		n := 1 + i%19
		total += n
		wg.Go(func() {
			in := make([]byte, 4*n+1)[1:] // not aligned
			for j := range in {
				in[j] = byte(rand.Uint32())
			}
			want := uint32(1 + i%3)
			got, err := b.Do(t.Context(), in, want)
			alone, _ := double(4)(t.Context(), in, n, want)
			if err != nil || !slices.EqualFunc(got.Outputs, alone, bytes.Equal) {
				t.Errorf("%d rows, outputs %b: got %v (%v), alone %v", n, want, got.Outputs, err, alone)
			}
		})
	}
	wg.Wait()
	if rows.Load() != int64(total) {
		t.Errorf("%d rows ran in %d batches, %d were given", rows.Load(), batches.Load(), total)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.Do(t.Context(), make([]byte, 4), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// One request's error is its own.
func TestErrorsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad row")
		o := options(func(ctx context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
			time.Sleep(time.Second)
			if bytes.IndexByte(rows, 99) >= 0 {
				return nil, bad
			}
			if bytes.IndexByte(rows, 98) >= 0 {
				panic("a fault")
			}
			return double(4)(ctx, rows, n, want)
		})
		o.Slots = NewSlots(1)
		b := New(o)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				in := []byte{byte(i), 0, 0, 0}
				if i == 5 {
					in[3] = 99
				}
				if i == 6 {
					in[3] = 98
				}
				_, err := b.Do(t.Context(), in, 1)
				if (err != nil) != (i == 5 || i == 6) || i == 5 && !errors.Is(err, bad) {
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	})
}

// A full queue is ErrBusy, a request that gives up leaves it, and what was taken is finished by Close.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		o := options(func(ctx context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
			runs += n
			time.Sleep(time.Second)
			return double(4)(ctx, rows, n, want)
		})
		o.Slots, o.QueueRows = NewSlots(1), 8
		b := New(o)
		row := func(n int) []byte { return make([]byte, 4*n) }
		var wg sync.WaitGroup
		do := func(ctx context.Context, n int, want error) {
			wg.Go(func() {
				if _, err := b.Do(ctx, row(n), 1); !errors.Is(err, want) {
					t.Errorf("%d rows: %v, want %v", n, err, want)
				}
			})
			synctest.Wait()
		}
		do(t.Context(), 8, nil) // runs
		leaves, leave := context.WithCancel(t.Context())
		do(leaves, 5, context.Canceled)
		do(t.Context(), 4, ErrBusy)
		if b.Waiting() != 5 {
			t.Errorf("%d rows wait", b.Waiting())
		}
		leave()
		synctest.Wait()
		do(t.Context(), 4, nil)
		do(t.Context(), 4, nil)
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if runs != 16 {
			t.Errorf("%d rows ran: those of a request that left cost nothing", runs)
		}
	})
}

// A lone request does not wait; while another runs, a batch waits for the delay, or until it is full.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(ctx context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
			time.Sleep(time.Second)
			return double(4)(ctx, rows, n, want)
		})
		o.Delay = 100 * time.Millisecond
		b := New(o)
		began := time.Now()
		var wg sync.WaitGroup
		do := func(n int, want time.Duration) {
			wg.Go(func() {
				if _, err := b.Do(t.Context(), make([]byte, 4*n), 1); err != nil || time.Since(began) != want {
					t.Errorf("%d rows took %v (%v), want %v", n, time.Since(began), err, want)
				}
			})
			synctest.Wait()
		}
		do(1, time.Second)
		do(1, 1100*time.Millisecond)
		time.Sleep(50 * time.Millisecond)
		do(1, 1100*time.Millisecond)
		wg.Wait()
		began = time.Now()
		do(1, time.Second)
		do(3, time.Second)
		do(5, time.Second) // is full with the others
		wg.Wait()
	})
}

// Close interrupts what does not end in time.
func TestCloseInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(ctx context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		o.QueueRows = 1000
		b := New(o)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := b.Do(t.Context(), make([]byte, 32), 1); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wg.Wait()
	})
}

func BenchmarkDo(bench *testing.B) {
	b := New(options(double(4)))
	bench.ReportAllocs()
	bench.RunParallel(func(p *testing.PB) {
		in := make([]byte, 4)
		for p.Next() {
			if _, err := b.Do(context.Background(), in, 1); err != nil {
				bench.Fatal(err)
			}
		}
	})
}

// What fills up a batch is a row that was asked for, so that a model which refuses rows of zeros, as those of vectors do, refuses none that nobody sent.
func TestFilledUp(t *testing.T) {
	b := New(options(func(ctx context.Context, rows []byte, n int, want uint32) ([][]byte, error) {
		for row := range slices.Chunk(rows, 4) {
			if !bytes.Equal(row, []byte{1, 2, 3, 4}) && !bytes.Equal(row, []byte{5, 6, 7, 8}) {
				return nil, fmt.Errorf("nobody sent the row %v", row)
			}
		}
		return double(4)(ctx, rows, n, want)
	}))
	for n := 1; n < 8; n++ {
		if _, err := b.Do(t.Context(), bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8}, n)[:4*n], 1); err != nil {
			t.Errorf("%d rows: %v", n, err)
		}
	}
}
