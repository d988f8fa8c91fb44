package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/catvae/catvae/bench/internal/peer"
)

// twin is the PyTorch process.
type twin struct{ *peer.Process }

// answer is what the twin says of a block.
type answer struct {
	MS   float64 `json:"ms"`
	Loss float64 `json:"loss"`
	Peak float64 `json:"peak_mb"`
}

func startTwin(ctx context.Context, python, script, data string, threads int) (*twin, error) {
	p, err := peer.Start(ctx, "PyTorch's twin", python, script, data, strconv.Itoa(threads))
	return &twin{p}, err
}

func (t *twin) block(c config, batch int, mode string, steps int, grey bool) (a answer, err error) {
	err = t.Ask(map[string]any{"config": c, "batch": batch, "mode": mode, "steps": steps, "grey": grey}, &a)
	if err != nil {
		return a, fmt.Errorf("%s: %w", mode, err)
	}
	return a, nil
}
