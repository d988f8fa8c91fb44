package rivals

import (
	"context"
	"fmt"
	"sync"

	"github.com/catvae/catvae/internal/projection"
)

// linear is the rival of a fitted map: the signs of what it gives, as many bits as the model has. Of some there are as many as values.
func linear(fit projection.Fit, limited bool) rival {
	return rival{
		unfit: func(in input) string {
			if limited && in.bits > in.width {
				return fmt.Sprintf("%d bits of rows of %d values", in.bits, in.width)
			}
			return ""
		},
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
