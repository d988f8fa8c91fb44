package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// A DenseLayer makes Width numbers of a row, each a weighted sum of all its numbers: W x + b. Rows are flattened.
type DenseLayer struct {
	Width  int  `json:"width,omitempty" doc:"numbers of the result; the last layer may leave it out: as many as the network gives" range:"[0,1048576]"`
	NoBias bool `json:"no_bias,omitempty" doc:"true leaves the bias out, as where a normalisation follows"`
}

func (l DenseLayer) check() error { return between("width", 0, maxWidth, l.Width) }

func (l DenseLayer) ends() bool { return l.Width == 0 }

func (l DenseLayer) width(s NetworkSpec) int {
	if l.ends() {
		return s.Out
	}
	return l.Width
}

func (l DenseLayer) plan(in []int, s NetworkSpec) ([]Layer, error) {
	width := l.width(s)
	adds := flattened(in) * width
	weights := adds
	if !l.NoBias {
		weights += width
	}
	return []Layer{{l.String(), []int{width}, weights, adds}}, nil
}

func (l DenseLayer) build(b *Graph, x *G.Node, s NetworkSpec, init Init) *G.Node {
	bias := Init(Zeros)
	switch {
	case l.NoBias:
		bias = nil
	case l.ends():
		bias = Start(s.Bias)
	}
	return b.product(b.flat(x), l.width(s), init, bias)
}

func (l DenseLayer) String() string {
	if l.ends() {
		return "dense"
	}
	return fmt.Sprintf("dense %d", l.Width)
}
