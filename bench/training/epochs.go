package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/backend"
	"gonum.org/v1/gonum/stat"
)

const epochBatch = 128

// first makes our contender of the first model, and says how long that took: graph, gradients, export, session.
func (c command) first(backend backend.Backend, set *dataset.Set) (*contender, config, time.Duration, error) {
	start := time.Now()
	config := configs[c.Models[0]]
	e, err := compile(backend, config, epochBatch)
	if err != nil {
		return nil, config, 0, err
	}
	return newContender(e, config, set, epochBatch), config, time.Since(start), nil
}

// epochs times epochs in turn: shuffling, gathering rows, binarisation, noise and steps. The first of each is left out.
func (c command) epochs(ctx context.Context, backend backend.Backend, python *twin, set *dataset.Set) error {
	ours, config, startUp, err := c.first(backend, set)
	if err != nil {
		return err
	}
	defer ours.engine.Close()
	ours.draw = &dataset.Binarizer{Rule: dataset.Dynamic, Seed: 1}
	fmt.Printf("%s, batch %d, %d rows; start-up (graph, gradients, export, session) %.2f s\n", titles[c.Models[0]], epochBatch, set.Len(), startUp.Seconds())
	steps := set.Len() / epochBatch
	var mine, theirs []float64
	for epoch := range c.Blocks {
		ms, err := ours.block(ctx, steps)
		if err != nil {
			return err
		}
		seconds, text := ms*float64(steps)/1e3, ""
		if python != nil {
			a, err := python.block(config, epochBatch, "eager", steps, true)
			if err != nil {
				return err
			}
			text = fmt.Sprintf(", PyTorch %.2f s", a.MS*float64(steps)/1e3)
			if epoch > 0 {
				theirs = append(theirs, a.MS*float64(steps)/1e3)
			}
		}
		fmt.Printf("epoch %d: %.2f s%s\n", epoch+1, seconds, text)
		if epoch > 0 {
			mine = append(mine, seconds)
		}
	}
	if len(theirs) > 0 {
		fmt.Printf("median from the second on: %.2f s, PyTorch %.2f s, ratio %.2f\n", stats.Median(mine), stats.Median(theirs), stats.MedianRatio(mine, theirs))
	}
	return nil
}

// soak fits a line to the resident memory over the steps from the thousandth on.
func (c command) soak(ctx context.Context, backend backend.Backend, set *dataset.Set) error {
	ours, _, _, err := c.first(backend, set)
	if err != nil {
		return err
	}
	defer ours.engine.Close()
	var steps, kilobytes []float64
	for step := 0; step < c.Soak; step += 100 {
		if _, err := ours.block(ctx, 100); err != nil {
			return err
		}
		if step+100 >= 1000 {
			kb, err := memory("VmRSS")
			if err != nil {
				return err
			}
			steps, kilobytes = append(steps, float64(step+100)), append(kilobytes, kb)
		}
	}
	_, slope := stat.LinearRegression(steps, kilobytes, nil, false)
	fmt.Printf("resident memory from step 1000 to %d: %.0f to %.0f KB, a line of %.3f KB a step\n", c.Soak, kilobytes[0], kilobytes[len(kilobytes)-1], slope)
	return nil
}

// memory returns a line of the process's status, "VmRSS" for what is resident or "VmHWM" for its peak, in KB.
func memory(line string) (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("memory is read from /proc, which this system lacks: %w", err)
	}
	for l := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(l, line+":"); ok {
			return strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", line)
}
