package codes

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// piece is how many bytes of codes are compared with every query before the next are read: what a core's nearest
	// cache holds next to the tables of a query.
	piece = 16 << 10

	// share is how many bytes must be compared for another core to be worth waking: some 10 µs.
	share = 256 << 10
)

// A search compares queries with all codes of an index.
type search struct {
	index    *Index
	queries  int
	comparer func(query int) comparer // a new one

	k      int
	bounds []*bound
	found  [][]nearest  // of each query, by each worker
	next   atomic.Int64 // piece that nobody has taken
}

// run returns the k nearest codes of each query, as matches.
func (s *search) run(ctx context.Context, k int, match func(hit) Match) ([][]Match, error) {
	if k < 1 {
		return nil, fmt.Errorf("codes: the %d nearest codes: use 1 or more", k)
	}
	x := s.index
	s.k = min(k, x.live)
	workers := max(1, min(runtime.GOMAXPROCS(0), x.rows*x.size*s.queries/share))
	s.found = make([][]nearest, s.queries)
	for q := range s.found {
		s.bounds = append(s.bounds, newBound())
		s.found[q] = make([]nearest, workers)
	}
	var wait sync.WaitGroup
	for w := range workers - 1 {
		wait.Go(func() { s.work(ctx, w) })
	}
	s.work(ctx, workers-1)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([][]Match, s.queries)
	for q, heaps := range s.found {
		for _, h := range merge(heaps, s.k) {
			out[q] = append(out[q], match(h))
		}
	}
	return out, nil
}

// work compares pieces with every query until none is left. A worker's pieces come in order, as nearest wants them.
func (s *search) work(ctx context.Context, worker int) {
	step := max(1, piece/(lanes*s.index.size))
	heaps, comparers := make([]nearest, s.queries), make([]comparer, s.queries)
	for q := range heaps {
		heaps[q], comparers[q] = newNearest(s.k, s.bounds[q]), s.comparer(q)
	}
	for ctx.Err() == nil {
		first := (int(s.next.Add(1)) - 1) * step
		if first >= s.index.blocks() {
			break
		}
		for q := range heaps {
			heaps[q].search(s.index, comparers[q], first, min(step, s.index.blocks()-first))
		}
	}
	for q := range heaps {
		s.found[q][worker] = heaps[q]
	}
}
