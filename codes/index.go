package codes

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// An Index holds codes in memory and finds the nearest ones by comparing with each: exactly, on all cores. Searching is
// safe for concurrent use; adding is not, and not beside searching.
type Index struct {
	bits  int
	words int      // of 64 bits, a code
	codes []uint64 // code after code, padded with zeros
}

// NewIndex returns an index for codes of so many bits.
func NewIndex(bits int) (*Index, error) {
	if err := check(nil, bits); err != nil {
		return nil, err
	}
	return &Index{bits: bits, words: (bits + 63) / 64}, nil
}

// Bits returns the number of bits of a code.
func (x *Index) Bits() int { return x.bits }

// Len returns the number of codes.
func (x *Index) Len() int { return len(x.codes) / x.words }

// Add appends packed codes. The first code that was ever added is row 0. Bytes that are no codes are an error, and nothing
// is added.
func (x *Index) Add(packed []byte) error {
	if err := check(packed, x.bits); err != nil {
		return err
	}
	x.codes = slices.Grow(x.codes, len(packed)/Bytes(x.bits)*x.words)
	for size := Bytes(x.bits); len(packed) > 0; packed = packed[size:] {
		x.codes = x.appendWords(x.codes, packed[:size])
	}
	return nil
}

// appendWords appends one code as words.
func (x *Index) appendWords(dst []uint64, code []byte) []uint64 {
	for ; len(code) >= 8; code = code[8:] {
		dst = append(dst, binary.LittleEndian.Uint64(code))
	}
	if len(code) > 0 {
		var last [8]byte
		copy(last[:], code)
		dst = append(dst, binary.LittleEndian.Uint64(last[:]))
	}
	return dst
}

// A Match is a code that a search found.
type Match struct {
	Row      int // from 0, in the order in which codes were added
	Distance int // in bits
}

// block is how many codes are compared with every query before the next are read: 2 KB to 64 KB, which a core's cache
// holds.
const block = 2048

// Search returns, for each query, its k nearest codes: the nearest first, of equally near ones the lower row first. k
// larger than the index means all. Every core takes a part of the codes. A done context ends it with ctx.Err().
func (x *Index) Search(ctx context.Context, queries []byte, k int) ([][]Match, error) {
	if err := check(queries, x.bits); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("codes: the %d nearest codes: use 1 or more", k)
	}
	k = min(k, x.Len())
	var words [][]uint64
	for size := Bytes(x.bits); len(queries) > 0; queries = queries[size:] {
		words = append(words, x.appendWords(nil, queries[:size]))
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), x.Len()/block))
	found := make([][]nearest, workers)
	var wait sync.WaitGroup
	for w := range workers {
		found[w] = make([]nearest, len(words))
		for q := range words {
			found[w][q] = nearest{k: k}
		}
		wait.Go(func() { x.scan(ctx, found[w], words, x.Len()*w/workers, x.Len()*(w+1)/workers) })
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([][]Match, len(words))
	for q := range words {
		var all []Match
		for w := range workers {
			all = append(all, found[w][q].heap...)
		}
		slices.SortFunc(all, compare)
		out[q] = all[:k]
	}
	return out, nil
}

// scan compares the codes of rows from, …, to-1 with every query.
func (x *Index) scan(ctx context.Context, found []nearest, queries [][]uint64, from, to int) {
	var d [block]int32
	for first := from; first < to && ctx.Err() == nil; first += block {
		n := min(block, to-first)
		codes := x.codes[first*x.words : (first+n)*x.words]
		for q, query := range queries {
			distances(d[:n], codes, query)
			found[q].offer(d[:n], first)
		}
	}
}

// compare orders matches: the nearer first, then the lower row.
func compare(a, b Match) int {
	if a.Distance != b.Distance {
		return a.Distance - b.Distance
	}
	return a.Row - b.Row
}

// nearest keeps the k first matches of those offered, as a heap with the last of them on top.
type nearest struct {
	k    int
	heap []Match
}

// offer takes the distances of rows first, first+1, …, which are all behind those offered before: a row as far as the
// heap's last is therefore behind it, and only nearer ones are taken.
func (h *nearest) offer(distances []int32, first int) {
	i := 0
	for ; i < len(distances) && len(h.heap) < h.k; i++ {
		h.heap = append(h.heap, Match{first + i, int(distances[i])})
		h.up(len(h.heap) - 1)
	}
	if len(h.heap) == 0 {
		return
	}
	bound := int32(h.heap[0].Distance)
	for ; i < len(distances); i++ {
		if distances[i] < bound {
			h.heap[0] = Match{first + i, int(distances[i])}
			h.down()
			bound = int32(h.heap[0].Distance)
		}
	}
}

func (h *nearest) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if compare(h.heap[i], h.heap[parent]) <= 0 {
			return
		}
		h.heap[i], h.heap[parent] = h.heap[parent], h.heap[i]
		i = parent
	}
}

func (h *nearest) down() {
	for i := 0; ; {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.heap); child++ {
			if compare(h.heap[child], h.heap[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		h.heap[i], h.heap[last] = h.heap[last], h.heap[i]
		i = last
	}
}
