package builder

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// An EmbeddingLayer makes each whole number of a row [...] a row of a trained table: [..., Width]. See [Graph.Embedding].
type EmbeddingLayer struct {
	Rows  int `json:"rows" doc:"of the table: numbers of the row are whole, from 0 up to rows-1" range:"[1,16777216]"`
	Width int `json:"width,omitempty" doc:"numbers that stand for one; left out: 16" range:"[0,65536]"`
}

func (l EmbeddingLayer) check() error {
	if err := between("rows", 1, maxEmbedded, l.Rows); err != nil {
		return err
	}
	return between("width", 0, maxChannels, l.Width)
}

func (l EmbeddingLayer) width() int {
	if l.Width == 0 {
		return 16
	}
	return l.Width
}

func (l EmbeddingLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	return []Layer{{l.String(), append(slices.Clone(in), l.width()), l.Rows * l.width(), 0}}, nil
}

func (l EmbeddingLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	return b.Embedding("embedding", x, l.Rows, l.width())
}

func (l EmbeddingLayer) String() string {
	return fmt.Sprintf("embedding %d of %d rows", l.width(), l.Rows)
}
