package rivals

import (
	"context"
	"fmt"
	"sync"

	"github.com/catvae/catvae/internal/projection"
)

// slowITQ is above how many bits ITQ is left out of comparisons, since it would take minutes.
const slowITQ = 512

// anyBits, fewBits and componentBits say why a linear rival is left out.
func anyBits(input) string { return "" }

func fewBits(in input) string {
	if in.bits > slowITQ {
		return fmt.Sprintf("%d bits would take minutes, above %d: catvae train --config itq fits them", in.bits, slowITQ)
	}
	return ""
}

func componentBits(in input) string {
	if in.bits > in.width {
		return fmt.Sprintf("%d bits of rows of %d values, which have no more components", in.bits, in.width)
	}
	return ""
}

// linear is the rival of a fitted map: the signs of what it gives, as many bits as the model has.
func linear(fit projection.Fit, unfit func(input) string) rival {
	return rival{
		unfit: unfit,
		coder: func(ctx context.Context, in input) (int, func([]byte, int) error, error) {
			m, err := fit(in.fit, ctx, in.bits)
			if err != nil {
				return 0, nil, err
			}
			memory := sync.Pool{New: func() any { return &linearMemory{row: make([]float32, in.width)} }}
			return in.bits, func(dst []byte, i int) error {
				at := memory.Get().(*linearMemory)
				defer memory.Put(at)
				in.row(i, at.row)
				at.y = m.Apply(at.y[:0], at.row)
				for j, y := range at.y {
					if dst[j] = 0; y > 0 {
						dst[j] = 1
					}
				}
				return nil
			}, nil
		},
	}
}

type linearMemory struct {
	row []float32
	y   []float64
}
