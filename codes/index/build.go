package index

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/catvae/catvae/codes"
	"golang.org/x/sync/errgroup"
)

// stripes is how many locks rows share while more are put into the graph.
const stripes = 1 << 12

// insert puts rows into the graph, on all cores, up to a number of them. data holds the codes of all. Nobody may search meanwhile.
func (g *graph) insert(data []byte, rows int) error {
	g.data = data
	if g.rows < rows {
		g.own()
		g.ground = append(g.ground, make([]uint32, (rows-g.rows)*(1+2*g.links))...)
	}
	for g.rows < rows { // in rounds, each of which begins with a sample of those before
		if err := g.sample.extend(g, max(g.rows, 1)); err != nil {
			return err
		}
		b := builder{graph: g, last: min(rows, 2*g.rows+1)}
		if err := b.run(); err != nil {
			return err
		}
		g.rows = b.last
	}
	return g.sample.extend(g, rows)
}

// A builder puts rows into a graph, up to the last.
type builder struct {
	*graph
	last  int
	next  atomic.Int64
	locks [stripes]sync.Mutex
}

func (b *builder) run() error {
	b.next.Store(int64(b.rows))
	var group errgroup.Group
	for range min(runtime.GOMAXPROCS(0), b.last-b.rows) {
		group.Go(b.work)
	}
	return group.Wait()
}

func (b *builder) work() error {
	w := b.walker()
	defer b.done(w)
	w.locks = &b.locks
	for {
		node := int(b.next.Add(1) - 1)
		if node >= b.last {
			return nil
		}
		if err := b.put(w, uint32(node)); err != nil {
			return err
		}
	}
}

// put links a row [Insert].
func (b *builder) put(w *walker, node uint32) error {
	if err := w.search(b.code(node), b.breadth, nil); err != nil {
		return err
	}
	near := slices.DeleteFunc(w.sorted(), func(f far) bool { return f.node() == node })
	chosen := b.choose(near, b.links)
	b.link(node, chosen)
	for _, f := range chosen {
		b.linkBack(f.node(), newFar(f.distance(), node))
	}
	return nil
}

// link sets a row's links, beside those that others have made to it meanwhile.
func (b *builder) link(node uint32, chosen []far) {
	m := &b.locks[node%stripes]
	m.Lock()
	defer m.Unlock()
	links := b.of(node)
	for _, f := range chosen {
		if n := links[0]; int(n) < len(links)-1 && !slices.Contains(links[1:1+n], f.node()) {
			links[1+n] = f.node()
			links[0] = n + 1
		}
	}
}

// linkBack links a row with one that has a link to it. Where there is no room, the best are chosen of all.
func (b *builder) linkBack(node uint32, to far) {
	m := &b.locks[node%stripes]
	m.Lock()
	defer m.Unlock()
	links := b.of(node)
	n := int(links[0])
	if slices.Contains(links[1:1+n], to.node()) {
		return
	}
	if n < len(links)-1 {
		links[1+n] = to.node()
		links[0] = uint32(n + 1)
		return
	}
	all := append(make([]far, 0, n+1), to)
	code := b.code(node)
	for _, other := range links[1 : 1+n] {
		all = append(all, newFar(codes.Distance(code, b.code(other)), other))
	}
	slices.Sort(all)
	chosen := b.choose(all, n)
	for i, f := range chosen {
		links[1+i] = f.node()
	}
	links[0] = uint32(len(chosen))
}

// choose chooses links among near rows, which are sorted: those that are nearer to the row than to any that was chosen, so that links go
// into every direction; and where these are too few, the nearest of the others [Select-Neighbors-Heuristic].
func (b *builder) choose(near []far, most int) []far {
	if len(near) <= most {
		return near
	}
	chosen, others := make([]far, 0, most), make([]far, 0, most)
	for _, f := range near {
		if len(chosen) == most {
			break
		}
		code := b.code(f.node())
		if slices.ContainsFunc(chosen, func(c far) bool { return codes.Distance(code, b.code(c.node())) < f.distance() }) {
			if len(others) < most {
				others = append(others, f)
			}
			continue
		}
		chosen = append(chosen, f)
	}
	return append(chosen, others[:min(len(others), most-len(chosen))]...)
}
