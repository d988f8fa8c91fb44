package codes

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// A Match is a code that a search found.
type Match struct {
	Row      int // from 0, in the order in which codes were added
	Distance int // in bits
}

// compare orders matches: the nearer first, then the lower row.
func compare(a, b Match) int {
	if a.Distance != b.Distance {
		return a.Distance - b.Distance
	}
	return a.Row - b.Row
}

// bound is a distance that k codes are known not to exceed. All workers lower it: what one has found spares the others work.
type bound struct{ distance atomic.Int64 } // 0 for none yet, else one more

func (b *bound) limit() int {
	if d := b.distance.Load(); d > 0 {
		return int(d) - 1
	}
	return maxBits
}

func (b *bound) lower(distance int) {
	for distance < b.limit() {
		old := b.distance.Load()
		b.distance.CompareAndSwap(old, int64(distance)+1)
	}
}

// nearest keeps the k first matches of those offered, as a heap with the last of them on top.
type nearest struct {
	k     int
	heap  []Match
	bound *bound
}

// search offers the codes of an index's blocks from first on. These come after those offered before: a row as far as the
// heap's last therefore comes after it, and only nearer ones are taken.
func (h *nearest) search(x *Index, q *query, first, blocks int) {
	head, tail := lanes*q.head, lanes*(x.size-q.head)
	heads, tails := x.heads[first*head:(first+blocks)*head], x.tails[first*tail:(first+blocks)*tail]
	var d distances
	for h.limit() >= 0 {
		block, near := q.scan(&d, heads, tails, uint16(min(far, h.limit())))
		if near == 0 {
			return
		}
		heads, tails, first = heads[block*head:], tails[block*tail:], first+block
		for ; near != 0; near &= near - 1 {
			lane := bits.TrailingZeros64(near)
			m := Match{Row: first*lanes + lane, Distance: int(d[lane])}
			if m.Row >= x.rows {
				return // padding
			}
			if m.Distance == far {
				m.Distance = q.distance(heads, tails, lane)
			}
			if m.Distance <= h.limit() {
				h.take(m)
			}
		}
		heads, tails, first = heads[head:], tails[tail:], first+1
	}
}

// limit is how far a code may be to be taken, -1 for none.
func (h *nearest) limit() int {
	if len(h.heap) < h.k {
		return h.bound.limit()
	}
	return min(h.heap[0].Distance-1, h.bound.limit())
}

// take takes a match that is within the limit.
func (h *nearest) take(m Match) {
	if len(h.heap) < h.k {
		h.heap = append(h.heap, m)
		h.up(len(h.heap) - 1)
	} else {
		h.heap[0] = m
		h.down()
	}
	if len(h.heap) == h.k {
		h.bound.lower(h.heap[0].Distance)
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

// merge returns the k first of several heaps' matches, in order.
func merge(heaps []nearest, k int) []Match {
	var all []Match
	for _, h := range heaps {
		all = append(all, h.heap...)
	}
	slices.SortFunc(all, compare)
	return all[:k:k]
}
