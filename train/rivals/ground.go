package rivals

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/dataset"
)

// A Ground is rows on which several codes are compared without labels: the nearest rows by the floats are found once.
type Ground struct{ m *measurement }

// NewGround finds the nearest rows of the queries among a set's rows. Of the options, those that say which rows search, by which metric
// and seed are looked at, and Recall.
func NewGround(ctx context.Context, set *dataset.Set, o Options) (*Ground, error) {
	m, err := newMeasurement(concatenated([]*dataset.Set{set}), o)
	if err != nil {
		return nil, err
	}
	m.labels = nil
	if err := m.nearest(ctx); err != nil {
		return nil, err
	}
	if m.space = nil; m.truth == nil {
		return nil, fmt.Errorf("rivals: %s", m.out.LeftOut[0])
	}
	return &Ground{m}, nil
}

// Recall returns recall@k of packed codes of the rows, in their order.
func (g *Ground) Recall(ctx context.Context, packed []byte, bits int) (float64, error) {
	if err := g.m.codes(ctx, "", packed, bits); err != nil {
		return 0, err
	}
	r := g.m.out.Rows[0]
	g.m.out.Rows = nil
	return *r.Recall, nil
}
