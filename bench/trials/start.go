//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/catvae/catvae/bench/internal/stats"
)

const startLimit = 300 // ms

var startTrial = trial{
	name:    "start",
	promise: "A run of one row takes less than 300 ms, start and exit included.",
	does:    "Runs of one row, after one that fills the page cache.",
	counts:  "runs",
	passes:  "Passes where the median is below 300 ms.",
	long:    size{rows: 1, times: 20},
	cases: func(b *bench, _ context.Context, s size) ([]way, error) {
		return []way{{name: "one row", times: s.times, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
			source, codes := b.path("row.idx"), b.path("codes.npy")
			if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
				return 0, err
			}
			var ms []float64
			for i := range s.times + 1 {
				if err := b.remove(codes); err != nil {
					return 0, err
				}
				o, err := b.well(ctx, process{args: b.encode(source, codes)})
				if err != nil {
					return 0, err
				}
				if i > 0 {
					ms = append(ms, o.seconds*1e3)
				}
			}
			b.results.way("start", "one row").note(fmt.Sprintf("median %.0f ms, quartiles %s", stats.Median(ms), stats.Quartiles(ms, "%.0f")))
			if stats.Median(ms) > startLimit {
				return s.times, broken("the median is %.0f ms", stats.Median(ms))
			}
			return s.times, nil
		}}}, nil
	},
}
