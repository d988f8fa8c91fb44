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

// twin is the process with FAISS.
type twin struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// answer is what the twin says of building its index, and of a search.
type answer struct {
	Name      string  `json:"name"`
	MS        float64 `json:"ms"`
	MB        float64 `json:"mb"`
	Distances [][]int `json:"distances"`
}

// startTwin returns the twin when its index is built.
func startTwin(ctx context.Context, python, script, codes, queries string, size int) (*twin, answer, error) {
	t := &twin{cmd: exec.CommandContext(ctx, python, script, codes, queries, strconv.Itoa(size))}
	t.cmd.Stderr = os.Stderr
	in, err := t.cmd.StdinPipe()
	if err != nil {
		return nil, answer{}, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, answer{}, err
	}
	t.in, t.out = in, bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, answer{}, fmt.Errorf("start FAISS's twin: %w", err)
	}
	a, err := t.answer()
	if err != nil {
		t.close()
		return nil, answer{}, err
	}
	return t, a, nil
}

func (t *twin) search(first, queries, k, threads int) (answer, error) {
	job := map[string]int{"first": first, "queries": queries, "k": k, "threads": threads}
	if err := json.NewEncoder(t.in).Encode(job); err != nil {
		return answer{}, fmt.Errorf("FAISS's twin: %w", err)
	}
	return t.answer()
}

func (t *twin) answer() (a answer, err error) {
	line, err := t.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("FAISS's twin ended: %w", err)
	}
	return a, json.Unmarshal(line, &a)
}

func (t *twin) close() {
	t.in.Close()
	t.cmd.Wait()
}
