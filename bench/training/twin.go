package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// twin is the PyTorch process.
type twin struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// answer is what the twin says of a block.
type answer struct {
	MS   float64 `json:"ms"`
	Loss float64 `json:"loss"`
	Peak float64 `json:"peak_mb"`
}

func startTwin(ctx context.Context, python, script, data string, threads int) (*twin, error) {
	t := &twin{cmd: exec.CommandContext(ctx, python, script, data, strconv.Itoa(threads))}
	t.cmd.Stderr = os.Stderr
	in, err := t.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.in, t.out = in, bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start PyTorch's twin: %w", err)
	}
	return t, nil
}

func (t *twin) block(c config, batch int, mode string, steps int, grey bool) (a answer, err error) {
	job := map[string]any{"config": c, "batch": batch, "mode": mode, "steps": steps, "grey": grey}
	if err := json.NewEncoder(t.in).Encode(job); err != nil {
		return a, fmt.Errorf("PyTorch's twin: %w", err)
	}
	line, err := t.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("PyTorch's twin ended (%s): %w", mode, err)
	}
	return a, json.Unmarshal(line, &a)
}

func (t *twin) close() error {
	t.in.Close()
	return t.cmd.Wait()
}
