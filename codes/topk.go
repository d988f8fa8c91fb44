package codes

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
)

// A Match is a code that a search found.
type Match struct {
	Row      int     // from 0, in the order in which codes were added
	Distance int     // of a search by codes; see Index.Search
	Score    float32 // of a search by floats, larger is nearer; see Index.SearchFloats
}

// hit is a match on its way: how far it is from its query is a distance, or a score with its sign turned.
type hit struct {
	row int
	far float64
}

// compare orders hits: the nearer first, then the lower row.
func compare(a, b hit) int {
	return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.row, b.row))
}

// A comparer compares a query with the codes of blocks. Each goroutine has its own.
type comparer interface {
	// scan goes through blocks up to the first with a code that may be at most limit far, and returns that block's index and
	// which codes these are, code i as bit i of near; or the number of blocks and no bits. It passes over no code that is
	// at most limit far.
	scan(heads, tails []byte, limit float64) (block int, near uint64)

	// far is how far a code is that scan has named last: the one in a lane of the block with which heads and tails begin.
	far(heads, tails []byte, lane int) float64
}

// bound is how far k codes are known not to be exceeded. All workers lower it: what one has found spares the others work.
type bound struct{ bits atomic.Uint64 }

func newBound() *bound {
	b := new(bound)
	b.bits.Store(math.Float64bits(math.Inf(1)))
	return b
}

func (b *bound) limit() float64 { return math.Float64frombits(b.bits.Load()) }

func (b *bound) lower(far float64) {
	for old := b.bits.Load(); far < math.Float64frombits(old); old = b.bits.Load() {
		b.bits.CompareAndSwap(old, math.Float64bits(far))
	}
}

// nearest keeps the k first hits of those offered, as a heap with the last of them on top.
type nearest struct {
	k     int
	heap  []hit
	bound *bound
	own   float64 // how far a code may be for the heap to take it
}

func newNearest(k int, b *bound) nearest {
	own := math.Inf(1)
	if k == 0 {
		own = math.Inf(-1)
	}
	return nearest{k: k, bound: b, own: own}
}

// search offers the codes of an index's blocks from first on. These come after those offered before: a row as far as the
// heap's last therefore comes after it, and only nearer ones are taken.
func (h *nearest) search(x *Index, c comparer, first, blocks int) {
	head, tail := lanes*headBytes(x.size), lanes*(x.size-headBytes(x.size))
	heads, tails := x.heads[first*head:(first+blocks)*head], x.tails[first*tail:(first+blocks)*tail]
	for {
		block, near := c.scan(heads, tails, h.limit())
		if near == 0 {
			return
		}
		heads, tails, first = heads[block*head:], tails[block*tail:], first+block
		for ; near != 0; near &= near - 1 {
			lane := bits.TrailingZeros64(near)
			row := first*lanes + lane
			if row >= x.rows {
				return // padding
			}
			if x.deleted.has(row) {
				continue
			}
			if far := c.far(heads, tails, lane); far <= h.limit() {
				h.take(hit{row, far})
			}
		}
		heads, tails, first = heads[head:], tails[tail:], first+1
	}
}

// limit is how far a code may be to be taken.
func (h *nearest) limit() float64 { return min(h.own, h.bound.limit()) }

// take takes a hit that is within the limit.
func (h *nearest) take(m hit) {
	if len(h.heap) < h.k {
		h.heap = append(h.heap, m)
		h.up(len(h.heap) - 1)
	} else {
		h.heap[0] = m
		h.down()
	}
	if len(h.heap) == h.k {
		h.bound.lower(h.heap[0].far)
		h.own = math.Nextafter(h.heap[0].far, math.Inf(-1))
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

// merge returns the k first of several heaps' hits, in order.
func merge(heaps []nearest, k int) []hit {
	var all []hit
	for _, h := range heaps {
		all = append(all, h.heap...)
	}
	slices.SortFunc(all, compare)
	return all[:k:k]
}
