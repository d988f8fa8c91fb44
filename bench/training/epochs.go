package main

import (
	"context"
	"fmt"
	"time"

	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/backend"
)

const epochBatch = 128

// first makes our contender of the first model, and says how long that took: graph, gradients, export, session.
func (c command) first(ctx context.Context, backend backend.Backend, set *dataset.Set) (*contender, config, time.Duration, error) {
	start := time.Now()
	config := configs[c.Models[0]]
	e, err := compile(ctx, backend, config, epochBatch)
	if err != nil {
		return nil, config, 0, err
	}
	return newContender(e, config, set, epochBatch), config, time.Since(start), nil
}

// epochs times epochs in turn: shuffling, gathering rows, binarisation, noise and steps. The first of each is left out.
func (c command) epochs(ctx context.Context, backend backend.Backend, python *twin, set *dataset.Set) error {
	ours, config, startUp, err := c.first(ctx, backend, set)
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
