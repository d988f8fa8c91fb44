package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/catvae/catvae/bench/internal/stats"
)

const (
	memoryLimit = 400 // MB
	startLimit  = 300 // ms
)

// memory encodes two files of which the second is ten times as long: a stream's memory does not grow.
func (b *bench) memory(ctx context.Context, s size) error {
	source, codes := b.path("rows.idx"), b.path("codes.npy")
	defer b.remove(source, codes)
	stats.Header("rows", "peak MB", "seconds")
	worst := 0.0
	for _, rows := range []int{s.rows / 10, s.rows} {
		if err := b.source.WriteIDX(ctx, source, rows); err != nil {
			return err
		}
		if err := b.remove(codes); err != nil {
			return err
		}
		o, err := b.infer.Infer(ctx, b.infer.Encode(source, codes)...)
		if err != nil {
			return err
		}
		stats.Line(strconv.Itoa(rows), fmt.Sprintf("%.0f", o.PeakMB), fmt.Sprintf("%.1f", o.Seconds))
		worst = max(worst, o.PeakMB)
	}
	fmt.Println()
	b.promise(worst <= memoryLimit, "the peak is %.0f MB; %d MB are allowed", worst, memoryLimit)
	return nil
}

// start times runs of one row from the start of the process to its exit, after one that fills the page cache.
func (b *bench) start(ctx context.Context, s size) error {
	source, codes := b.path("row.idx"), b.path("codes.npy")
	defer b.remove(source, codes)
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return err
	}
	var ms []float64
	for i := range s.times + 1 {
		if err := os.RemoveAll(codes); err != nil {
			return err
		}
		o, err := b.infer.Infer(ctx, b.infer.Encode(source, codes)...)
		if err != nil {
			return err
		}
		if i > 0 {
			ms = append(ms, o.Seconds*1e3)
		}
	}
	fmt.Printf("median %.0f ms, quartiles %s, longest %.0f\n\n", stats.Median(ms), stats.Quartiles(ms, "%.0f"), stats.Quantile(ms, 1))
	b.promise(stats.Median(ms) <= startLimit, "the median is %.0f ms; %d ms are allowed", stats.Median(ms), startLimit)
	return nil
}
