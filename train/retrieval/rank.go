package retrieval

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/catvae/catvae/internal/cores"
)

// A Space holds rows and says how far they are apart. It is read-only and safe for concurrent use. [Codes] and [Floats] are spaces.
type Space interface {
	// Len returns the number of rows.
	Len() int
	// Keys writes one key for each pair of a query and a row to dst [queries, Len]: the smaller, the nearer. It returns how many bits
	// keys have at most. Queries are rows.
	Keys(dst []uint32, queries []int) (bits int)
}

// queryBlock is how many queries a worker takes at once: as many rows of a matrix product.
const queryBlock = 32

// A ranked is a query with its ranking: the rows that it may find, the nearest first.
type ranked struct {
	at    int // place of the query in the protocol's list
	query int
	order []int32
}

// rank ranks the candidates of every query and hands each ranking to visit, on several goroutines at once; the ranking is only valid
// until visit returns.
//
// Rows that are equally near are in random order: the candidates are permuted at random, anew for each query, from the seed and the
// query's number alone, and then sorted stably by their keys.
func rank(ctx context.Context, s Space, p Protocol, visit func(r ranked)) error {
	if err := p.check(s.Len()); err != nil {
		return err
	}
	candidates := p.candidates(s.Len())
	var next atomic.Int64
	work := func() {
		w := ranker{space: s, protocol: p, candidates: candidates}
		for ctx.Err() == nil {
			from := int(next.Add(queryBlock)) - queryBlock
			if from >= len(p.Queries) {
				return
			}
			w.block(from, min(len(p.Queries), from+queryBlock), visit)
		}
	}
	var wait sync.WaitGroup
	for range min(cores.Count(), (len(p.Queries)+queryBlock-1)/queryBlock) {
		wait.Go(work)
	}
	wait.Wait()
	return ctx.Err()
}

// A ranker is a worker's memory.
type ranker struct {
	space      Space
	protocol   Protocol
	candidates []int32
	keys       []uint32
	order      []int32
	other      []int32
}

// block ranks the queries from, …, to-1.
func (w *ranker) block(from, to int, visit func(r ranked)) {
	n := w.space.Len()
	if w.keys == nil {
		w.keys = make([]uint32, queryBlock*n)
		w.order, w.other = make([]int32, len(w.candidates)), make([]int32, len(w.candidates))
	}
	bits := w.space.Keys(w.keys, w.protocol.Queries[from:to])
	for at := from; at < to; at++ {
		q := w.protocol.Queries[at]
		copy(w.order, w.candidates)
		order := w.order
		if !w.protocol.Apart { // the candidates are all rows, in their order
			order = append(order[:q], order[q+1:]...)
		}
		shuffle(order, w.protocol.Seed, q)
		visit(ranked{at: at, query: q, order: w.sorted(order, w.keys[(at-from)*n:][:n], bits)})
	}
}

// shuffle permutes rows at random, by numbers of the seed and the query alone.
func shuffle(rows []int32, seed uint64, query int) {
	r := rand.New(rand.NewPCG(seed, uint64(query)))
	for i := len(rows) - 1; i > 0; i-- {
		j := r.Uint64N(uint64(i) + 1)
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// digit is how many bits of a key one pass sorts by.
const digit = 11

// sorted sorts rows by their keys, stably: by digits, the least first. It returns one of the worker's two slices.
func (w *ranker) sorted(rows []int32, keys []uint32, bits int) []int32 {
	other := w.other[:len(rows)]
	var places [1 << digit]int32
	for shift := 0; shift < bits; shift += digit {
		clear(places[:])
		for _, row := range rows {
			places[keys[row]>>shift&(1<<digit-1)]++
		}
		sum := int32(0)
		for i, n := range places {
			places[i] = sum
			sum += n
		}
		for _, row := range rows {
			d := keys[row] >> shift & (1<<digit - 1)
			other[places[d]] = row
			places[d]++
		}
		rows, other = other, rows
	}
	return rows
}
