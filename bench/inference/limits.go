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
	starts      = 20
)

// memory encodes two files of which the second is ten times as long: a stream's memory does not grow.
func (b *bench) memory(ctx context.Context) error {
	source, codes := b.path("rows.idx"), b.path("codes.npy")
	defer b.remove(source, codes)
	header("rows", "peak MB", "seconds")
	worst := 0.0
	for _, rows := range []int{1_000_000, 10_000_000} {
		if err := b.writeIDX(source, rows); err != nil {
			return err
		}
		if err := b.remove(codes); err != nil {
			return err
		}
		o, err := b.infer(ctx, b.encode(source, codes)...)
		if err != nil {
			return err
		}
		line(strconv.Itoa(rows), fmt.Sprintf("%.0f", o.peak), fmt.Sprintf("%.1f", o.wall))
		worst = max(worst, o.peak)
	}
	fmt.Println()
	check(worst <= memoryLimit, "peak %.0f MB; %d is allowed", worst, memoryLimit)
	return nil
}

// start times runs of one row from the start of the process to its exit, after one that fills the page cache.
func (b *bench) start(ctx context.Context) error {
	source, codes := b.path("row.idx"), b.path("codes.npy")
	if err := b.writeIDX(source, 1); err != nil {
		return err
	}
	defer b.remove(source, codes)
	var ms []float64
	for i := range starts + 1 {
		if err := os.RemoveAll(codes); err != nil {
			return err
		}
		o, err := b.infer(ctx, b.encode(source, codes)...)
		if err != nil {
			return err
		}
		if i > 0 {
			ms = append(ms, o.wall*1e3)
		}
	}
	fmt.Printf("%d runs of one row: median %.0f ms, quartiles %s, longest %.0f\n\n", starts, stats.Median(ms), quartiles(ms, "%.0f"), stats.Quantile(ms, 1))
	check(stats.Median(ms) <= startLimit, "median %.0f ms; %d is allowed", stats.Median(ms), startLimit)
	return nil
}
