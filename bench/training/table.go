package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/train/engine"
)

// table prints the table, as Markdown, on standard output. PyTorch reads the rows from a file.
func (c command) table(ctx context.Context, backend backend.Backend, python *twin, set *dataset.Set, dataFile string) error {
	fmt.Printf("%s, %d threads, %d blocks of %.1f s a cell; medians, and medians of the blocks' ratios (ours over theirs)\n\n", backend.Name(), c.Threads, c.Blocks, c.Seconds)
	header(c.Modes)
	var ratios [][]float64 // of each mode
	for range c.Modes {
		ratios = append(ratios, nil)
	}
	for _, name := range c.Models {
		for _, batch := range c.Batches {
			r, err := c.row(ctx, backend, python, set, name, batch)
			if err != nil {
				return err
			}
			if r.peak, err = c.ourMemory(ctx, name, batch); err != nil {
				return err
			}
			if python != nil {
				if r.theirPeak, err = c.twinMemory(ctx, dataFile, name, batch); err != nil {
					return err
				}
			}
			r.print(name, batch)
			for i, x := range r.ratios {
				ratios[i] = append(ratios[i], x)
			}
		}
	}
	fmt.Println()
	for i, mode := range c.Modes {
		fmt.Printf("geometric mean over PyTorch %s: %.3f, largest %.3f\n", mode, geometricMean(ratios[i]), slices.Max(ratios[i]))
	}
	return nil
}

// result is one row of the table.
type result struct {
	ms              float64
	theirs, ratios  []float64 // of the modes
	tape, tapeRatio float64
	peak, theirPeak float64 // MB
}

// row times every contender in turn, block after block, each time beginning with another.
func (c command) row(ctx context.Context, backend backend.Backend, python *twin, set *dataset.Set, name string, batch int) (result, error) {
	fmt.Fprintf(os.Stderr, "%s, batch %d\n", name, batch)
	config := configs[name]
	compiled, err := compile(ctx, backend, config, batch)
	if err != nil {
		return result{}, err
	}
	defer compiled.Close()
	ours := newContender(compiled, config, set, batch)
	blocks := []func(steps int) (float64, error){func(n int) (float64, error) { return ours.block(ctx, n) }}
	for _, mode := range c.Modes {
		blocks = append(blocks, func(n int) (float64, error) {
			a, err := python.block(config, batch, mode, n, false)
			return a.MS, err
		})
	}
	if c.Tape && batch == 128 {
		trace, err := config.trace()
		if err != nil {
			return result{}, err
		}
		tape, err := engine.NewTape(ctx, trace, optimizer, batch)
		if err != nil {
			return result{}, err
		}
		defer tape.Close()
		slow := newContender(tape, config, set, batch)
		blocks = append(blocks, func(n int) (float64, error) { return slow.block(ctx, max(1, n/8)) })
	}
	steps := make([]int, len(blocks))
	for i, block := range blocks { // warm up, and find the length of a block
		if _, err := block(5); err != nil {
			return result{}, err
		}
		ms, err := block(5)
		if err != nil {
			return result{}, err
		}
		steps[i] = max(2, int(c.Seconds*1e3/ms))
	}
	times := make([][]float64, len(blocks))
	for turn := range c.Blocks {
		for i := range blocks {
			i = (i + turn) % len(blocks)
			ms, err := blocks[i](steps[i])
			if err != nil {
				return result{}, err
			}
			times[i] = append(times[i], ms)
		}
	}
	r := result{ms: stats.Median(times[0])}
	for i := range c.Modes {
		r.theirs = append(r.theirs, stats.Median(times[1+i]))
		r.ratios = append(r.ratios, stats.MedianRatio(times[0], times[1+i]))
	}
	if len(times) > 1+len(c.Modes) {
		slow := times[1+len(c.Modes)]
		r.tape, r.tapeRatio = stats.Median(slow), stats.MedianRatio(slow, times[0])
	}
	return r, nil
}

func header(modes []string) {
	columns := []string{"model", "batch", "ms/step", "rows/s"}
	for _, m := range modes {
		columns = append(columns, "PyTorch "+m, "ratio")
	}
	stats.Header(append(columns, "peak MB", "PyTorch's peak MB")...)
}

func (r result) print(name string, batch int) {
	cells := []string{titles[name], strconv.Itoa(batch), fmt.Sprintf("%.2f", r.ms), fmt.Sprintf("%.0f", float64(batch)/r.ms*1e3)}
	for i := range r.theirs {
		cells = append(cells, fmt.Sprintf("%.2f", r.theirs[i]), fmt.Sprintf("%.2f", r.ratios[i]))
	}
	stats.Line(append(cells, fmt.Sprintf("%.0f", r.peak), fmt.Sprintf("%.0f", r.theirPeak))...)
	if r.tape > 0 {
		fmt.Fprintf(os.Stderr, "tape engine: %.1f ms/step, %.1f times the compiled engine's\n", r.tape, r.tapeRatio)
	}
}

func geometricMean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}
