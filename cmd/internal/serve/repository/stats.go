package repository

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/batcher"
)

// A Reason says why a request failed, in Triton's words.
type Reason int

// The reasons.
const (
	Rejected Reason = iota // the queue was full, or the server ends
	Canceled               // the client went away, or the time was over
	Backend                // the graph failed
	Other                  // the request was bad
	reasons
)

// Reasons returns all of them.
func Reasons() []Reason { return []Reason{Rejected, Canceled, Backend, Other} }

// String returns the reason's name.
func (r Reason) String() string { return [...]string{"REJECTED", "CANCELED", "BACKEND", "OTHER"}[r] }

// Stats count what a model did. They are safe for concurrent use.
type Stats struct {
	success, failed [1 + reasons]duration // of which [0] is the sum, and the reasons follow
	queue           duration
	input, infer    duration // of batches
	output          duration
	rows, runs      atomic.Uint64
	last            atomic.Int64
	pending         atomic.Int64

	mu      sync.Mutex
	batches map[int]*[2]Duration // gather and run, by the batch's rows
}

// A Duration is how often something happened, and how long it took in all.
type Duration struct {
	Count uint64
	Took  time.Duration
}

type duration struct{ count, took atomic.Uint64 }

func (d *duration) add(n uint64, took time.Duration) {
	d.count.Add(n)
	d.took.Add(uint64(max(took, 0)))
}

func (d *duration) read() Duration {
	return Duration{Count: d.count.Load(), Took: time.Duration(d.took.Load())}
}

// A Snapshot is what stats say at one moment.
type Snapshot struct {
	Success, Queue, Input, Infer, Output Duration
	Fail                                 Duration
	Failed                               map[Reason]Duration
	Rows, Runs                           uint64
	Last                                 time.Time // of the last request, zero where there was none
	Pending                              int64
	Batches                              []BatchStats // by size
}

// BatchStats are what batches of so many rows took.
type BatchStats struct {
	Rows         int
	Input, Infer Duration
}

// Read returns what was counted so far.
func (s *Stats) Read() Snapshot {
	v := Snapshot{
		Success: s.success[0].read(), Queue: s.queue.read(), Input: s.input.read(), Infer: s.infer.read(), Output: s.output.read(),
		Fail: s.failed[0].read(), Failed: map[Reason]Duration{}, Rows: s.rows.Load(), Runs: s.runs.Load(), Pending: s.pending.Load(),
	}
	for _, r := range Reasons() {
		v.Failed[r] = s.failed[1+r].read()
	}
	if ms := s.last.Load(); ms > 0 {
		v.Last = time.UnixMilli(ms)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rows := range slices.Sorted(maps.Keys(s.batches)) {
		v.Batches = append(v.Batches, BatchStats{Rows: rows, Input: s.batches[rows][0], Infer: s.batches[rows][1]})
	}
	return v
}

// observe counts a batch.
func (s *Stats) observe(b batcher.Batch) {
	if b.Err != nil {
		return
	}
	s.runs.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batches == nil {
		s.batches = map[int]*[2]Duration{}
	}
	d := s.batches[b.Rows]
	if d == nil {
		d = &[2]Duration{}
		s.batches[b.Rows] = d
	}
	d[0] = Duration{d[0].Count + 1, d[0].Took + b.Gather}
	d[1] = Duration{d[1].Count + 1, d[1].Took + b.Took}
}

// succeeded counts a request with its result.
func (s *Stats) succeeded(rows int, took time.Duration, r batcher.Result) {
	s.success[0].add(1, took)
	s.queue.add(1, r.Queued)
	s.input.add(1, r.Gather)
	s.infer.add(1, r.Took)
	s.output.add(1, took-r.Queued-r.Gather-r.Took)
	s.rows.Add(uint64(rows))
	s.last.Store(time.Now().UnixMilli())
}

// Failed counts a request that failed.
func (s *Stats) Failed(why Reason, took time.Duration) {
	s.failed[0].add(1, took)
	s.failed[1+why].add(1, took)
}
