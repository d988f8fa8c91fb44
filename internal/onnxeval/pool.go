package onnxeval

import (
	"sync"
	"sync/atomic"
)

// A Pool is goroutines among which large steps are shared out. It is safe for concurrent use: each step is done by its
// caller and by as many of the others as are idle.
type Pool struct {
	jobs chan *job
	wait sync.WaitGroup
}

// NewPool returns a pool of that many threads, the caller's among them. It must be closed.
func NewPool(threads int) *Pool {
	p := &Pool{jobs: make(chan *job)}
	for range threads - 1 {
		p.wait.Go(func() {
			for j := range p.jobs {
				j.work()
				j.helpers.Done()
			}
		})
	}
	return p
}

// Close ends the goroutines. No step may be under way.
func (p *Pool) Close() {
	close(p.jobs)
	p.wait.Wait()
}

// job is a step over n items in pieces of grain.
type job struct {
	n, grain int
	piece    func(from, to int)
	next     atomic.Int64
	helpers  sync.WaitGroup
}

func (j *job) work() {
	for {
		from := int(j.next.Add(int64(j.grain))) - j.grain
		if from >= j.n {
			return
		}
		j.piece(from, min(from+j.grain, j.n))
	}
}

// run does the job. Helpers that are busy elsewhere are not waited for.
func (p *Pool) run(j *job) {
	if p == nil || j.n <= j.grain {
		j.piece(0, j.n)
		return
	}
	j.next.Store(0)
	for at := j.grain; at < j.n; at += j.grain {
		j.helpers.Add(1)
		select {
		case p.jobs <- j:
			continue
		default:
			j.helpers.Done()
		}
		break
	}
	j.work()
	j.helpers.Wait()
}
