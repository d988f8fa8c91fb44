package index

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/catvae/catvae/codes"
)

// A graph links every row with near ones, and is gone through from near to nearer: the lowest level of a hierarchical navigable small
// world (Yu. A. Malkov and D. A. Yashunin, 1603.09320, whose names stand in brackets). In the place of the levels above it is a
// sample of the rows. Comparing a query with all of it, 32 codes or 64 an instruction, takes no longer than going down some levels,
// and finds the right cluster where rows lie in clusters that are equally far from each other: no way leads from one to the next
// there.
type graph struct {
	bits    int
	size    int // bytes a code
	links   int // that a row begins with [M]; others may add as many to it
	breadth int // [efConstruction]

	rows   int
	ground []uint32     // of each row: how many links it has, and room for them
	unmap  func() error // of ground, where it is a file's

	data    []byte // codes, one after the other
	sample  sample
	walkers sync.Pool
}

func newGraph(o Options) *graph {
	return &graph{bits: o.Bits, size: codes.Bytes(o.Bits), links: o.Links, breadth: o.Breadth}
}

// of returns where a row's links are: their number, then they.
func (g *graph) of(node uint32) []uint32 {
	room := 1 + 2*g.links
	return g.ground[int(node)*room:][:room:room]
}

func (g *graph) code(node uint32) []byte { return g.data[int(node)*g.size:][:g.size:g.size] }

// A sample is rows that all searches begin with: all of them up to samples, then every second by chance, then every fourth, …
type sample struct {
	flat  *codes.Index
	nodes []uint32
	rows  int // that were looked at
	shift int // a row is taken where so many bits of its hash are 0
}

// samples is how many rows a sample has at most.
const samples = 8192

// starts is with how many rows of the sample a search begins.
const starts = 8

// extend looks at more rows of a graph.
func (s *sample) extend(g *graph, rows int) error {
	shift := s.shift
	for rows>>shift > samples {
		shift++
	}
	if shift != s.shift || s.flat == nil {
		*s = sample{shift: shift}
		flat, err := codes.NewIndex(g.bits)
		if err != nil {
			return err
		}
		s.flat = flat
	}
	for ; s.rows < rows; s.rows++ {
		node := uint32(s.rows)
		if hash(node)&(1<<shift-1) == 0 {
			if err := s.flat.Add(g.code(node)); err != nil {
				return err
			}
			s.nodes = append(s.nodes, node)
		}
	}
	return nil
}

// hash is a step of splitmix64: Steele, Lea and Flood 2014.
func hash(node uint32) uint64 {
	x := uint64(node) + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// far is a node and how far it is, the distance in the high bits: so that numbers order as distances do, and then as rows.
type far uint64

func newFar(distance int, node uint32) far { return far(distance)<<32 | far(node) }

func (f far) node() uint32  { return uint32(f) }
func (f far) distance() int { return int(f >> 32) }

// A walker searches the graph. It is for one goroutine at a time.
type walker struct {
	g       *graph
	seen    []uint64 // set of nodes
	marked  []uint32 // nodes in seen
	nearest heap     // nodes that were not looked around from, the nearest on top
	found   heap     // the nearest ones yet, the farthest on top: their keys are turned around
	around  []uint32
	near    []int32
	locks   *[stripes]sync.Mutex // of nodes' links; nil where nobody writes
}

func (g *graph) walker() *walker {
	w, ok := g.walkers.Get().(*walker)
	if !ok {
		w = &walker{g: g}
	}
	if n := (len(g.data)/g.size + 63) / 64; len(w.seen) < n {
		w.seen = append(w.seen, make([]uint64, n-len(w.seen))...)
	}
	w.locks = nil
	return w
}

func (g *graph) done(w *walker) { g.walkers.Put(w) }

// unseen copies the links of a node that were not seen, and marks them.
func (w *walker) unseen(node uint32) []uint32 {
	w.around = w.around[:0]
	if w.locks != nil {
		m := &w.locks[node%stripes]
		m.Lock()
		defer m.Unlock()
	}
	links := w.g.of(node)
	w.around = slices.Grow(w.around, len(links))[:len(links)]
	n := 0
	for _, other := range links[1 : 1+links[0]] {
		word, bit := w.seen[other/64], uint64(1)<<(other%64)
		w.seen[other/64] = word | bit
		w.around[n] = other // and stays where it was not seen: whether it was cannot be foretold
		if word&bit == 0 {
			n++
		}
	}
	w.around = w.around[:n]
	w.marked = append(w.marked, w.around...)
	return w.around
}

func (w *walker) forget() {
	for _, n := range w.marked {
		w.seen[n/64] = 0
	}
	w.marked = w.marked[:0]
}

// distances returns how far nodes are from a code.
func (w *walker) distances(code []byte, nodes []uint32) []int32 {
	w.near = w.near[:0]
	switch len(code) {
	case 16:
		a, b := binary.LittleEndian.Uint64(code), binary.LittleEndian.Uint64(code[8:])
		for _, n := range nodes {
			c := w.g.data[int(n)*16:][:16]
			w.near = append(w.near, int32(bits.OnesCount64(a^binary.LittleEndian.Uint64(c))+bits.OnesCount64(b^binary.LittleEndian.Uint64(c[8:]))))
		}
	case 32:
		a, b := binary.LittleEndian.Uint64(code), binary.LittleEndian.Uint64(code[8:])
		c, d := binary.LittleEndian.Uint64(code[16:]), binary.LittleEndian.Uint64(code[24:])
		for _, n := range nodes {
			e := w.g.data[int(n)*32:][:32]
			w.near = append(w.near, int32(bits.OnesCount64(a^binary.LittleEndian.Uint64(e))+bits.OnesCount64(b^binary.LittleEndian.Uint64(e[8:]))+
				bits.OnesCount64(c^binary.LittleEndian.Uint64(e[16:]))+bits.OnesCount64(d^binary.LittleEndian.Uint64(e[24:]))))
		}
	default:
		for _, n := range nodes {
			w.near = append(w.near, int32(codes.Distance(code, w.g.code(n))))
		}
	}
	return w.near
}

// search finds the nearest rows, breadth of them [Search-Layer]. They are in w.found. Rows that are hidden are gone through, and not found.
func (w *walker) search(code []byte, breadth int, hidden map[int]bool) error {
	w.nearest, w.found = w.nearest[:0], w.found[:0]
	begin, err := w.g.sample.flat.Search(context.Background(), code, starts)
	if err != nil {
		return err
	}
	w.around, w.near = w.around[:0], w.near[:0]
	for _, m := range begin[0] {
		node := w.g.sample.nodes[m.Row]
		w.seen[node/64] |= 1 << (node % 64)
		w.around, w.near = append(w.around, node), append(w.near, int32(m.Distance))
	}
	w.marked = append(w.marked, w.around...)
	limit := w.meet(math.MaxInt, breadth, hidden)
	for len(w.nearest) > 0 {
		at := far(w.nearest.pop())
		if at.distance() > limit {
			break
		}
		w.distances(code, w.unseen(at.node()))
		limit = w.meet(limit, breadth, hidden)
	}
	w.forget()
	return nil
}

// meet takes the rows around that are nearer than a limit, and returns the limit that is left: how far the last of the nearest is.
func (w *walker) meet(limit, breadth int, hidden map[int]bool) int {
	for i, d := range w.near {
		if int(d) >= limit {
			continue
		}
		f := newFar(int(d), w.around[i])
		w.nearest.push(uint64(f))
		if len(hidden) > 0 && hidden[int(f.node())] {
			continue
		}
		if len(w.found) < breadth {
			w.found.push(^uint64(f))
		} else {
			w.found.replace(^uint64(f))
		}
		if len(w.found) == breadth {
			limit = far(^w.found[0]).distance()
		}
	}
	return limit
}

// matches returns the k nearest of as many rows as breadth, the nearest first, the lower row first where distances are equal.
func (w *walker) matches(code []byte, k, breadth int, deleted map[int]bool) ([]codes.Match, error) {
	if w.g.rows == 0 {
		return nil, nil
	}
	if err := w.search(code, breadth, deleted); err != nil {
		return nil, err
	}
	sorted := w.sorted()
	out := make([]codes.Match, min(k, len(sorted)))
	for i := range out {
		out[i] = codes.Match{Row: int(sorted[i].node()), Distance: sorted[i].distance()}
	}
	return out, nil
}

// sorted returns what was found, the nearest first.
func (w *walker) sorted() []far {
	out := make([]far, len(w.found))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = far(^w.found.pop())
	}
	return out
}

// heap has its smallest number on top.
type heap []uint64

func (h *heap) push(x uint64) {
	*h = append(*h, x)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent] <= x {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = x
}

func (h *heap) pop() uint64 {
	s := *h
	top, last := s[0], s[len(s)-1]
	*h = s[:len(s)-1]
	if len(*h) > 0 {
		h.replace(last)
	}
	return top
}

// replace puts a number in the place of the top.
func (h heap) replace(x uint64) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[child] >= x {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = x
}
