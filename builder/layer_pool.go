package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// The kinds of pools.
const (
	PoolMax     = "max"     // the largest number of each window
	PoolAverage = "average" // the mean of each window
	PoolGlobal  = "global"  // the mean of each channel
)

// Pools returns the names of all kinds of pools.
func Pools() []string { return []string{PoolAverage, PoolGlobal, PoolMax} }

// A PoolLayer makes one number of each window of rows [channels, spatial...]: see [Graph.MaxPool] and [Graph.AveragePool]. A
// global one makes [channels] of them.
type PoolLayer struct {
	Kind    string `json:"kind,omitempty" doc:"max, average, or global for the mean of each channel; left out: max" oneof:"pools"`
	Size    Sizes  `json:"size,omitempty" doc:"of the window: one number, or one an axis; left out: 2" range:"[1,1024]"`
	Stride  Sizes  `json:"stride,omitempty" doc:"how far the window moves; left out: its size" range:"[1,1024]"`
	Padding Sizes  `json:"padding,omitempty" doc:"elements around the picture that are no numbers; left out: 0" range:"[0,1024]"`
}

func (l PoolLayer) check() error {
	switch {
	case l.Kind != "" && l.Kind != PoolMax && l.Kind != PoolAverage && l.Kind != PoolGlobal:
		return fmt.Errorf("pool is %q: %s", l.Kind, suggest(l.Kind, Pools()))
	case l.Kind == PoolGlobal && len(l.Size)+len(l.Stride)+len(l.Padding) > 0:
		return fmt.Errorf("a global pool has neither size nor stride nor padding: its window is the whole picture: leave them out")
	}
	for _, list := range []struct {
		key    string
		least  int
		values Sizes
	}{{"size", 1, l.Size}, {"stride", 1, l.Stride}, {"padding", 0, l.Padding}} {
		if err := between(list.key, list.least, maxKernel, list.values...); err != nil {
			return err
		}
	}
	return nil
}

func (l PoolLayer) spec() PoolSpec {
	p := PoolSpec{Kernel: l.Size, Stride: l.Stride, Padding: l.Padding}
	if len(p.Kernel) == 0 {
		p.Kernel = []int{2}
	}
	return p
}

func (l PoolLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("a pool takes [channels, length] or [channels, height, width], these are %v: reshape them first", in)
	}
	if l.Kind == PoolGlobal {
		return []Layer{{Name: l.String(), Output: in[:1]}}, nil
	}
	out, err := l.spec().OutputShape(in)
	if err != nil {
		return nil, plain(err)
	}
	return []Layer{{Name: l.String(), Output: out}}, nil
}

func (l PoolLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	switch l.Kind {
	case PoolGlobal:
		return b.GlobalAveragePool(x)
	case PoolAverage:
		return b.AveragePool(x, l.spec())
	}
	return b.MaxPool(x, l.spec())
}

func (l PoolLayer) String() string {
	switch l.Kind {
	case PoolGlobal:
		return "mean of each channel"
	case PoolAverage:
		return "average pool " + sizesText(l.Size, 2)
	}
	return "max pool " + sizesText(l.Size, 2)
}
