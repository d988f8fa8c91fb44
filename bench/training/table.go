package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/train/engine"
)

// run prints the table, as Markdown, on standard output, and what it is doing on standard error.
func (c command) run(ctx context.Context) error {
	if c.Threads == 0 {
		c.Threads = goruntime.NumCPU()
	}
	backend, err := onnxruntime.Open(onnxruntime.WithThreads(c.Threads), onnxruntime.WithSpinning(true))
	if err != nil {
		return err
	}
	set, err := rows(c.Data, !c.Epochs)
	if err != nil {
		return err
	}
	if c.Memory != "" {
		return c.takeMemory(ctx, backend, set)
	}
	var python *twin
	var dataFile string
	if c.Python != "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		dataFile = filepath.Join(dir, "rows.bin")
		if err := writeRows(dataFile, set); err != nil {
			return err
		}
		if python, err = startTwin(ctx, c.Python, c.Twin, dataFile, c.Threads); err != nil {
			return err
		}
		defer python.Close()
	} else {
		c.Modes = nil
	}
	switch {
	case c.Write != "":
		return c.write(backend)
	case c.Epochs:
		return c.epochs(ctx, backend, python, set)
	case c.Soak > 0:
		return c.soak(ctx, backend, set)
	}
	fmt.Printf("%s, %d threads, %d blocks of %.1f s a cell; medians, and medians of the blocks' ratios (ours over theirs)\n\n", backend.Name(), c.Threads, c.Blocks, c.Seconds)
	header(os.Stdout, c.Modes)
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
			if ours, err := c.ourMemory(ctx, name, batch); err == nil {
				r.peak = ours
			} else {
				return err
			}
			if python != nil {
				if r.theirPeak, err = c.twinMemory(ctx, dataFile, name, batch); err != nil {
					return err
				}
			}
			r.print(os.Stdout, name, batch)
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

// rows loads the data, as it is or binarised once, as bytes of 0 and 1.
func rows(source string, binarize bool) (*dataset.Set, error) {
	set, err := dataset.Load(source, dataset.Options{Split: dataset.Train})
	if err != nil {
		return nil, err
	}
	if set.RowSize() != 784 || set.Bytes(0) == nil {
		return nil, fmt.Errorf("%s: rows of 784 bytes are timed", source)
	}
	for i := range set.Len() {
		if row := set.Bytes(i); binarize {
			for j, b := range row {
				row[j] = b >> 7
			}
		}
	}
	return set, nil
}

func writeRows(path string, set *dataset.Set) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for i := range set.Len() {
		if _, err := f.Write(set.Bytes(i)); err != nil {
			return err
		}
	}
	return f.Close()
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
	compiled, err := compile(backend, config, batch)
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
		tape, err := engine.NewTape(trace, optimizer, batch)
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

func header(w io.Writer, modes []string) {
	columns := []string{"model", "batch", "ms/step", "rows/s"}
	for _, m := range modes {
		columns = append(columns, "PyTorch "+m, "ratio")
	}
	columns = append(columns, "peak MB", "PyTorch's peak MB")
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
}

func (r result) print(w io.Writer, name string, batch int) {
	cells := []string{titles[name], strconv.Itoa(batch), fmt.Sprintf("%.2f", r.ms), fmt.Sprintf("%.0f", float64(batch)/r.ms*1e3)}
	for i := range r.theirs {
		cells = append(cells, fmt.Sprintf("%.2f", r.theirs[i]), fmt.Sprintf("%.2f", r.ratios[i]))
	}
	cells = append(cells, fmt.Sprintf("%.0f", r.peak), fmt.Sprintf("%.0f", r.theirPeak))
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
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

// ourMemory has a process of its own take steps, and returns its peak resident memory in MB.
func (c command) ourMemory(ctx context.Context, name string, batch int) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, self, "--data", c.Data, "--threads", strconv.Itoa(c.Threads), "--memory", fmt.Sprintf("%s,%d", name, batch)).Output()
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

func (c command) twinMemory(ctx context.Context, data, name string, batch int) (float64, error) {
	t, err := startTwin(ctx, c.Python, c.Twin, data, c.Threads)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	a, err := t.block(configs[name], batch, "eager", 50, false)
	return a.Peak, err
}

// write writes the step's graph.
func (c command) write(backend backend.Backend) error {
	e, err := compile(backend, configs[c.Models[0]], c.Batches[0])
	if err != nil {
		return err
	}
	defer e.Close()
	fmt.Fprintln(os.Stderr, e.Model().Summary())
	model, err := e.Model().Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(c.Write, model, 0o644)
}

// takeMemory is the other side of ourMemory.
func (c command) takeMemory(ctx context.Context, backend backend.Backend, set *dataset.Set) error {
	name, size, _ := strings.Cut(c.Memory, ",")
	batch, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	e, err := compile(backend, configs[name], batch)
	if err != nil {
		return err
	}
	defer e.Close()
	if _, err := newContender(e, configs[name], set, batch).block(ctx, 50); err != nil {
		return err
	}
	kb, err := memory("VmHWM")
	fmt.Printf("%.1f\n", kb/1024)
	return err
}
