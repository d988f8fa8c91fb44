package train

import (
	"errors"
	"sync"
	"time"

	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/train/engine"
)

// ahead makes the batches of the steps to come while the engine takes those before them.
//
// One goroutine walks through the calls of the run in their order: it waits for free memory, then hands the call to the makers, and to next
// in the same order. Makers fill the memory. So at most as many calls are made ahead as there is memory for, whoever is faster. The first
// error is that of its call, after those before it. Close stops all of them and waits.
type ahead struct {
	calls  chan *call // to next, in order
	free   chan []engine.Batch
	stop   chan struct{}
	ended  sync.WaitGroup
	once   sync.Once
	lent   []engine.Batch // what the last next returned
	until  int            // the step after the last one
	waited time.Duration
}

// A call is the steps of one call of the engine.
type call struct {
	step  int
	to    []engine.Batch
	order []int
	made  chan error
}

// errAheadClosed is what a program gets that asks for batches after Close.
var errAheadClosed = errors.New("train: batches after Close")

// makers returns how many goroutines make batches: half of the cores, since training has work for all of them, up to four.
func makers() int { return min(max(cores.Count()/2, 1), 4) }

// newAhead begins to make the batches of steps from, from+size(from) and so on, until size is 0. A call's steps are of one epoch, and at most
// atOnce.
func newAhead(b *batches, from, atOnce, makers int, size func(step int) int) *ahead {
	a := &ahead{calls: make(chan *call, makers+1), free: make(chan []engine.Batch, makers+2), stop: make(chan struct{})}
	for range cap(a.free) {
		a.free <- b.memory(atOnce)
	}
	jobs := make(chan *call)
	a.ended.Add(1 + makers)
	go func() {
		defer a.ended.Done()
		defer close(jobs)
		defer close(a.calls)
		a.walk(b, from, size, jobs)
	}()
	for range makers {
		go func() {
			defer a.ended.Done()
			f := new(filling)
			for c := range jobs {
				c.made <- c.fill(b, f)
			}
		}()
	}
	return a
}

// walk hands out calls until the run ends, or the making of them.
func (a *ahead) walk(b *batches, from int, size func(step int) int, jobs chan<- *call) {
	epoch, order := 0, []int(nil)
	for step, n := from, size(from); n > 0; n = size(step) {
		c := &call{step: step, made: make(chan error, 1)}
		select {
		case memory := <-a.free:
			c.to = memory[:n]
		case <-a.stop:
			return
		}
		if e, _ := b.epochOf(step); e != epoch {
			epoch, order = e, b.order(e)
		}
		c.order = order
		select { // next may wait for it before it is made
		case a.calls <- c:
		case <-a.stop:
			return
		}
		select {
		case jobs <- c:
		case <-a.stop:
			c.made <- errAheadClosed
			return
		}
		step += n
	}
}

func (c *call) fill(b *batches, f *filling) error {
	for i, to := range c.to {
		if err := b.fill(to, f, c.step+i, c.order); err != nil {
			return err
		}
	}
	return nil
}

// next returns the batches of the next call. They are valid until next is called again.
func (a *ahead) next() ([]engine.Batch, error) {
	if a.lent != nil {
		a.free <- a.lent[:cap(a.lent)]
		a.lent = nil
	}
	start := time.Now()
	defer func() { a.waited += time.Since(start) }()
	c, ok := <-a.calls
	if !ok {
		return nil, errAheadClosed
	}
	a.lent = c.to
	return c.to, <-c.made
}

// close stops the making of batches and waits for its goroutines. Of nil it does nothing.
func (a *ahead) close() {
	if a == nil {
		return
	}
	a.once.Do(func() { close(a.stop) })
	a.ended.Wait()
}
