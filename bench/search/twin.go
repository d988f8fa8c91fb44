package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/catvae/catvae/bench/internal/peer"
)

// twin is the process with FAISS.
type twin struct{ *peer.Process }

// job is a search that the twin does.
type job struct {
	Index   int `json:"index"` // which of the kind's
	First   int `json:"first"`
	Queries int `json:"queries"`
	K       int `json:"k"`
	Threads int `json:"threads"`
	Breadth int `json:"breadth"`
}

// answer is what the twin says of building its indexes, and of a search.
type answer struct {
	Name      string      `json:"name"`
	Indexes   []string    `json:"indexes"`
	MS        float64     `json:"ms"`
	MB        float64     `json:"mb"`
	Distances [][]float64 `json:"distances"` // or scores
}

// startTwin returns the twin when its indexes of a kind are built of codes and queries, which are bytes or floats.
func (c command) startTwin(ctx context.Context, dir, kind string, packed, queries []byte) (*twin, answer, error) {
	var a answer
	codesFile, queriesFile := filepath.Join(dir, "codes"), filepath.Join(dir, "queries")
	if err := os.WriteFile(codesFile, packed, 0o600); err != nil {
		return nil, a, err
	}
	if err := os.WriteFile(queriesFile, queries, 0o600); err != nil {
		return nil, a, err
	}
	p, err := peer.Start(ctx, "FAISS's twin", c.Python, c.Twin, kind, codesFile, queriesFile, strconv.Itoa(c.Bits/8), strconv.Itoa(c.Links), strconv.Itoa(c.Construction), strconv.Itoa(c.Threads[0]))
	if err != nil {
		return nil, a, err
	}
	if err := p.Answer(&a); err != nil {
		p.Close()
		return nil, a, err
	}
	return &twin{p}, a, nil
}

func (t *twin) search(j job) (a answer, err error) {
	err = t.Ask(j, &a)
	return a, err
}
