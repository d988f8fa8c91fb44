package codes

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// An Index holds codes in memory and finds the nearest ones by comparing with each: exactly, on all cores. Any number of
// goroutines may search it at once; none may search while one adds.
type Index struct {
	bits  int
	size  int // bytes a code
	rows  int
	heads []byte // of blocks of codes, see headBytes; the last block is padded with zeros
	tails []byte
}

// NewIndex returns an empty index for codes of the given number of bits.
func NewIndex(bits int) (*Index, error) {
	if err := check(nil, bits); err != nil {
		return nil, err
	}
	return &Index{bits: bits, size: Bytes(bits)}, nil
}

// Bits returns the number of bits of a code.
func (x *Index) Bits() int { return x.bits }

// Len returns the number of codes.
func (x *Index) Len() int { return x.rows }

// Add appends packed codes. The first code that was ever added is row 0. Bytes that are not codes are an error, and nothing is
// added.
func (x *Index) Add(packed []byte) error {
	if err := check(packed, x.bits); err != nil {
		return err
	}
	head := headBytes(x.size)
	blocks := (x.rows + len(packed)/x.size + lanes - 1) / lanes
	x.heads = slices.Grow(x.heads, blocks*lanes*head-len(x.heads))
	x.tails = slices.Grow(x.tails, blocks*lanes*(x.size-head)-len(x.tails))
	for ; len(packed) > 0; packed = packed[x.size:] {
		x.heads = place(x.heads, packed[:head], x.rows%lanes)
		x.tails = place(x.tails, packed[head:x.size], x.rows%lanes)
		x.rows++
	}
	return nil
}

// place puts a part of a code into its lane of the last block, which it begins with lane 0.
func place(blocks, part []byte, lane int) []byte {
	if lane == 0 {
		blocks = append(blocks, make([]byte, lanes*len(part))...)
	}
	for i, last := 0, blocks[len(blocks)-lanes*len(part):]; i < len(part); i++ {
		last[i*lanes+lane] = part[i]
	}
	return blocks
}

// blocks returns the number of blocks.
func (x *Index) blocks() int { return (x.rows + lanes - 1) / lanes }

const (
	// piece is how many bytes of codes are compared with every query before the next are read: what a core's nearest
	// cache holds next to the tables of a query.
	piece = 16 << 10

	// share is how many bytes must be compared for another core to be worth waking: some 10 µs.
	share = 256 << 10
)

// Search returns, for each query, its k nearest codes: the nearest first, of equally near ones the lower row first. k
// larger than the index means all. Every core takes pieces of the codes in turn. A done context ends it with ctx.Err().
func (x *Index) Search(ctx context.Context, queries []byte, k int) ([][]Match, error) {
	if err := check(queries, x.bits); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("codes: the %d nearest codes: use 1 or more", k)
	}
	s := search{index: x, k: min(k, x.rows)}
	for ; len(queries) > 0; queries = queries[x.size:] {
		s.queries = append(s.queries, newQuery(queries[:x.size]))
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), x.rows*x.size*len(s.queries)/share))
	s.bounds = make([]bound, len(s.queries))
	s.found = make([][]nearest, len(s.queries))
	for q := range s.found {
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
	out := make([][]Match, len(s.queries))
	for q, heaps := range s.found {
		out[q] = merge(heaps, s.k)
	}
	return out, nil
}

// A search is a call of Search in progress.
type search struct {
	index   *Index
	k       int
	queries []query
	bounds  []bound
	found   [][]nearest  // of each query, by each worker
	next    atomic.Int64 // piece that nobody has taken
}

// work compares pieces with every query until none is left. A worker's pieces come in order, as nearest wants them.
func (s *search) work(ctx context.Context, worker int) {
	step := max(1, piece/(lanes*s.index.size))
	heaps := make([]nearest, len(s.queries))
	for q := range heaps {
		heaps[q] = nearest{k: s.k, bound: &s.bounds[q]}
	}
	for ctx.Err() == nil {
		first := (int(s.next.Add(1)) - 1) * step
		if first >= s.index.blocks() {
			break
		}
		for q := range s.queries {
			heaps[q].search(s.index, &s.queries[q], first, min(step, s.index.blocks()-first))
		}
	}
	for q := range heaps {
		s.found[q][worker] = heaps[q]
	}
}
