//go:build unix

package main

import (
	"context"
	"math/rand/v2"
)

const memoryLimit = 400 // MB, of which onnxruntime and the program take some 100

var memoryTrial = trial{
	name:    "memory",
	promise: "Memory does not grow with the number of rows.",
	does:    "The peak of a run over all rows, and over a tenth of them.",
	counts:  "runs",
	passes:  "Passes where neither peak is over 400 MB.",
	short:   size{rows: 200_000, times: 2},
	long:    size{rows: 10_000_000, times: 2},
	cases: func(b *bench, _ context.Context, s size) ([]way, error) {
		return []way{{name: "IDX", times: 2, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
			for _, rows := range []int{s.rows / 10, s.rows} {
				source, codes := b.path("rows.idx"), b.path("codes.npy")
				if err := b.source.WriteIDX(ctx, source, rows); err != nil {
					return 0, err
				}
				o, err := b.well(ctx, process{args: b.encode(source, codes), limit: longLimit})
				if err != nil {
					return 0, err
				}
				if err := b.remove(source, codes); err != nil {
					return 0, err
				}
				if err := o.within(memoryLimit); err != nil {
					return 2, err
				}
			}
			return 2, nil
		}}}, nil
	},
}
